"""What a payment that came outside the gateway means for a subscription (policy P22).

Owns which may be recorded, on what, and what follows from one. In full it is a payment like any
other (`billing.settlement`). Does not own its values (`billing.received_payment`), the books
(`billing.ledger`) nor stopping a card's payment first (`activities.receiving`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from billing import closing, settlement
from billing.collecting import change_event
from billing.commands import check_command
from billing.errors import Conflict, InvalidInput
from billing.event import DomainEvent
from billing.ids import effect_key
from billing.invoice import InvoiceRecord, InvoiceStatus
from billing.money import Money
from billing.payment import Paid
from billing.received_payment import ReceivedPayment, ReportedPayment
from billing.subscription import CommandName, SubscriptionState

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far the clock of whoever reports a payment may be ahead of ours."""


def check_recordable(
    state: SubscriptionState, invoice_id: str, reported: ReportedPayment, now: datetime
) -> None:
    """Whether the payment may be recorded on the invoice now.

    Raises `Conflict`: `invoice_not_open` (closed, or about to be), `payment_under_way` (its bank
    decides about another payment), `command_not_allowed`; and `InvalidInput`: `currency_mismatch`,
    `amount_not_positive`, `received_in_future`.
    """
    invoice = state.open_invoice(invoice_id)
    if invoice is None or closing.is_unwanted(state, invoice_id):
        raise Conflict("invoice_not_open", f"{invoice_id} is not an open invoice of this one")
    if invoice_id in closing.invoices_to_void(state, now):
        raise Conflict("invoice_not_open", f"{invoice_id} is no longer owed and is being closed")
    check_command(state, CommandName.RECORD_PAYMENT)
    _check_reported(reported, invoice.amount.currency, now)
    if invoice.in_processing:
        raise Conflict("payment_under_way", UNDER_WAY)


def check_recoverable(invoice: InvoiceRecord, reported: ReportedPayment, now: datetime) -> None:
    """Whether the payment may be recorded on a bad debt, of which no subscription's state knows.

    Nothing collects it any more, so that nothing can come in between. Raises `Conflict`
    (`invoice_not_open`), and `InvalidInput` as `check_recordable`.
    """
    if invoice.status is not InvoiceStatus.UNCOLLECTIBLE:
        raise Conflict("invoice_not_open", f"{invoice.number} is {invoice.status}")
    _check_reported(reported, invoice.total.currency, now)


def _check_reported(reported: ReportedPayment, currency: str, now: datetime) -> None:
    if reported.amount.currency != currency:
        raise InvalidInput("currency_mismatch", f"the invoice is to be paid in {currency}")
    if reported.amount.amount_minor <= 0:
        raise InvalidInput("amount_not_positive", "a payment is of more than nothing")
    if reported.received_at > now + CLOCK_SKEW:
        raise InvalidInput("received_in_future", "a payment is recorded once the money is there")


UNDER_WAY: Final = (
    "another payment of it is under way and cannot be stopped: wait for its outcome, and record"
    " this one if it failed, else give it back to the customer"
)


def check_same(known: ReceivedPayment, reported: ReportedPayment) -> None:
    """Raises `Conflict` (`reference_reused`) where another payment has the reference already."""
    if known.reported != reported:
        raise Conflict(
            "reference_reused",
            f"another payment has the reference {reported.reference!r} on this invoice already: of"
            f" {known.reported.amount}, received on {known.reported.received_at:%Y-%m-%d}",
            payment=known.id,
        )


def received(
    state: SubscriptionState, payment: ReceivedPayment, now: datetime, *, attempts_made: int = 0
) -> SubscriptionState:
    """The state after a payment that was recorded; in full it is `Paid`.

    After a part, what is left is collected as planned, by another payment: the one that waited for
    the customer's authentication was stopped, which was the attempt `attempts_made`. What no card
    can pay is not tried, and what is less than the smallest charge is nobody's debt to be dunned
    for (policy P5).
    """
    invoice = state.open_invoice(payment.invoice_id)
    if invoice is None:
        return _without_loss(state, payment, now)
    if payment.pays_the_rest:
        paid = Paid(amount=payment.applied, paid_at=now)
        return settlement.collected(state, payment.invoice_id, paid, now)
    before = invoice.received or Money.zero(payment.applied.currency)
    left = invoice.model_copy(
        update={
            "amount": payment.left,
            "received": before + payment.applied,
            "action_url": None,
            "attempts_made": max(invoice.attempts_made, attempts_made),
        }
    )
    if not left.is_chargeable:
        left = left.model_copy(update={"next_attempt_at": None, "is_extra_attempt": False})
    return settlement.recovered(settlement.with_invoice(state, left), now)


def _without_loss(
    state: SubscriptionState, payment: ReceivedPayment, now: datetime
) -> SubscriptionState:
    """A bad debt that is paid in full keeps nobody unpaid any more (ADR 0016)."""
    if not payment.pays_the_rest or payment.invoice_id not in state.lost_invoices:
        return state
    if state.has_ended:
        return state
    lost = tuple(other for other in state.lost_invoices if other != payment.invoice_id)
    return settlement.recovered(state.changed(lost_invoices=lost), now)


def events(
    before: SubscriptionState, after: SubscriptionState, payment: ReceivedPayment, now: datetime
) -> Iterator[DomainEvent]:
    """The payment, what it paid, and what follows for the subscription's status or change."""
    subject = {"customer_id": payment.customer_id, "subscription_id": payment.subscription_id}
    details: dict[str, str | int | None] = {
        "invoice_id": payment.invoice_id,
        "received_payment_id": payment.id,
        "amount_minor": payment.applied.amount_minor,
        "currency": payment.applied.currency,
    }
    yield DomainEvent(
        key=effect_key("invoice.payment_received", payment.id),
        type="invoice.payment_received",
        at=now,
        details={
            **details,
            "method": payment.reported.method.value,
            "to_balance_minor": payment.to_balance.amount_minor,
            "left_minor": payment.left.amount_minor,
        },
        **subject,
    )
    if payment.pays_the_rest:
        yield DomainEvent(
            key=effect_key("invoice.paid", payment.invoice_id, payment.id),
            type="invoice.paid",
            at=now,
            details=details,
            **subject,
        )
    if before.change is not None and after.change is None:
        yield change_event(before.change, after, now)
    if after.status is not before.status:
        moved = f"{after.noun}.{after.status}"
        yield DomainEvent(
            key=effect_key(moved, after.subscription_id, payment.invoice_id, payment.id),
            type=moved,
            at=now,
            details={"invoice_id": payment.invoice_id},
            **subject,
        )
