"""What the answers of activities mean for a subscription's state.

Owns the translation from an activity's outcome to a transition (`billing.lifecycle`).
"""

from datetime import datetime
from typing import assert_never

from activities.period_billing import (
    Billed,
    BillingOutcome,
    NotBilled,
    TrialOutcome,
    TrialStarted,
)
from activities.period_billing import after_billing as billed_state
from billing import addon, lifecycle, pausing
from billing.parent import ParentEnd
from billing.subscription import EndReason, SubscriptionState, SubscriptionStatus


def after_trial_start(
    state: SubscriptionState, outcome: TrialOutcome, now: datetime
) -> SubscriptionState:
    """The trial runs, or the subscription was refused and ends."""
    match outcome:
        case TrialStarted():
            return lifecycle.trial_started(state, outcome.trial)
        case NotBilled():
            return _not_billed(state, outcome, now)
        case _:
            assert_never(outcome)


def after_billing(
    state: SubscriptionState, outcome: BillingOutcome, now: datetime
) -> SubscriptionState:
    """The period is invoiced, or nothing may be charged and the subscription ends."""
    match outcome:
        case Billed():
            return billed_state(state, outcome)
        case NotBilled():
            return _not_billed(state, outcome, now)
        case _:
            assert_never(outcome)


def _not_billed(state: SubscriptionState, outcome: NotBilled, now: datetime) -> SubscriptionState:
    match outcome.reason:
        case "no_payment_method":
            return lifecycle.ended_with_message(state, EndReason.NO_PAYMENT_METHOD, now)
        case "rests_without_method":
            return pausing.trial_paused(state, now)
        case "family_taken":
            return lifecycle.ended(state, EndReason.FAMILY_TAKEN, now)
        case "trial_used":
            return lifecycle.ended(state, EndReason.TRIAL_USED, now)
        case "parent_ended":
            return _without_parent(state, outcome.parent_end, now)
        case "has_ended":
            reason = outcome.end_reason or EndReason.REQUESTED
            promise = outcome.promised_back
            return lifecycle.ended(state, reason, outcome.ended_at or now, promised_back=promise)
        case _:
            assert_never(outcome.reason)


def _without_parent(
    state: SubscriptionState, end: ParentEnd | None, now: datetime
) -> SubscriptionState:
    """It never begins, or ends as its parent did: that is due next."""
    if state.status is SubscriptionStatus.INCOMPLETE:
        return lifecycle.ended(state, EndReason.PARENT_ENDED, now)
    return addon.parent_news(state, end)
