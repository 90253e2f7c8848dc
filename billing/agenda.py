"""What will happen to a subscription, when and why.

Owns the order of due things. The workflow does the first; people are shown all. Does not own what
doing them changes (`billing.lifecycle`).
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final

from billing import sending
from billing.dunning import FinalAction
from billing.first_period import first_amount
from billing.migrating import at_renewal
from billing.subscription import OpenInvoice, SubscriptionState, SubscriptionStatus, Terms
from billing.value import Instant, Value


class ActionKind(StrEnum):
    """Things that fall due, in the order in which they are done when due at the same instant."""

    TELL_ADDONS = "tell_addons"
    BILL_LAST = "bill_last"
    VOID_INVOICES = "void_invoices"
    ACTIVATE = "activate"
    COLLECT = "collect"
    FALL_DUE = "fall_due"
    REMIND = "remind"
    GIVE_UP = "give_up"
    SUSPEND = "suspend"
    EXPIRE_CHECKOUT = "expire_checkout"
    RESUME = "resume"
    NOTIFY_TRIAL_END = "notify_trial_end"
    CANCEL = "cancel"
    CONVERT_TRIAL = "convert_trial"
    RENEW = "renew"
    GIVE_BACK = "give_back"
    COMPLETE = "complete"


_RANK: Final = {kind: rank for rank, kind in enumerate(ActionKind)}


class NextAction(Value):
    """One thing that will happen unless something else happens first."""

    kind: ActionKind
    at: Instant
    reason: str
    invoice_id: str | None = None


def agenda(state: SubscriptionState) -> tuple[NextAction, ...]:
    """Everything foreseeable, first things first."""
    return tuple(sorted(_actions(state), key=lambda action: (action.at, _RANK[action.kind])))


def next_action(state: SubscriptionState) -> NextAction | None:
    """What is due next; None where only somebody else can move the subscription on."""
    return next(iter(agenda(state)), None)


def overdue_boundary(state: SubscriptionState, now: datetime) -> bool:
    """Whether a period's end has passed whose consequences are not yet drawn (policy P9)."""
    is_running = state.status is not SubscriptionStatus.INCOMPLETE and not state.has_ended
    if not is_running or state.purchase is not None:
        return False
    own, parent_end = _boundary(state), state.parent_end
    is_own_over = own is not None and own[1] <= now
    return is_own_over or (parent_end is not None and parent_end.at <= now)


def _actions(state: SubscriptionState) -> Iterator[NextAction]:
    if state.status is SubscriptionStatus.INCOMPLETE:
        yield from _before_activation(state)
        return
    yield from _telling_addons(state)
    yield from _billing_last(state)
    yield from _voiding(state)
    yield from _collecting(state)
    yield from _giving_back(state)
    yield from _giving_up(state)
    yield from _sent(state)
    yield from _suspending(state)
    if not state.has_ended:
        yield from _at_period_end(state)


def _telling_addons(state: SubscriptionState) -> Iterator[NextAction]:
    if not state.addons_to_tell:
        return
    end = state.end_for_addons
    what = "it goes on" if end is None else f"it ends on {end.at:%Y-%m-%d}"
    yield NextAction(
        kind=ActionKind.TELL_ADDONS,
        at=state.ended_at or state.created_at,
        reason=f"what is sold beside it is told that {what}",
    )


def _billing_last(state: SubscriptionState) -> Iterator[NextAction]:
    if state.ended_at is not None and state.accrued:
        yield NextAction(
            kind=ActionKind.BILL_LAST,
            at=state.ended_at,
            reason="what was had until the end is billed",
        )


def _voiding(state: SubscriptionState) -> Iterator[NextAction]:
    for invoice in state.open_invoices:
        if invoice.in_processing:
            continue
        found = _why_void(state, invoice)
        if found is not None:
            at, reason = found
            yield NextAction(
                kind=ActionKind.VOID_INVOICES, at=at, reason=reason, invoice_id=invoice.invoice_id
            )
            if state.has_ended:
                return  # all of them are voided at once


def _why_void(state: SubscriptionState, invoice: OpenInvoice) -> tuple[datetime, str] | None:
    if state.ended_at is not None and not invoice.outlasts_the_end:
        return state.ended_at, "the subscription ended; what was not paid is not owed"
    if invoice.given_up:
        why = "is not expected to be paid any more" if invoice.is_bad_debt else "is no longer owed"
        at = invoice.sent_at if invoice.is_sent else invoice.due_at
        return at, f"{invoice.amount} {why}"
    if invoice.for_change is None:
        return None
    if state.change is None or state.change.change_id != invoice.for_change:
        return invoice.due_at, "the change that it was for is gone"
    return state.change.expires_at, "the payment of the change was not completed in time"


def _before_activation(state: SubscriptionState) -> Iterator[NextAction]:
    if state.checkout_completed_at is not None:
        yield NextAction(
            kind=ActionKind.ACTIVATE,
            at=state.checkout_completed_at,
            reason="the customer completed the checkout",
        )
    if any(invoice.in_processing for invoice in state.open_invoices):
        return
    yield NextAction(
        kind=ActionKind.EXPIRE_CHECKOUT,
        at=state.checkout_expires_at,
        reason="a checkout that is not completed within 24 hours expires",
    )
    if state.parent_end is not None and state.parent_end.at < state.checkout_expires_at:
        yield NextAction(
            kind=ActionKind.EXPIRE_CHECKOUT, at=state.parent_end.at, reason=_PARENT_ENDS
        )


def _collecting(state: SubscriptionState) -> Iterator[NextAction]:
    for invoice in state.open_invoices:
        is_over = state.has_ended and not invoice.is_owed_after_the_end
        may_be_tried = invoice.in_processing or not (is_over or invoice.given_up)
        if invoice.next_attempt_at is not None and may_be_tried:
            yield NextAction(
                kind=ActionKind.COLLECT,
                at=invoice.next_attempt_at,
                reason=_attempt_reason(state, invoice),
                invoice_id=invoice.invoice_id,
            )


def _giving_back(state: SubscriptionState) -> Iterator[NextAction]:
    for invoice_id in state.paid_too_late:
        yield NextAction(
            kind=ActionKind.GIVE_BACK,
            at=state.ended_at or state.created_at,
            reason="it was paid after the end: what it paid for and is not used goes back",
            invoice_id=invoice_id,
        )


def _giving_up(state: SubscriptionState) -> Iterator[NextAction]:
    unpaid = [i for i in state.open_invoices if _is_dunned(state, i)]
    if unpaid and state.status is not SubscriptionStatus.UNPAID:
        oldest = min(unpaid, key=lambda invoice: invoice.due_at)
        ladder = state.terms.dunning
        yield NextAction(
            kind=ActionKind.GIVE_UP,
            at=max([ladder.ends_at(oldest.due_at, grace_until=state.grace_until), *_asked(state)]),
            reason=f"{oldest.amount} was not paid: {_ending(state)}",
            invoice_id=oldest.invoice_id,
        )


def _sent(state: SubscriptionState) -> Iterator[NextAction]:
    """What was sent falls due and is reminded of, unless it is being paid just then (P22)."""
    for invoice in sending.waiting(state):
        asked = invoice.next_attempt_at or invoice.sent_at
        if not invoice.is_overdue:
            yield NextAction(
                kind=ActionKind.FALL_DUE,
                at=max(invoice.due_at, asked),
                reason=f"{invoice.amount} was to be paid by then, {invoice.net_days} days after"
                " its invoice",
                invoice_id=invoice.invoice_id,
            )
        for day, at in sending.reminders_ahead(state, invoice):
            yield NextAction(
                kind=ActionKind.REMIND,
                at=max(at, asked),
                reason=f"the customer is reminded of {invoice.amount}, {_on_day(day)}",
                invoice_id=invoice.invoice_id,
            )


def _on_day(day: int) -> str:
    if day == 0:
        return "which is due then"
    days = "one day" if abs(day) == 1 else f"{abs(day)} days"
    return f"{days} {'before' if day < 0 else 'after'} its due date"


def _suspending(state: SubscriptionState) -> Iterator[NextAction]:
    overdue = [invoice for invoice in sending.waiting(state) if invoice.is_overdue]
    if overdue and state.status is not SubscriptionStatus.UNPAID:
        oldest = min(overdue, key=lambda invoice: invoice.due_at)
        at = max([sending.suspends_at(state, oldest), *_asked(state)])
        grace = (at - oldest.due_at).days
        yield NextAction(
            kind=ActionKind.SUSPEND,
            at=at,
            reason=f"{oldest.amount} is not paid {grace} days after it was due:"
            f" {_suspended(state)}",
            invoice_id=oldest.invoice_id,
        )


def _suspended(state: SubscriptionState) -> str:
    if state.has_ended:
        return "it is a bad debt"
    suspended = FinalAction.UNPAID
    return _FINAL[suspended] if state.purchase is None else _FINAL_OF_PURCHASES[suspended]


def _asked(state: SubscriptionState) -> list[datetime]:
    """When somebody asked for another try, which comes before the end."""
    return [
        invoice.next_attempt_at
        for invoice in state.open_invoices
        if invoice.is_extra_attempt and invoice.next_attempt_at is not None
    ]


def _is_dunned(state: SubscriptionState, invoice: OpenInvoice) -> bool:
    if state.has_ended and not invoice.is_owed_after_the_end:
        return False
    waits = invoice.in_processing or invoice.given_up or invoice.for_change is not None
    waits = waits or invoice.is_too_little or invoice.is_sent
    return invoice.attempts_made > 0 and not waits


def _ending(state: SubscriptionState) -> str:
    if state.has_ended:
        return "it is a bad debt"
    action = state.terms.dunning.final_action
    return _FINAL[action] if state.purchase is None else _FINAL_OF_PURCHASES[action]


_FINAL: Final = {
    FinalAction.CANCEL: "the subscription ends",
    FinalAction.DOWNGRADE_TO_FREE: "the free plan is sold instead",
    FinalAction.UNPAID: "the subscription is unpaid and nothing new is billed",
}
_FINAL_OF_PURCHASES: Final = {
    FinalAction.CANCEL: "the purchase is canceled and nothing is owed",
    FinalAction.DOWNGRADE_TO_FREE: "the purchase is canceled and nothing is owed",
    FinalAction.UNPAID: "the purchase is over; it stays owed, as a bad debt",
}


def _attempt_reason(state: SubscriptionState, invoice: OpenInvoice) -> str:
    if invoice.in_processing or invoice.action_url is not None:
        return f"look again at the payment of {invoice.amount} that is under way"
    if invoice.for_change is not None:
        return f"charge {invoice.amount} for a change of the subscription"
    if invoice.is_extra_attempt:
        return f"charge {invoice.amount} at once: the customer did something about it"
    number, of = invoice.rungs_used + 1, state.terms.dunning.attempts
    if number > of:
        return f"charge {invoice.amount} once more: the grace ends"
    return f"charge {invoice.amount}, attempt {number} of {of}"


_PARENT_ENDS: Final = "the subscription that it is sold beside ends"


def _at_period_end(state: SubscriptionState) -> Iterator[NextAction]:
    """What the add-on of a parent that ends would do from then on, it does not."""
    if state.purchase is not None:
        yield from _completing(state)
        return
    if state.parent_end is None:
        yield from _at_own_period_end(state)
        return
    at = state.parent_end.at
    yield from (action for action in _at_own_period_end(state) if action.at < at)
    yield NextAction(kind=ActionKind.CANCEL, at=at, reason=_PARENT_ENDS)


def _completing(state: SubscriptionState) -> Iterator[NextAction]:
    if state.is_settled:
        yield NextAction(
            kind=ActionKind.COMPLETE,
            at=state.running_period.start,
            reason="nothing is owed for what was bought",
        )


def _at_own_period_end(state: SubscriptionState) -> Iterator[NextAction]:
    boundary = _boundary(state)
    if boundary is None:
        return
    kind, at = boundary
    if kind is ActionKind.CONVERT_TRIAL and state.trial_notice_at is not None:
        yield NextAction(
            kind=ActionKind.NOTIFY_TRIAL_END,
            at=state.trial_notice_at,
            reason=f"the trial ends on {at:%Y-%m-%d}",
        )
    yield NextAction(kind=kind, at=at, reason=_boundary_reason(state, kind, at))


def _boundary(state: SubscriptionState) -> tuple[ActionKind, datetime] | None:
    """What ends the running period, or the rest after it, and when; None where nothing does."""
    if state.period is None:
        return None
    if state.pause is not None:
        resumes_at = state.pause.resumes_at
        return None if resumes_at is None else (ActionKind.RESUME, resumes_at)
    if state.cancellation is not None:
        return ActionKind.CANCEL, state.cancellation.at
    if state.status is SubscriptionStatus.UNPAID:
        return None
    if state.status is SubscriptionStatus.TRIALING:
        return ActionKind.CONVERT_TRIAL, state.period.end
    return ActionKind.RENEW, state.unbilled_from or state.period.end


def _boundary_reason(state: SubscriptionState, kind: ActionKind, at: datetime) -> str:
    if kind is ActionKind.RESUME:
        return "the pause is over"
    if kind is ActionKind.CANCEL:
        return "the cancellation takes effect"
    if kind is ActionKind.CONVERT_TRIAL:
        amount, later = first_amount(state.terms, at), _later(state.terms)
        return f"the trial ends; the first period costs {amount}{later}"
    if state.unbilled_from is None:
        return _renewal_reason(state)
    if state.terms.is_in_arrears:
        return "what was had before is billed"
    return "the rest of the running period is billed"


def _renewal_reason(state: SubscriptionState) -> str:
    renewal = at_renewal(state)
    target = renewal.terms
    past = "what was had is billed; " if state.terms.is_in_arrears else ""
    costs = f"the next period costs {target.period_amount}{_later(target)}"
    if renewal.moves:
        return (
            f"{past}the price changes to {target.price_id} version {target.price_version}: {costs}"
        )
    if state.pending_change is None:
        return f"{past}{costs}"
    return f"{past}{target.product_name}, quantity {target.quantity}, begins: {costs}"


def _later(terms: Terms) -> str:
    return ", billed at its end" if terms.is_in_arrears else ""
