"""What an attempt to collect means for a subscription (policy P18-P21).

Owns the transitions that payments, their refusals and the customer's help lead to, and the final
actions of dunning. Does not own the ladder (`billing.dunning`), the meaning of a decline
(`billing.decline`) nor the calls (`activities.collection`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from billing import accrual, changing, lifecycle, messages, pausing
from billing.catalog import DisputeLost
from billing.credit_note import UnusedPart
from billing.decline import Decline, DeclineKind
from billing.dispute import DisputeState
from billing.dunning import FinalAction
from billing.errors import Conflict, InvalidInput
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
    Terms,
)

LONGEST_GRACE: Final = timedelta(days=90)
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
        case Processing() if is_past_due and all(other == invoice for other in _unpaid(state)):
            return state.model_copy(update={"status": SubscriptionStatus.ACTIVE})
        case Declined() if invoice.in_processing and not invoice.given_up:
            may_go_on = _is_collected(state, invoice) and state.status not in _WITHOUT_LADDER
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
            return _with_invoice(state, _tried(invoice))
        case AlreadyClosed():
            return _recovered(_without(state, invoice), now)
        case Superseded():
            return state if state.has_ended else ended(state, EndReason.FAMILY_TAKEN, now)
        case _:
            assert_never(outcome)


def payment_method_changed(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """A new method is tried at once on everything open, outside of the ladder (policy P19).

    A trial that ended without one and rests since then goes on (policy P10).
    """
    if state.pause is not None and state.pause.resumes_at is None and state.trial is not None:
        trial = Period(start=state.trial.start, end=now)
        return state.changed(
            status=SubscriptionStatus.TRIALING, pause=None, trial=trial, period=trial
        )
    waiting = (invoice for invoice in state.open_invoices if _is_collected(state, invoice))
    if not any(_may_try_now(invoice) for invoice in waiting):
        return state
    return _tried_now(state, now, with_another_method=True)


def pay_now(
    state: SubscriptionState, now: datetime, *, customer_present: bool
) -> SubscriptionState:
    """Everything open is tried at once, because somebody asks for it (policy P19).

    Raises `Conflict` (`nothing_to_pay`).
    """
    waiting = (invoice for invoice in state.open_invoices if _is_collected(state, invoice))
    if not any(_may_be_paid(invoice) for invoice in waiting):
        raise Conflict("nothing_to_pay", "no invoice waits for a payment")
    return _tried_now(state, now, customer_present=customer_present)


def _tried_now(
    state: SubscriptionState,
    now: datetime,
    *,
    customer_present: bool = False,
    with_another_method: bool = False,
) -> SubscriptionState:
    may = _may_try_now if with_another_method else _may_be_paid
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
            if may(invoice) and _is_collected(state, invoice)
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
    return _with_invoice(
        state, invoice.model_copy(update={"next_attempt_at": now, "is_extra_attempt": True})
    )


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
    return _with_invoice(state, invoice.model_copy(update=settled))


def invoices_to_void(state: SubscriptionState, now: datetime) -> tuple[str, ...]:
    """What is no longer to be paid: after the end, waived, or of a change that was abandoned."""
    return tuple(
        invoice.invoice_id
        for invoice in state.open_invoices
        if not invoice.in_processing
        and (
            (state.has_ended and not invoice.stays_owed)
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
        _with_its_bank(invoice) if invoice.invoice_id in processing else invoice
        for invoice in after.open_invoices
        if invoice.invoice_id not in closed
    )
    for_periods = [i.invoice_id for i in state.open_invoices if i.for_change is None]
    after = _paid_too_late(
        after.changed(open_invoices=open_invoices), [i for i in paid if i in for_periods]
    )
    if lost and state.status is SubscriptionStatus.UNPAID:
        after = after.model_copy(update={"lost_invoices": (*state.lost_invoices, *lost)})
    return _recovered(after, now)


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
    return _with_invoice(
        state,
        invoice.model_copy(
            update={"given_up": True, "next_attempt_at": None, "is_bad_debt": is_bad_debt}
        ),
    )


def grace_extended(state: SubscriptionState, until: datetime, now: datetime) -> SubscriptionState:
    """Dunning goes on until then: one more attempt, and then the final action.

    Raises `InvalidInput` (`grace_out_of_range`).
    """
    ends_at = min((gives_up_at(state, i) for i in _unpaid(state)), default=now)
    if not max(ends_at, now) < until <= now + LONGEST_GRACE:
        raise InvalidInput(
            "grace_out_of_range",
            f"a grace ends after {ends_at:%Y-%m-%d %H:%M}Z and within 90 days from now",
        )
    ladder = state.terms.dunning
    invoices = tuple(
        invoice.model_copy(
            update={
                "next_attempt_at": ladder.next_attempt_at(
                    invoice.due_at,
                    rungs_used=max(invoice.rungs_used, 1),
                    kind=invoice.decline_kind,
                    now=now,
                    grace_until=until,
                )
            }
        )
        if invoice in _unpaid(state) and invoice.next_attempt_at is None and invoice.decline_kind
        else invoice
        for invoice in state.open_invoices
    )
    return state.changed(grace_until=until, open_invoices=invoices)


def gives_up_at(state: SubscriptionState, invoice: OpenInvoice) -> datetime:
    """When the final action is due for an unpaid invoice."""
    return state.terms.dunning.ends_at(invoice.due_at, grace_until=state.grace_until)


def gave_up(
    state: SubscriptionState, now: datetime, *, fallback: Terms | None
) -> SubscriptionState:
    """The final action of dunning (policy P18); without a `fallback` to sell, it is the end.

    After the end there is nothing left to end: what is owed for time that was had is a bad debt.
    """
    if state.has_ended:
        return state.changed(
            open_invoices=tuple(
                lifecycle.given_up(invoice) if _is_collected(state, invoice) else invoice
                for invoice in state.open_invoices
            )
        )
    match state.terms.dunning.final_action:
        case FinalAction.CANCEL:
            return _ended_unpaid(state, now)
        case FinalAction.UNPAID:
            message = messages.subscription_unpaid(state, now)
            return state.changed(
                status=SubscriptionStatus.UNPAID,
                grace_until=None,
                messages=(*state.messages, message),
                **accrual.ended_at(state, now),
                open_invoices=tuple(
                    invoice
                    if invoice.in_processing
                    else invoice.model_copy(
                        update={"next_attempt_at": None, "is_extra_attempt": False}
                    )
                    for invoice in state.open_invoices
                ),
            )
        case FinalAction.DOWNGRADE_TO_FREE:
            if fallback is None:
                return _ended_unpaid(state, now)
            return changing.downgraded(state, fallback, now)
        case _:
            assert_never(state.terms.dunning.final_action)


def _ended_unpaid(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """A bank may still say yes: what that pays for and is not used becomes balance."""
    reason = EndReason.PAYMENT_FAILED
    promise = pausing.promised_back(state, now, cause=reason, unused=UnusedPart.CREDIT)
    return ended_with_message(state, reason, now, promised_back=promise)


def to_rule_out(state: SubscriptionState) -> OpenInvoice | None:
    """What a customer could still pay at a challenge while it ends unpaid (policy P18).

    Its payment is stopped first, or found to have succeeded. What stays owed may stay payable.
    """
    may_stay_payable = state.terms.dunning.final_action is FinalAction.UNPAID
    is_running = not state.has_ended and state.status is not SubscriptionStatus.INCOMPLETE
    if may_stay_payable and is_running:
        return None
    return next((i for i in _unpaid(state) if i.action_url is not None), None)


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


def _with_invoice(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    invoices = tuple(
        invoice if other.invoice_id == invoice.invoice_id else other
        for other in state.open_invoices
    )
    return state.changed(open_invoices=invoices)


def _without(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    invoices = tuple(i for i in state.open_invoices if i.invoice_id != invoice.invoice_id)
    return state.changed(open_invoices=invoices)


def _paid(state: SubscriptionState, invoice: OpenInvoice, now: datetime) -> SubscriptionState:
    after = _paid_too_late(_without(state, invoice), (invoice.invoice_id,))
    if after.status is not SubscriptionStatus.INCOMPLETE:
        return _recovered(after, now)
    return after.model_copy(
        update={
            "status": SubscriptionStatus.ACTIVE,
            "checkout_completed_at": None,
            "activation_refused": False,
        }
    )


def _paid_too_late(state: SubscriptionState, invoice_ids: Sequence[str]) -> SubscriptionState:
    """Paid after the end: what the end promised of them is due (policy P17)."""
    promise = state.promised_back
    if promise is None or not invoice_ids:
        return state
    paid = (*promise.paid, *invoice_ids)
    return state.model_copy(update={"promised_back": promise.model_copy(update={"paid": paid})})


def _recovered(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """No longer past due once nothing refused is owed; what a bank looks at is not (policy P21).

    An unpaid subscription needs everything paid, and what was written off never is (ADR 0016); a
    period that began meanwhile is billed from now.
    """
    is_graced = state.grace_until is not None
    match state.status:
        case SubscriptionStatus.PAST_DUE if not _unpaid(state):
            recovered: dict[str, object] = {}
        case SubscriptionStatus.ACTIVE if is_graced and not _is_any_refused(state):
            recovered = {}
        case SubscriptionStatus.UNPAID if not (state.open_invoices or state.lost_invoices):
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


def _unpaid(state: SubscriptionState) -> tuple[OpenInvoice, ...]:
    """What was tried and refused, and is still to be paid."""
    return tuple(
        invoice
        for invoice in state.open_invoices
        if invoice.attempts_made and not invoice.in_processing and invoice.for_change is None
    )


def _is_any_refused(state: SubscriptionState) -> bool:
    """Whether something that was tried is not paid, also where a bank decides about it by now."""
    return any(i.attempts_made and i.for_change is None for i in state.open_invoices)


def _in_processing(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    after = _with_invoice(state, _with_its_bank(invoice))
    return after.model_copy(update={"checkout_completed_at": None})


def _with_its_bank(invoice: OpenInvoice) -> OpenInvoice:
    return _tried(invoice).model_copy(update={"in_processing": True})


def _tried(invoice: OpenInvoice) -> OpenInvoice:
    """The attempt is counted, and nothing is planned after it yet."""
    is_new = invoice.attempt_number > invoice.attempts_made
    on_ladder = is_new and not invoice.is_extra_attempt
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
    after = _with_invoice(state, refused)
    if invoice.given_up or not _is_collected(state, invoice):
        return after
    if state.status is SubscriptionStatus.INCOMPLETE:
        return _activation_refused(after, refused)
    told = (*after.messages, messages.payment_failed(after, refused, now))
    if state.status is SubscriptionStatus.UNPAID or state.has_ended:
        return after.model_copy(update={"messages": told})
    return after.model_copy(update={"status": SubscriptionStatus.PAST_DUE, "messages": told})


def _after_decline(
    state: SubscriptionState, invoice: OpenInvoice, decline: Decline, now: datetime
) -> OpenInvoice:
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
            if state.status is not SubscriptionStatus.UNPAID
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


def _is_collected(state: SubscriptionState, invoice: OpenInvoice) -> bool:
    """After the end, only what is owed for time that was had."""
    return not state.has_ended or invoice.is_owed_after_the_end


def _may_try_now(invoice: OpenInvoice) -> bool:
    return _may_be_paid(invoice) and invoice.attempts_made > 0


def _may_be_paid(invoice: OpenInvoice) -> bool:
    return not invoice.in_processing and not invoice.given_up
