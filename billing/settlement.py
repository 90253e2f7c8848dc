"""What an attempt to collect means for a subscription (policy P18-P21).

Owns the transitions that payments, their refusals, the customer's help and disputes lead to. Does
not own the ladder (`billing.dunning`), its end (`billing.giving_up`), invoices that nobody pays any
more (`billing.closing`), the meaning of a decline (`billing.decline`) nor the calls
(`activities.collection`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from billing import accrual, changing, messages, sending
from billing.catalog import DisputeLost
from billing.decline import Decline, DeclineKind
from billing.dispute import DisputeState
from billing.errors import Conflict
from billing.lifecycle import checkout_completed, ended, ended_with_message
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
from billing.period import Period
from billing.subscription import (
    EndReason,
    OpenInvoice,
    SubscriptionState,
    SubscriptionStatus,
)

_WITHOUT_LADDER: Final = frozenset({SubscriptionStatus.INCOMPLETE, SubscriptionStatus.UNPAID})


def collected(
    state: SubscriptionState,
    invoice_id: str,
    outcome: CollectionOutcome,
    now: datetime,
    *,
    waits_for_banks: bool = True,
) -> SubscriptionState:
    """What an attempt to collect an invoice means for the subscription (policy P18-P21).

    Only in histories from before nobody `waits_for_banks`.
    """
    invoice = state.open_invoice(invoice_id)
    if invoice is None:
        return state
    if invoice.for_change is not None:
        return changing.change_collected(state, _tried(invoice), outcome)
    if waits_for_banks:
        state = _waiting_for_its_bank(state, invoice, outcome, now)
    return _collected(state, invoice, outcome, now)


def _waiting_for_its_bank(
    state: SubscriptionState, invoice: OpenInvoice, outcome: CollectionOutcome, now: datetime
) -> SubscriptionState:
    """What a bank decides about is not past due, whatever was refused before it (policy P21).

    Where its no leaves none of the ladder's attempts a day, one more is made after the ladder's
    first gap, and the final action waits for it (policy P18): till then nobody knew of a failure.
    """
    ladder, is_past_due = state.terms.dunning, state.status is SubscriptionStatus.PAST_DUE
    match outcome:
        case Processing() if is_past_due and all(other == invoice for other in unpaid(state)):
            return state.model_copy(update={"status": SubscriptionStatus.ACTIVE})
        case Declined() if invoice.in_processing and not invoice.given_up:
            is_tried = is_collected(state, invoice) and not invoice.is_sent
            may_go_on = is_tried and state.status not in _WITHOUT_LADDER
            is_too_late = gives_up_at(state, invoice) <= now
            has_attempts_left = invoice.rungs_used < ladder.attempts and state.grace_until is None
            if may_go_on and is_too_late and has_attempts_left:
                first_gap = timedelta(days=ladder.retry_days[0])
                return state.model_copy(update={"grace_until": now + first_gap})
            return state
        case _:
            return state


def _collected(
    state: SubscriptionState, invoice: OpenInvoice, outcome: CollectionOutcome, now: datetime
) -> SubscriptionState:
    match outcome:
        case Paid():
            return _paid(state, invoice, now)
        case Processing():
            return _in_processing(state, invoice)
        case Declined() | ActionRequired() | NoPaymentMethod():
            return _not_paid(state, invoice, outcome, now)
        case NotAuthenticated():
            return with_invoice(state, _tried(invoice))
        case AlreadyClosed():
            return recovered(_without(state, invoice), now)
        case Superseded():
            return state if state.has_ended else ended(state, EndReason.FAMILY_TAKEN, now)
        case _:
            assert_never(outcome)


def payment_method_changed(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """A new method is tried at once on everything open, outside of the ladder (policy P19).

    Not on what was sent: that is charged to a card only while its customer pays it (policy P22).
    A trial that ended without one and rests since then goes on (policy P10).
    """
    if state.trial is not None and state.rests_for_a_method:
        trial = Period(start=state.trial.start, end=now)
        return state.changed(
            status=SubscriptionStatus.TRIALING, pause=None, trial=trial, period=trial
        )
    waiting = (invoice for invoice in state.open_invoices if is_collected(state, invoice))
    if not any(_may_try_now(invoice) for invoice in waiting):
        return state
    return _tried_now(state, now, _may_try_now, with_another_method=True)


def pay_now(
    state: SubscriptionState,
    now: datetime,
    *,
    customer_present: bool,
    invoice_id: str | None = None,
    with_another_method: bool = False,
) -> SubscriptionState:
    """That invoice, or everything open, is tried at once: somebody asks for it (policy P19).

    `with_another_method` no challenge is waited for that the one before has led to. Raises
    `Conflict` (`nothing_to_pay`).
    """

    def may(invoice: OpenInvoice) -> bool:
        return _may_be_paid(invoice) and invoice_id in {None, invoice.invoice_id}

    if not any(may(i) for i in state.open_invoices if is_collected(state, i)):
        raise Conflict("nothing_to_pay", "no invoice waits for a payment")
    return _tried_now(
        *(state, now, may),
        customer_present=customer_present,
        with_another_method=with_another_method,
    )


def _tried_now(
    state: SubscriptionState,
    now: datetime,
    may: Callable[[OpenInvoice], bool],
    *,
    customer_present: bool = False,
    with_another_method: bool = False,
) -> SubscriptionState:
    update: dict[str, object] = {
        "next_attempt_at": now,
        "is_extra_attempt": True,
        "customer_present": customer_present,
    }
    if with_another_method:
        update["action_url"] = None
    return state.changed(
        open_invoices=tuple(
            invoice.model_copy(update=update)
            if may(invoice) and is_collected(state, invoice)
            else invoice
            for invoice in state.open_invoices
        )
    )


def payment_news(state: SubscriptionState, invoice_id: str, now: datetime) -> SubscriptionState:
    """The gateway has news of an unfinished payment: it is looked at again at once."""
    invoice = state.open_invoice(invoice_id)
    if invoice is None or not (invoice.in_processing or invoice.action_url is not None):
        return state
    if state.status is SubscriptionStatus.INCOMPLETE:
        return checkout_completed(state, now)
    return with_invoice(
        state, invoice.model_copy(update={"next_attempt_at": now, "is_extra_attempt": True})
    )


def gives_up_at(state: SubscriptionState, invoice: OpenInvoice) -> datetime:
    """When the final action is due for an unpaid invoice; for one that was sent, suspension."""
    if invoice.is_sent:
        return sending.suspends_at(state, invoice)
    return state.terms.dunning.ends_at(invoice.due_at, grace_until=state.grace_until)


def dispute_news(
    state: SubscriptionState,
    dispute_id: str,
    dispute: DisputeState,
    now: datetime,
    *,
    invoice_id: str | None = None,
) -> SubscriptionState:
    """A bank opened or decided a dispute; a lost one ends the subscription unless told not to.

    `invoice_id` is what the disputed payment paid; None where that was not told yet.
    """
    others = tuple(known for known in state.open_disputes if known != dispute_id)
    match dispute:
        case DisputeState.INQUIRY:
            return state
        case DisputeState.OPEN:
            known = (*others, dispute_id)
        case DisputeState.WON | DisputeState.LOST:
            known = others
        case _:
            assert_never(dispute)
    after = state if known == state.open_disputes else state.changed(open_disputes=known)
    if dispute is not DisputeState.WON:
        after = changing.without_disputed_credit(after, invoice_id)
    is_lost = dispute is DisputeState.LOST and state.terms.dispute_lost is DisputeLost.CANCEL
    if not is_lost or state.has_ended:
        return after
    return ended_with_message(after, EndReason.DISPUTE_LOST, now)


def with_invoice(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    """The open invoice of that id, replaced."""
    invoices = tuple(
        invoice if other.invoice_id == invoice.invoice_id else other
        for other in state.open_invoices
    )
    return state.changed(open_invoices=invoices)


def _without(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    invoices = tuple(i for i in state.open_invoices if i.invoice_id != invoice.invoice_id)
    return state.changed(open_invoices=invoices)


def _paid(state: SubscriptionState, invoice: OpenInvoice, now: datetime) -> SubscriptionState:
    after = paid_too_late(_without(state, invoice), (invoice.invoice_id,))
    if after.status is not SubscriptionStatus.INCOMPLETE:
        return recovered(after, now)
    return after.model_copy(
        update={
            "status": SubscriptionStatus.ACTIVE,
            "checkout_completed_at": None,
            "activation_refused": False,
        }
    )


def paid_too_late(state: SubscriptionState, invoice_ids: Sequence[str]) -> SubscriptionState:
    """Paid after the end: what the end promised of them is due (policy P17)."""
    promise = state.promised_back
    if promise is None or not invoice_ids:
        return state
    paid = (*promise.paid, *invoice_ids)
    return state.model_copy(update={"promised_back": promise.model_copy(update={"paid": paid})})


def recovered(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """No longer past due once nothing refused is owed; what a bank looks at is not (policy P21).

    An unpaid subscription needs everything paid, and what was written off never is (ADR 0016); a
    period that began meanwhile is billed from now.
    """
    is_graced = state.grace_until is not None
    match state.status:
        case SubscriptionStatus.PAST_DUE if not unpaid(state):
            recovered: dict[str, object] = {}
        case SubscriptionStatus.ACTIVE if is_graced and not _is_any_refused(state):
            recovered = {}
        case SubscriptionStatus.UNPAID if not (_is_any_owed(state) or state.lost_invoices):
            is_over = now >= state.running_period.end
            recovered = {
                "unbilled_from": now if is_over else None,
                "accrues_from": accrual.begins(state.terms, now),
            }
        case _:
            return state
    return state.model_copy(
        update={"status": SubscriptionStatus.ACTIVE, "grace_until": None, **recovered}
    )


def unpaid(state: SubscriptionState) -> tuple[OpenInvoice, ...]:
    """What was tried and refused, or sent and not paid in time, and is still to be paid."""
    return tuple(
        invoice
        for invoice in state.open_invoices
        if invoice.is_refused
        and not invoice.in_processing
        and invoice.for_change is None
        and not invoice.is_too_little
    )


def _is_any_owed(state: SubscriptionState) -> bool:
    """Whether more is open than what is too little to be collected (policy P5)."""
    return not all(invoice.is_too_little for invoice in state.open_invoices)


def _is_any_refused(state: SubscriptionState) -> bool:
    """Whether something that was tried is not paid, also where a bank decides about it by now."""
    return any(
        i.is_refused and i.for_change is None and not i.is_too_little for i in state.open_invoices
    )


def _in_processing(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    after = with_invoice(state, with_its_bank(invoice))
    return after.model_copy(update={"checkout_completed_at": None})


def with_its_bank(invoice: OpenInvoice) -> OpenInvoice:
    """Tried, and a bank decides about it (policy P21)."""
    return _tried(invoice).model_copy(update={"in_processing": True})


def _tried(invoice: OpenInvoice) -> OpenInvoice:
    """The attempt is counted, and nothing is planned after it yet."""
    is_new = invoice.attempt_number > invoice.attempts_made
    on_ladder = is_new and not (invoice.is_extra_attempt or invoice.is_sent)
    return invoice.model_copy(
        update={
            "attempts_made": invoice.attempt_number,
            "rungs_used": invoice.rungs_used + 1 if on_ladder else invoice.rungs_used,
            "is_extra_attempt": False,
            "customer_present": False,
            "in_processing": False,
            "action_url": None,
            "next_attempt_at": None,
        }
    )


def _not_paid(
    state: SubscriptionState,
    invoice: OpenInvoice,
    outcome: Declined | ActionRequired | NoPaymentMethod,
    now: datetime,
) -> SubscriptionState:
    tried = _tried(invoice)
    match outcome:
        case Declined():
            refused = _after_decline(state, tried, outcome.decline, now)
        case ActionRequired():
            refused = tried.model_copy(
                update={
                    "decline_kind": DeclineKind.AUTHENTICATION,
                    "last_decline": "authentication_required",
                    "action_url": outcome.url,
                }
            )
        case NoPaymentMethod():
            refused = tried.model_copy(
                update={"decline_kind": DeclineKind.HARD, "last_decline": "no_payment_method"}
            )
        case _:
            assert_never(outcome)
    after = with_invoice(state, refused)
    if invoice.given_up or not is_collected(state, invoice):
        return after
    if invoice.is_sent:
        return _sent_not_paid(after, invoice, refused, now)
    if state.status is SubscriptionStatus.INCOMPLETE:
        return _activation_refused(after, refused)
    told = (*after.messages, messages.payment_failed(after, refused, now))
    if state.status is SubscriptionStatus.UNPAID or state.has_ended:
        return after.model_copy(update={"messages": told})
    return after.model_copy(update={"status": SubscriptionStatus.PAST_DUE, "messages": told})


def _sent_not_paid(
    state: SubscriptionState, invoice: OpenInvoice, refused: OpenInvoice, now: datetime
) -> SubscriptionState:
    """A try in front of the customer came to nothing, and there is time left (policy P22).

    Nobody is past due before the due date; whoever is not there is sent the bank's link (P19).
    """
    told = state.messages
    if refused.action_url is not None and not invoice.customer_present:
        told = (*told, messages.payment_failed(state, refused, now))
    is_late = refused.is_overdue and state.status is SubscriptionStatus.ACTIVE
    status = SubscriptionStatus.PAST_DUE if is_late else state.status
    return state.model_copy(update={"status": status, "messages": told})


def _after_decline(
    state: SubscriptionState, invoice: OpenInvoice, decline: Decline, now: datetime
) -> OpenInvoice:
    is_tried_again = state.status is not SubscriptionStatus.UNPAID and not invoice.is_sent
    return invoice.model_copy(
        update={
            "decline_kind": decline.kind,
            "last_decline": decline.reason,
            "next_attempt_at": state.terms.dunning.next_attempt_at(
                invoice.due_at,
                rungs_used=max(invoice.rungs_used, 1),
                kind=decline.kind,
                now=now,
                grace_until=state.grace_until,
            )
            if is_tried_again
            else None,
        }
    )


def _activation_refused(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    """Before activation there is no ladder: the customer is at the checkout and tries again."""
    waiting = invoice.model_copy(update={"next_attempt_at": None})
    invoices = tuple(
        waiting if other.invoice_id == waiting.invoice_id else other
        for other in state.open_invoices
    )
    return state.model_copy(
        update={
            "open_invoices": invoices,
            "checkout_completed_at": None,
            "activation_refused": True,
        }
    )


def is_collected(state: SubscriptionState, invoice: OpenInvoice) -> bool:
    """After the end, only what is owed for time that was had."""
    return not state.has_ended or invoice.is_owed_after_the_end


def _may_try_now(invoice: OpenInvoice) -> bool:
    """Whether another method is tried by itself: never on what was sent (policy P22)."""
    return _may_be_paid(invoice) and invoice.attempts_made > 0 and not invoice.is_sent


def _may_be_paid(invoice: OpenInvoice) -> bool:
    return not invoice.in_processing and not invoice.given_up and invoice.is_chargeable
