"""The payment gateway at Stripe.

Owns one method per request of the port `billing.ports.gateway`. Every write carries the key it is
given; what an object is now is always read from Stripe, never remembered. Does not own retries,
nor when to look before repeating (`activities`).
"""

from typing import Final

import stripe
from stripe import StripeClient
from stripe.params import CustomerCreateParams, RefundCreateParams

from adapters.stripe.amount import to_stripe
from adapters.stripe.failure import UNEXPECTED_STATE, error_code, refund_refusals, stripe_errors
from adapters.stripe.resources import (
    ATTEMPT,
    CHECKOUT,
    CUSTOMER,
    INVOICE,
    REFUND,
    SUBSCRIPTION,
    checkout_of,
    dispute_of,
    is_attempt,
    is_refund,
    method_of,
    payment_of,
    refund_of,
    setup_of,
)
from billing.errors import GatewayRefused
from billing.ports.gateway import (
    CardUpdateRequest,
    CheckoutRequest,
    GatewayDispute,
    GatewayPayment,
    GatewayRefund,
    HostedCheckout,
    PaymentMethod,
    PaymentRequest,
    PaymentStatus,
    RefundRequest,
    SetupRequest,
    SetupResult,
    nearest_to_money,
    nearest_to_paid_back,
)

_PAGE: Final = 100
_MOST_PAGES: Final = 20

_FINAL: Final = frozenset(
    {PaymentStatus.SUCCEEDED, PaymentStatus.PROCESSING, PaymentStatus.CANCELED}
)


class StripeGateway:
    """`PaymentGateway` over Stripe's API."""

    def __init__(self, client: StripeClient) -> None:
        self._v1 = client.v1

    async def create_customer(
        self, customer_id: str, *, email: str, name: str | None, key: str
    ) -> str:
        """The gateway's id of our customer."""
        params: CustomerCreateParams = {"email": email, "metadata": {CUSTOMER: customer_id}}
        if name is not None:
            params["name"] = name
        with stripe_errors():
            customer = await self._v1.customers.create_async(params, {"idempotency_key": key})
        return customer.id

    async def create_checkout(self, request: CheckoutRequest, *, key: str) -> HostedCheckout:
        """Stripe Checkout in `setup` mode; open for 24 hours, Stripe's default.

        Stripe replaces `{CHECKOUT_SESSION_ID}` in `success_url`.
        """
        names = {
            SUBSCRIPTION: request.subscription_id,
            CHECKOUT: request.checkout_session_id,
        }
        with stripe_errors():
            session = await self._v1.checkout.sessions.create_async(
                {
                    "mode": "setup",
                    "currency": request.currency.lower(),
                    "customer": request.gateway_customer_id,
                    "client_reference_id": request.checkout_session_id,
                    "metadata": names,
                    "setup_intent_data": {"metadata": names},
                    "success_url": request.success_url,
                    "cancel_url": request.cancel_url,
                },
                {"idempotency_key": key},
            )
        return checkout_of(session)

    async def create_card_update(self, request: CardUpdateRequest, *, key: str) -> HostedCheckout:
        """Stripe Checkout in `setup` mode, with our customer in place of a checkout of ours."""
        names = {CUSTOMER: request.customer_id}
        with stripe_errors():
            session = await self._v1.checkout.sessions.create_async(
                {
                    "mode": "setup",
                    "currency": request.currency.lower(),
                    "customer": request.gateway_customer_id,
                    "metadata": names,
                    "setup_intent_data": {"metadata": names},
                    "success_url": request.success_url,
                    "cancel_url": request.cancel_url,
                },
                {"idempotency_key": key},
            )
        return checkout_of(session)

    async def read_checkout(self, gateway_session_id: str) -> HostedCheckout:
        """The page's present state."""
        with stripe_errors():
            session = await self._v1.checkout.sessions.retrieve_async(
                gateway_session_id, {"expand": ["setup_intent"]}
            )
        return checkout_of(session)

    async def expire_checkout(self, gateway_session_id: str, *, key: str) -> None:
        """Closes the page; closing one that is complete or closed changes nothing."""
        with stripe_errors():
            try:
                await self._v1.checkout.sessions.expire_async(
                    gateway_session_id, options={"idempotency_key": key}
                )
            except stripe.InvalidRequestError:
                session = await self._v1.checkout.sessions.retrieve_async(gateway_session_id)
                if session.status == "open":
                    raise

    async def create_setup(
        self, gateway_customer_id: str, *, customer_id: str, key: str
    ) -> SetupRequest:
        """A SetupIntent for the customer's browser to complete, for later off-session charges."""
        with stripe_errors():
            setup = await self._v1.setup_intents.create_async(
                {
                    "customer": gateway_customer_id,
                    "usage": "off_session",
                    "automatic_payment_methods": {"enabled": True},
                    "metadata": {CUSTOMER: customer_id},
                },
                {"idempotency_key": key},
            )
        if setup.client_secret is None:
            raise GatewayRefused("no_client_secret", "Stripe made a SetupIntent without a secret")
        return SetupRequest(id=setup.id, client_secret=setup.client_secret)

    async def read_setup(self, setup_id: str) -> SetupResult:
        """The SetupIntent's present state."""
        with stripe_errors():
            return setup_of(await self._v1.setup_intents.retrieve_async(setup_id))

    async def attach_payment_method(
        self, payment_method_id: str, *, gateway_customer_id: str, key: str
    ) -> PaymentMethod:
        """Saves a method to a customer; one that is saved to the same customer stays as it is."""
        with stripe_errors():
            try:
                method = await self._v1.payment_methods.attach_async(
                    payment_method_id, {"customer": gateway_customer_id}, {"idempotency_key": key}
                )
            except stripe.InvalidRequestError:
                method = await self._v1.payment_methods.retrieve_async(payment_method_id)
                if method_of(method).gateway_customer_id != gateway_customer_id:
                    raise
        return method_of(method)

    async def read_payment_method(self, payment_method_id: str) -> PaymentMethod:
        """The method's present state."""
        with stripe_errors():
            return method_of(await self._v1.payment_methods.retrieve_async(payment_method_id))

    async def detach_payment_method(self, payment_method_id: str, *, key: str) -> None:
        """The method can no longer be charged; one that is detached already stays so."""
        with stripe_errors():
            try:
                await self._v1.payment_methods.detach_async(
                    payment_method_id, options={"idempotency_key": key}
                )
            except stripe.InvalidRequestError:
                method = await self._v1.payment_methods.retrieve_async(payment_method_id)
                if method.customer is not None:
                    raise

    async def create_payment(self, request: PaymentRequest, *, key: str) -> GatewayPayment:
        """An unconfirmed PaymentIntent: no money moves before `confirm_payment`."""
        number, currency = to_stripe(request.amount)
        with stripe_errors():
            intent = await self._v1.payment_intents.create_async(
                {
                    "amount": number,
                    "currency": currency,
                    "customer": request.gateway_customer_id,
                    "payment_method": request.payment_method_id,
                    "automatic_payment_methods": {"enabled": True},
                    "description": request.description,
                    "metadata": {
                        INVOICE: request.invoice_id,
                        ATTEMPT: str(request.attempt_number),
                        SUBSCRIPTION: request.subscription_id,
                    },
                },
                {"idempotency_key": key},
            )
        return payment_of(intent)

    async def find_payment(
        self, gateway_customer_id: str, *, invoice_id: str, attempt_number: int
    ) -> GatewayPayment | None:
        """Looks through the customer's latest 2,000 payments, newest first.

        Raises `GatewayRefused` (`payment_lookup_incomplete`) where there are more and none of
        these is it: saying that there is none could charge twice.
        """
        found: list[GatewayPayment] = []
        after: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._page_of_payments(gateway_customer_id, after)
            found += [
                payment_of(intent)
                for intent in page.data
                if is_attempt(intent, invoice_id=invoice_id, attempt_number=attempt_number)
            ]
            if not page.has_more:
                break
            after = page.data[-1].id
        else:
            if not found:
                raise GatewayRefused(
                    "payment_lookup_incomplete",
                    "the customer has more payments than can be looked through",
                    invoice_id=invoice_id,
                )
        return nearest_to_money(found)

    async def read_payment(self, payment_id: str) -> GatewayPayment:
        """The payment's present state."""
        with stripe_errors():
            return payment_of(await self._v1.payment_intents.retrieve_async(payment_id))

    async def confirm_payment(
        self, payment_id: str, *, return_url: str, off_session: bool, key: str
    ) -> GatewayPayment:
        """Moves the money. A decline is returned in the payment; a final payment as it is."""
        with stripe_errors():
            try:
                intent = await self._v1.payment_intents.confirm_async(
                    payment_id,
                    {"return_url": return_url, "off_session": off_session},
                    {"idempotency_key": key},
                )
            except stripe.CardError as declined:
                intent = await self._declined_intent(payment_id, declined)
            except stripe.InvalidRequestError as refused:
                intent = await self._final_intent(payment_id, refused)
        return payment_of(intent)

    async def cancel_payment(self, payment_id: str, *, key: str) -> GatewayPayment:
        """Makes sure that it cannot succeed any more; a final payment is returned as it is."""
        with stripe_errors():
            try:
                intent = await self._v1.payment_intents.cancel_async(
                    payment_id, options={"idempotency_key": key}
                )
            except stripe.InvalidRequestError as refused:
                intent = await self._final_intent(payment_id, refused)
        return payment_of(intent)

    async def create_refund(self, request: RefundRequest, *, key: str) -> GatewayRefund:
        """Pays money back to the source of a payment; a part of it at a time, if asked for."""
        number, _ = to_stripe(request.amount)
        params: RefundCreateParams = {
            "payment_intent": request.payment_id,
            "amount": number,
            "metadata": {REFUND: request.refund_id},
        }
        if request.reason is not None:
            params["reason"] = request.reason.value
        with stripe_errors(), refund_refusals():
            refund = await self._v1.refunds.create_async(params, {"idempotency_key": key})
        return refund_of(refund)

    async def find_refund(self, payment_id: str, *, refund_id: str) -> GatewayRefund | None:
        """Looks through all refunds of the payment, newest first."""
        with stripe_errors():
            page = await self._v1.refunds.list_async({"payment_intent": payment_id, "limit": _PAGE})
            return nearest_to_paid_back(
                [
                    refund_of(refund)
                    async for refund in page.auto_paging_iter()
                    if is_refund(refund, refund_id=refund_id)
                ]
            )

    async def read_refund(self, gateway_refund_id: str) -> GatewayRefund:
        """The refund's present state."""
        with stripe_errors():
            return refund_of(await self._v1.refunds.retrieve_async(gateway_refund_id))

    async def refunds_of_charge(self, charge_id: str) -> tuple[GatewayRefund, ...]:
        """Newest first."""
        with stripe_errors():
            page = await self._v1.refunds.list_async({"charge": charge_id, "limit": _PAGE})
            return tuple([refund_of(refund) async for refund in page.auto_paging_iter()])

    async def read_dispute(self, dispute_id: str) -> GatewayDispute:
        """The dispute's present state."""
        with stripe_errors():
            return dispute_of(await self._v1.disputes.retrieve_async(dispute_id))

    async def _declined_intent(
        self, payment_id: str, declined: stripe.CardError
    ) -> stripe.PaymentIntent:
        """The intent that Stripe sends along with the decline, read anew where it does not."""
        intent = getattr(declined.error, "payment_intent", None)
        if isinstance(intent, stripe.PaymentIntent) and intent.last_payment_error is not None:
            return intent
        return await self._v1.payment_intents.retrieve_async(payment_id)

    async def _final_intent(
        self, payment_id: str, refused: stripe.InvalidRequestError
    ) -> stripe.PaymentIntent:
        """The intent, where it was refused because it is final already; else the refusal again."""
        if error_code(refused) != UNEXPECTED_STATE:
            raise refused
        intent = await self._v1.payment_intents.retrieve_async(payment_id)
        if intent.status not in _FINAL:
            raise refused
        return intent

    async def _page_of_payments(
        self, gateway_customer_id: str, after: str | None
    ) -> stripe.ListObject[stripe.PaymentIntent]:
        with stripe_errors():
            if after is None:
                return await self._v1.payment_intents.list_async(
                    {"customer": gateway_customer_id, "limit": _PAGE}
                )
            return await self._v1.payment_intents.list_async(
                {"customer": gateway_customer_id, "limit": _PAGE, "starting_after": after}
            )
