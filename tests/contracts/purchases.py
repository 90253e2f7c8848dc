"""Purchases at a gateway: the requests that most of the contract begins with.

Owns making them, each with ids and keys of its own. Does not own what must come of them.
"""

from uuid import uuid4

from billing.money import Money
from billing.ports.gateway import (
    CardUpdateRequest,
    CheckoutRequest,
    GatewayPayment,
    PaymentGateway,
    PaymentRequest,
)

RETURN_URL = "https://example.com/return"
TEN_DOLLARS = Money(amount_minor=1000, currency="USD")


def fresh(prefix: str) -> str:
    return f"{prefix}_{uuid4().hex}"


async def customer_at(gateway: PaymentGateway) -> str:
    customer_id = fresh("cus")
    return await gateway.create_customer(
        customer_id, email="ada@example.com", name="Ada Lovelace", key=f"customer:{customer_id}"
    )


def payment_request(customer: str, method: str, amount: Money = TEN_DOLLARS) -> PaymentRequest:
    return PaymentRequest(
        invoice_id=fresh("in"),
        attempt_number=1,
        subscription_id=fresh("sub"),
        gateway_customer_id=customer,
        payment_method_id=method,
        amount=amount,
        description="Team, 5 seats",
    )


async def created(gateway: PaymentGateway, request: PaymentRequest) -> GatewayPayment:
    return await gateway.create_payment(request, key=f"create:{request.invoice_id}")


async def confirmed(
    gateway: PaymentGateway, payment: GatewayPayment, *, off_session: bool = True, attempt: int = 1
) -> GatewayPayment:
    return await gateway.confirm_payment(
        payment.id,
        return_url=RETURN_URL,
        off_session=off_session,
        key=f"confirm:{payment.id}:{attempt}",
    )


async def paid_with(
    gateway: PaymentGateway, method: str, *, amount: Money = TEN_DOLLARS, off_session: bool = True
) -> GatewayPayment:
    customer = await customer_at(gateway)
    payment = await created(gateway, payment_request(customer, method, amount))
    return await confirmed(gateway, payment, off_session=off_session)


def checkout_request(customer: str) -> CheckoutRequest:
    return CheckoutRequest(
        checkout_session_id=fresh("cks"),
        subscription_id=fresh("sub"),
        gateway_customer_id=customer,
        currency="USD",
        success_url="https://example.com/done?session={CHECKOUT_SESSION_ID}",
        cancel_url="https://example.com/back",
    )


def card_update_request(customer: str) -> CardUpdateRequest:
    return CardUpdateRequest(
        customer_id=fresh("cus"),
        gateway_customer_id=customer,
        currency="USD",
        success_url="https://example.com/portal?session={CHECKOUT_SESSION_ID}",
        cancel_url="https://example.com/portal",
    )
