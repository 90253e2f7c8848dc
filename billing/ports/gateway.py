"""What the billing system needs of a payment gateway.

Owns the port and the values that cross it. Every call that changes something takes an idempotency
key made from business ids (policy P32). Every method raises `GatewayRefused` for a request that
can never succeed and a `GatewayUnavailable` for an outage; a decline is a returned value.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Protocol

from billing.decline import Decline
from billing.money import Money
from billing.value import Instant, Value


class PaymentStatus(StrEnum):
    """Stripe's PaymentIntent statuses, as far as automatic capture knows them."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class GatewayPayment(Value):
    """A payment as the gateway has it now."""

    id: str
    status: PaymentStatus
    amount: Money
    created_at: Instant
    invoice_id: str | None = None
    attempt_number: int | None = None
    decline: Decline | None = None
    """The last refusal; None after a success and before a try."""
    action_url: str | None = None
    """Where the customer authenticates; only while `requires_action`."""


_NEAREST_TO_MONEY: Final = (
    PaymentStatus.SUCCEEDED,
    PaymentStatus.PROCESSING,
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.REQUIRES_CONFIRMATION,
    PaymentStatus.REQUIRES_PAYMENT_METHOD,
    PaymentStatus.CANCELED,
)


def nearest_to_money(payments: Iterable[GatewayPayment]) -> GatewayPayment | None:
    """Which of several payments of one attempt counts; of equals, the one named first.

    There is more than one where a creation had to be repeated under a fresh key (policy P32).
    """
    return min(payments, key=lambda payment: _NEAREST_TO_MONEY.index(payment.status), default=None)


class PaymentRequest(Value):
    """A payment to create, not yet to confirm."""

    invoice_id: str
    attempt_number: int
    subscription_id: str
    gateway_customer_id: str
    payment_method_id: str
    amount: Money
    description: str


class CheckoutRequest(Value):
    """A hosted page that collects a payment method for one subscription."""

    checkout_session_id: str
    subscription_id: str
    gateway_customer_id: str
    currency: str
    success_url: str
    cancel_url: str


class HostedCheckout(Value):
    """The page, as the gateway has it now."""

    id: str
    url: str | None
    is_complete: bool
    expires_at: Instant
    checkout_session_id: str | None = None
    subscription_id: str | None = None
    payment_method_id: str | None = None
    """Set once complete."""


class SetupRequest(Value):
    """A payment method to be saved for later, with the customer present."""

    client_secret: str
    id: str


class PaymentMethod(Value):
    """A saved payment method; only what may be shown."""

    id: str
    type: str
    gateway_customer_id: str | None
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None


class SetupResult(Value):
    """A SetupIntent as the gateway has it now."""

    id: str
    succeeded: bool
    gateway_customer_id: str | None
    payment_method_id: str | None


class PaymentGateway(Protocol):
    """The port; `adapters/stripe` is the real one, `adapters/memory` keeps everything at hand."""

    async def create_customer(
        self, customer_id: str, *, email: str, name: str | None, key: str
    ) -> str:
        """The gateway's id of our customer."""
        ...

    async def create_checkout(self, request: CheckoutRequest, *, key: str) -> HostedCheckout:
        """A page that is open for 24 hours."""
        ...

    async def read_checkout(self, gateway_session_id: str) -> HostedCheckout:
        """The page's present state."""
        ...

    async def expire_checkout(self, gateway_session_id: str, *, key: str) -> None:
        """Closes the page; closing one that is complete or closed changes nothing."""
        ...

    async def create_setup(
        self, gateway_customer_id: str, *, customer_id: str, key: str
    ) -> SetupRequest:
        """A SetupIntent for the customer's browser to complete."""
        ...

    async def read_setup(self, setup_id: str) -> SetupResult:
        """The SetupIntent's present state."""
        ...

    async def attach_payment_method(
        self, payment_method_id: str, *, gateway_customer_id: str, key: str
    ) -> PaymentMethod:
        """Saves a method to a customer; a decline is a `GatewayRefused` (`card_declined`)."""
        ...

    async def read_payment_method(self, payment_method_id: str) -> PaymentMethod:
        """The method's present state."""
        ...

    async def detach_payment_method(self, payment_method_id: str, *, key: str) -> None:
        """The method can no longer be charged."""
        ...

    async def create_payment(self, request: PaymentRequest, *, key: str) -> GatewayPayment:
        """Records the payment without moving money: confirming is another call."""
        ...

    async def find_payment(
        self, gateway_customer_id: str, *, invoice_id: str, attempt_number: int
    ) -> GatewayPayment | None:
        """Looks for a payment whose creation was never answered (policy P32)."""
        ...

    async def read_payment(self, payment_id: str) -> GatewayPayment:
        """The payment's present state."""
        ...

    async def confirm_payment(
        self, payment_id: str, *, return_url: str, off_session: bool, key: str
    ) -> GatewayPayment:
        """Moves the money. A decline is returned in the payment, not raised."""
        ...

    async def cancel_payment(self, payment_id: str, *, key: str) -> GatewayPayment:
        """Makes sure that it cannot succeed any more; returns what it turned out to be."""
        ...
