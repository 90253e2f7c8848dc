"""What a payment's state means for the invoice that it should pay.

Owns the reading of a gateway's payment and the events that an outcome makes. Does not own the
subscription's transition (`billing.lifecycle`) nor the calls (`activities.collection`).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, assert_never

from billing.decline import Decline
from billing.errors import GatewayUnreachable
from billing.event import DomainEvent
from billing.ids import effect_key
from billing.invoice import InvoiceRecord
from billing.payment import (
    ActionRequired,
    AlreadyClosed,
    CollectionOutcome,
    Declined,
    NoPaymentMethod,
    NotAuthenticated,
    Paid,
    Processing,
    Superseded,
)
from billing.ports.books import PaymentAttempt
from billing.ports.gateway import GatewayPayment, PaymentStatus
from billing.subscription import ChangeResult, ChangeUnderWay, SubscriptionState

CANCELED: Final = Decline(
    code="payment_canceled", message="the payment was canceled at the gateway"
)
"""Of a payment that was stopped, or that somebody canceled at the gateway."""
_UNEXPLAINED: Final = Decline(code="card_declined", message="the gateway gave no reason")


def outcome_of(payment: GatewayPayment, *, paid_at: datetime) -> CollectionOutcome:
    """Raises `GatewayUnreachable` where the payment was not tried yet: try again."""
    match payment.status:
        case PaymentStatus.SUCCEEDED:
            return Paid(amount=payment.amount, paid_at=paid_at)
        case PaymentStatus.PROCESSING:
            return Processing()
        case PaymentStatus.REQUIRES_ACTION:
            return ActionRequired(url=payment.action_url or "")
        case PaymentStatus.REQUIRES_PAYMENT_METHOD:
            return Declined(decline=payment.decline or _UNEXPLAINED)
        case PaymentStatus.CANCELED:
            return Declined(decline=payment.decline or CANCELED)
        case PaymentStatus.REQUIRES_CONFIRMATION:
            raise GatewayUnreachable("payment_unconfirmed", f"{payment.id} is not confirmed yet")
        case _:
            assert_never(payment.status)


def is_final(outcome: CollectionOutcome) -> bool:
    """Whether the attempt can no longer take money than it did."""
    return isinstance(outcome, Paid | Declined)


def may_change(recorded: CollectionOutcome | None) -> bool:
    """Whether an outcome is recorded that somebody else decides: a bank, or the customer."""
    return isinstance(recorded, Processing | ActionRequired)


def is_news(recorded: CollectionOutcome | None, status: PaymentStatus) -> bool:
    """Whether a payment that is now in `status` has gone on since its outcome was recorded.

    Of an attempt without an outcome nothing is news: whoever makes it reads the payment before the
    outcome is recorded, and once more after one that may change (`activities.collection`). A
    final outcome never changes.
    """
    match recorded:
        case Processing():
            return status is not PaymentStatus.PROCESSING
        case ActionRequired():
            return status is not PaymentStatus.REQUIRES_ACTION
        case _:
            return False


def events(
    before: SubscriptionState,
    after: SubscriptionState,
    invoice_id: str,
    outcome: CollectionOutcome,
    now: datetime,
) -> Iterator[DomainEvent]:
    """What happened to the invoice, and to the subscription's status because of it."""
    invoice = before.open_invoice(invoice_id)
    if invoice is None:
        return
    number = invoice.attempt_number
    subject = {"customer_id": after.customer_id, "subscription_id": after.subscription_id}
    happened, details = _told(outcome)
    yield DomainEvent(
        key=effect_key(happened, invoice_id, number),
        type=happened,
        at=now,
        details={
            "invoice_id": invoice_id,
            "attempt": number,
            "amount_minor": invoice.amount.amount_minor,
            "currency": invoice.amount.currency,
            **details,
        },
        **subject,
    )
    if before.change is not None and after.change is None:
        yield change_event(before.change, after, now)
    if after.status is not before.status:
        moved = f"{after.noun}.{after.status}"
        yield DomainEvent(
            key=effect_key(moved, after.subscription_id, invoice_id, number),
            type=moved,
            at=now,
            details={"invoice_id": invoice_id},
            **subject,
        )


def change_event(change: ChangeUnderWay, after: SubscriptionState, now: datetime) -> DomainEvent:
    """What became of a change that was being paid."""
    command = after.applied_command(change.change_id)
    result = ChangeResult.ABANDONED if command is None or command.result is None else command.result
    if after.terms == change.target:
        result = ChangeResult.APPLIED
    happened = f"subscription.change_{result}"
    return DomainEvent(
        key=effect_key(happened, after.subscription_id, change.change_id),
        type=happened,
        at=now,
        customer_id=after.customer_id,
        subscription_id=after.subscription_id,
        details={
            "change_id": change.change_id,
            "invoice_id": change.invoice_id,
            "to_price": change.target.price_id,
            "to_quantity": change.target.quantity,
        },
    )


def paid_event(invoice: InvoiceRecord, attempt: PaymentAttempt, now: datetime) -> DomainEvent:
    """The invoice was paid by an attempt that was to be stopped, to the amount that it took."""
    return DomainEvent(
        key=effect_key("invoice.paid", invoice.id, attempt.number),
        type="invoice.paid",
        at=now,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        details={
            "invoice_id": invoice.id,
            "attempt": attempt.number,
            "amount_minor": attempt.amount.amount_minor,
            "currency": attempt.amount.currency,
        },
    )


def voided_event(invoice: InvoiceRecord, now: datetime) -> DomainEvent:
    """The invoice owes nothing any more."""
    return DomainEvent(
        key=effect_key("invoice.voided", invoice.id),
        type="invoice.voided",
        at=now,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        details={"invoice_id": invoice.id, "number": invoice.number},
    )


def uncollectible_event(invoice: InvoiceRecord, now: datetime) -> DomainEvent:
    """The invoice is a bad debt."""
    return DomainEvent(
        key=effect_key("invoice.uncollectible", invoice.id),
        type="invoice.uncollectible",
        at=now,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        details={"invoice_id": invoice.id, "number": invoice.number},
    )


def _told(outcome: CollectionOutcome) -> tuple[str, dict[str, str | int | None]]:
    details: dict[str, str | int | None] = {}
    match outcome:
        case Paid():
            happened = "invoice.paid"
        case Declined():
            happened = "payment.declined"
            details = {"reason": outcome.decline.reason, "kind": outcome.decline.kind.value}
        case ActionRequired():
            happened = "payment.action_required"
        case Processing():
            happened = "payment.processing"
        case NotAuthenticated():
            happened = "payment.not_authenticated"
        case NoPaymentMethod():
            happened = "payment.no_payment_method"
        case AlreadyClosed():
            happened = "payment.not_needed"
        case Superseded():
            happened = "payment.superseded"
        case _:
            assert_never(outcome)
    return happened, details
