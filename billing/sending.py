"""Invoices that are sent and not charged: the customer has net terms, and pays later (policy P22).

Owns how one is opened, when it is reminded of and when it is overdue, and what each does to the
subscription. Does not own the days (`billing.net_terms`), payments (`billing.settlement`) nor
suspension, which is an end of patience (`billing.giving_up`).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from billing import messages
from billing.message import Message
from billing.money import Money
from billing.subscription import OpenInvoice, SubscriptionState, SubscriptionStatus


def opened(
    *,
    invoice_id: str,
    amount: Money,
    due_at: datetime,
    net_days: int | None,
    stays_owed: bool = False,
    customer_present: bool = False,
) -> OpenInvoice:
    """A finalised invoice: charged at its due time, or sent, where it has `net_days`.

    What was granted on credit stays owed whatever becomes of the subscription: nobody ends a debt
    by leaving.
    """
    if net_days is None:
        return OpenInvoice(
            invoice_id=invoice_id,
            amount=amount,
            due_at=due_at,
            next_attempt_at=due_at,
            stays_owed=stays_owed,
            customer_present=customer_present,
        )
    return OpenInvoice(
        invoice_id=invoice_id,
        amount=amount,
        due_at=due_at,
        next_attempt_at=None,
        stays_owed=True,
        net_days=net_days,
    )


def news_of(state: SubscriptionState, invoices: Sequence[OpenInvoice]) -> tuple[Message, ...]:
    """The invoices themselves, for their customer: those that `state` does not know yet."""
    known = {invoice.invoice_id for invoice in state.open_invoices}
    return tuple(
        messages.invoice_sent(state, invoice)
        for invoice in invoices
        if invoice.is_sent and invoice.invoice_id not in known
    )


def waiting(state: SubscriptionState) -> Iterator[OpenInvoice]:
    """What was sent and waits for its customer: a bank has none of them (policy P21).

    Nor is any of them so small a rest that nobody is asked for it (policy P5).
    """
    for invoice in state.open_invoices:
        is_over = state.has_ended and not invoice.is_owed_after_the_end
        is_paid = invoice.in_processing or invoice.is_too_little
        if invoice.is_sent and not (is_paid or invoice.given_up or is_over):
            yield invoice


def reminders_ahead(
    state: SubscriptionState, invoice: OpenInvoice
) -> Iterator[tuple[int, datetime]]:
    """The reminders that are still to come; one whose day was over when it was sent is left out.

    None once nobody expects the payment by itself any more: the customer knows of the suspension.
    """
    if state.status is SubscriptionStatus.UNPAID:
        return
    last = max(invoice.reminded_at or invoice.sent_at, invoice.sent_at)
    yield from state.terms.dunning.reminders.after(invoice.due_at, last)


def reminded(state: SubscriptionState, invoice_id: str, now: datetime) -> SubscriptionState:
    """Of several that an outage kept, the latest is sent, and the others never."""
    invoice = state.open_invoice(invoice_id)
    if invoice is None:
        return state
    missed = [each for each in reminders_ahead(state, invoice) if each[1] <= now]
    if not missed:
        return state
    day, at = missed[-1]
    message = messages.payment_reminder(state, invoice, day=day, now=now)
    return state.changed(
        open_invoices=_replaced(state, invoice, {"reminded_at": at}),
        messages=(*state.messages, message),
    )


def fell_due(state: SubscriptionState, invoice_id: str) -> SubscriptionState:
    """It was to be paid by now. What is sold goes on through the grace (policy P20, P22)."""
    invoice = state.open_invoice(invoice_id)
    if invoice is None:
        return state
    is_running = state.status is SubscriptionStatus.ACTIVE
    return state.changed(
        status=SubscriptionStatus.PAST_DUE if is_running else state.status,
        open_invoices=_replaced(state, invoice, {"is_overdue": True}),
    )


def suspends_at(state: SubscriptionState, invoice: OpenInvoice) -> datetime:
    """When patience with one that was sent ends."""
    return state.terms.dunning.reminders.grace_ends_at(
        invoice.due_at, grace_until=state.grace_until
    )


def _replaced(
    state: SubscriptionState, invoice: OpenInvoice, update: dict[str, object]
) -> tuple[OpenInvoice, ...]:
    return tuple(
        other.model_copy(update=update) if other.invoice_id == invoice.invoice_id else other
        for other in state.open_invoices
    )
