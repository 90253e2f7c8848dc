"""Invoices that nobody is to pay any more: voided, waived, given up as a loss, or paid in vain.

Owns which those are and what their closing leads to (policy P11, P17, P20). Does not own what an
attempt to collect means (`billing.settlement`) nor the calls (`activities.collection`).
"""

from collections.abc import Sequence
from datetime import datetime

from billing import changing, settlement
from billing.errors import Conflict
from billing.subscription import SubscriptionState, SubscriptionStatus


def is_unwanted(state: SubscriptionState, invoice_id: str) -> bool:
    """Whether money for an invoice buys nothing any more, and is the customer's (policy P11, P20).

    It is of a change that can no longer come into force, of a checkout that is over, or waived or
    left behind by a downgrade. A bad debt stays owed; what an end promises is given back by it.
    """
    invoice = state.open_invoice(invoice_id)
    if invoice is None or invoice.is_bad_debt:
        return False
    if invoice.for_change is not None:
        return not changing.still_applies(state)
    return invoice.given_up or state.status is SubscriptionStatus.INCOMPLETE_EXPIRED


def is_loss(state: SubscriptionState, invoice_id: str) -> bool:
    """Whether it is written off and not voided once nobody is to pay it any more.

    A bad debt, and what a received payment left of what was had (policy P5). Where nothing was ever
    sold, everything that came is the customer's.
    """
    invoice = state.open_invoice(invoice_id)
    if invoice is None:
        return False
    was_sold = state.status is not SubscriptionStatus.INCOMPLETE_EXPIRED
    return invoice.is_bad_debt or (invoice.is_left_over and was_sold)


def paid_in_vain(state: SubscriptionState, invoice_id: str) -> SubscriptionState:
    """Paid while a command gave it up: it is closed like all that is no longer to be paid."""
    invoice = state.open_invoice(invoice_id)
    if invoice is None:
        return state
    if invoice.for_change is not None:
        state = changing.change_resolved(state, invoice.for_change, is_paid=True)
    settled: dict[str, object] = {
        "given_up": True,
        "next_attempt_at": None,
        "in_processing": False,
        "action_url": None,
    }
    return settlement.with_invoice(state, invoice.model_copy(update=settled))


def invoices_to_void(state: SubscriptionState, now: datetime) -> tuple[str, ...]:
    """What is no longer to be paid: after the end, waived, or of a change that was abandoned."""
    return tuple(
        invoice.invoice_id
        for invoice in state.open_invoices
        if not invoice.in_processing
        and (
            (state.has_ended and not invoice.outlasts_the_end)
            or invoice.given_up
            or (invoice.for_change is not None and changing.is_abandoned(state, invoice, now))
        )
    )


def invoices_closed(
    state: SubscriptionState,
    *,
    closed: Sequence[str],
    processing: Sequence[str],
    paid: Sequence[str] = (),
    lost: Sequence[str] = (),
    now: datetime,
) -> SubscriptionState:
    """`closed` invoices are collected no more: voided, written off as `lost`, or `paid` after all.

    `processing` ones await their bank's answer. A payment that is processing was an attempt, even
    where this state has not heard of it: it is counted, so that looking at it again finds it and
    does not make another.
    """
    after = state
    for invoice in state.open_invoices:
        if invoice.for_change is not None and invoice.invoice_id in closed:
            is_paid = invoice.invoice_id in paid
            after = changing.change_resolved(after, invoice.for_change, is_paid=is_paid)
    open_invoices = tuple(
        settlement.with_its_bank(invoice) if invoice.invoice_id in processing else invoice
        for invoice in after.open_invoices
        if invoice.invoice_id not in closed
    )
    for_periods = [i.invoice_id for i in state.open_invoices if i.for_change is None]
    after = settlement.paid_too_late(
        after.changed(open_invoices=open_invoices), [i for i in paid if i in for_periods]
    )
    left_over = {i.invoice_id for i in state.open_invoices if i.is_left_over}
    missed = tuple(invoice_id for invoice_id in lost if invoice_id not in left_over)
    if missed and state.status is SubscriptionStatus.UNPAID:
        after = after.model_copy(update={"lost_invoices": (*state.lost_invoices, *missed)})
    return settlement.recovered(after, now)


def given_back(state: SubscriptionState, invoice_id: str) -> SubscriptionState:
    """What was promised of an invoice that was paid after the end is issued."""
    promise = state.promised_back
    if promise is None or invoice_id not in promise.paid:
        return state
    left = tuple(other for other in promise.paid if other != invoice_id)
    return state.changed(promised_back=promise.model_copy(update={"paid": left}))


def invoice_waived(state: SubscriptionState, invoice_id: str) -> SubscriptionState:
    """An operator forgives what is owed. Raises `Conflict` (`invoice_not_open`)."""
    return _given_up(state, invoice_id, is_bad_debt=False)


def invoice_uncollectible(state: SubscriptionState, invoice_id: str) -> SubscriptionState:
    """An operator expects no payment any more: it stays owed and is a loss.

    Raises `Conflict` (`invoice_not_open`).
    """
    return _given_up(state, invoice_id, is_bad_debt=True)


def _given_up(state: SubscriptionState, invoice_id: str, *, is_bad_debt: bool) -> SubscriptionState:
    invoice = state.open_invoice(invoice_id)
    if invoice is None or invoice.for_change is not None:
        raise Conflict("invoice_not_open", f"{invoice_id} is not an open invoice of this one")
    if invoice.in_processing:
        raise Conflict("payment_processing", "its payment is on the way and cannot be stopped")
    return settlement.with_invoice(
        state,
        invoice.model_copy(
            update={"given_up": True, "next_attempt_at": None, "is_bad_debt": is_bad_debt}
        ),
    )
