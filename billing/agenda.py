"""What will happen to a subscription, when and why.

Owns the order of due things. The workflow does the first; people are shown all. Does not own what
doing them changes (`billing.lifecycle`).
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final

from billing.subscription import OpenInvoice, SubscriptionState, SubscriptionStatus
from billing.value import Instant, Value


class ActionKind(StrEnum):
    """Things that fall due, in the order in which they are done when due at the same instant."""

    VOID_INVOICES = "void_invoices"
    ACTIVATE = "activate"
    COLLECT = "collect"
    GIVE_UP = "give_up"
    EXPIRE_CHECKOUT = "expire_checkout"
    NOTIFY_TRIAL_END = "notify_trial_end"
    CANCEL = "cancel"
    CONVERT_TRIAL = "convert_trial"
    RENEW = "renew"


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
    boundaries = {ActionKind.CANCEL, ActionKind.CONVERT_TRIAL, ActionKind.RENEW}
    return any(action.kind in boundaries and action.at <= now for action in _actions(state))


def _actions(state: SubscriptionState) -> Iterator[NextAction]:
    if state.has_ended:
        yield from _after_the_end(state)
        return
    if state.status is SubscriptionStatus.INCOMPLETE:
        yield from _before_activation(state)
        return
    yield from _collecting(state)
    yield from _at_period_end(state)


def _after_the_end(state: SubscriptionState) -> Iterator[NextAction]:
    for invoice in state.open_invoices:
        if not invoice.in_processing and state.ended_at is not None:
            yield NextAction(
                kind=ActionKind.VOID_INVOICES,
                at=state.ended_at,
                reason="the subscription ended; what was not paid is not owed",
            )
            return
    yield from _collecting(state)


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


def _collecting(state: SubscriptionState) -> Iterator[NextAction]:
    for invoice in state.open_invoices:
        if invoice.next_attempt_at is not None:
            yield NextAction(
                kind=ActionKind.COLLECT,
                at=invoice.next_attempt_at,
                reason=_attempt_reason(state, invoice),
                invoice_id=invoice.invoice_id,
            )
    unpaid = [i for i in state.open_invoices if i.attempts_made > 0 and not i.in_processing]
    if unpaid and not state.has_ended:
        oldest = min(unpaid, key=lambda invoice: invoice.due_at)
        yield NextAction(
            kind=ActionKind.GIVE_UP,
            at=state.terms.dunning.ends_at(oldest.due_at),
            reason=f"{oldest.amount} was not paid:"
            f" the subscription ends ({state.terms.dunning.final_action})",
            invoice_id=oldest.invoice_id,
        )


def _attempt_reason(state: SubscriptionState, invoice: OpenInvoice) -> str:
    if invoice.is_extra_attempt:
        return f"charge {invoice.amount} at once: the customer did something about it"
    number, of = invoice.rungs_used + 1, state.terms.dunning.attempts
    return f"charge {invoice.amount}, attempt {number} of {of}"


def _at_period_end(state: SubscriptionState) -> Iterator[NextAction]:
    if state.period is None:
        return
    ends_at = state.period.end
    if state.cancellation is not None:
        yield NextAction(
            kind=ActionKind.CANCEL, at=state.cancellation.at, reason="the cancellation takes effect"
        )
        return
    if state.status is SubscriptionStatus.TRIALING:
        if state.trial_notice_at is not None:
            yield NextAction(
                kind=ActionKind.NOTIFY_TRIAL_END,
                at=state.trial_notice_at,
                reason=f"the trial ends on {ends_at:%Y-%m-%d}",
            )
        yield NextAction(
            kind=ActionKind.CONVERT_TRIAL,
            at=ends_at,
            reason=f"the trial ends; the first period costs {state.terms.period_amount}",
        )
        return
    yield NextAction(
        kind=ActionKind.RENEW,
        at=ends_at,
        reason=f"the next period costs {state.terms.period_amount}",
    )
