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


class RefundStatus(StrEnum):
    """Stripe's statuses of a refund. Even `succeeded` is not the end: the bank may return it."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class RefundReason(StrEnum):
    """The reasons that Stripe takes with a refund; any other belongs to our own books."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    REQUESTED_BY_CUSTOMER = "requested_by_customer"


class RefundRequest(Value):
    """Money to be paid back from one payment, to wherever it came from."""

    refund_id: str
    payment_id: str
    amount: Money
    reason: RefundReason | None = None


class GatewayRefund(Value):
    """A refund as the gateway has it now."""

    id: str
    payment_id: str | None
    """The PaymentIntent; None for a charge that was made without one, which is never ours."""
    amount: Money
    status: RefundStatus
    created_at: Instant
    refund_id: str | None = None
    """Ours; None for a refund that was made in the gateway's dashboard."""
    failure_reason: str | None = None
    """Stripe's code; only where `failed` or `canceled`."""
    reason: str | None = None


_MOST_DONE: Final = (
    RefundStatus.SUCCEEDED,
    RefundStatus.PENDING,
    RefundStatus.REQUIRES_ACTION,
    RefundStatus.FAILED,
    RefundStatus.CANCELED,
)


def nearest_to_paid_back(refunds: Iterable[GatewayRefund]) -> GatewayRefund | None:
    """Which of several refunds of one request counts; of equals, the one named first.

    There is more than one where a creation had to be repeated under a fresh key (policy P32).
    """
    return min(refunds, key=lambda refund: _MOST_DONE.index(refund.status), default=None)


class DisputeStatus(StrEnum):
    """Stripe's statuses of a dispute (https://docs.stripe.com/disputes/how-disputes-work)."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response"
    APPEAL_UNDER_REVIEW = "appeal_under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"

    @property
    def is_inquiry(self) -> bool:
        """The bank only asks: no money was taken, and a refund is still possible."""
        return self in _INQUIRIES

    @property
    def is_closed(self) -> bool:
        """Nothing more is expected of us; an inquiry may still come back as a dispute."""
        return self in _CLOSED_DISPUTES


_INQUIRIES: Final = frozenset(
    {
        DisputeStatus.WARNING_NEEDS_RESPONSE,
        DisputeStatus.WARNING_UNDER_REVIEW,
        DisputeStatus.WARNING_CLOSED,
    }
)
_CLOSED_DISPUTES: Final = frozenset(
    {
        DisputeStatus.WARNING_CLOSED,
        DisputeStatus.WON,
        DisputeStatus.LOST,
        DisputeStatus.PREVENTED,
    }
)


class GatewayDispute(Value):
    """A dispute as the gateway has it now."""

    id: str
    payment_id: str | None
    """The PaymentIntent; None for a charge that was made without one, which is never ours."""
    amount: Money
    status: DisputeStatus
    reason: str
    created_at: Instant


class CheckoutRequest(Value):
    """A hosted page that collects a payment method for one subscription."""

    checkout_session_id: str
    subscription_id: str
    gateway_customer_id: str
    currency: str
    success_url: str
    cancel_url: str


class CardUpdateRequest(Value):
    """A hosted page on which a customer replaces their payment method, whatever they subscribe to.

    `success_url` and `cancel_url` are pages of ours; Stripe replaces `{CHECKOUT_SESSION_ID}` in the
    first.
    """

    customer_id: str
    gateway_customer_id: str
    currency: str
    success_url: str
    cancel_url: str


class HostedCheckout(Value):
    """The page, as the gateway has it now. One without any id of ours is somebody else's."""

    id: str
    url: str | None
    is_complete: bool
    expires_at: Instant
    checkout_session_id: str | None = None
    """Ours; set for a page that completes a subscription."""
    subscription_id: str | None = None
    customer_id: str | None = None
    """Ours; set for a page that replaces a customer's payment method, and only there."""
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
    fingerprint: str | None = None
    """One card or account has one, whatever methods are made of it; it cannot be used to pay."""
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

    async def create_card_update(self, request: CardUpdateRequest, *, key: str) -> HostedCheckout:
        """A page that is open for 24 hours; it is read and closed like any other."""
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

    async def create_refund(self, request: RefundRequest, *, key: str) -> GatewayRefund:
        """Pays money back. What may not be paid back is a `GatewayRefused` with Stripe's code.

        `charge_disputed`, `charge_already_refunded` where nothing is left, `amount_too_large` where
        less is left than was asked for; other codes are Stripe's own.
        """
        ...

    async def find_refund(self, payment_id: str, *, refund_id: str) -> GatewayRefund | None:
        """Looks for a refund whose creation was never answered (policy P32)."""
        ...

    async def read_refund(self, gateway_refund_id: str) -> GatewayRefund:
        """The refund's present state."""
        ...

    async def refunds_of_charge(self, charge_id: str) -> tuple[GatewayRefund, ...]:
        """Every refund of a charge; news of refunds may name nothing else."""
        ...

    async def read_dispute(self, dispute_id: str) -> GatewayDispute:
        """The dispute's present state."""
        ...
