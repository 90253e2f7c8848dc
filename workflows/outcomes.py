"""What the answers of activities mean for a subscription's state.

Owns the translation from an activity's outcome to a transition (`billing.lifecycle`).
"""

from datetime import datetime
from typing import assert_never

from activities.period_billing import Billed, BillingOutcome, NotBilled, TrialOutcome, TrialStarted
from billing import lifecycle
from billing.subscription import EndReason, SubscriptionState


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
            return lifecycle.period_billed(
                state,
                number=outcome.number,
                period=outcome.period,
                anchor_at=outcome.anchor_at,
                invoice_id=outcome.invoice_id,
                amount_due=outcome.amount_due,
                due_at=outcome.due_at,
            )
        case NotBilled():
            return _not_billed(state, outcome, now)
        case _:
            assert_never(outcome)


def _not_billed(state: SubscriptionState, outcome: NotBilled, now: datetime) -> SubscriptionState:
    match outcome.reason:
        case "no_payment_method":
            return lifecycle.ended_with_message(state, EndReason.NO_PAYMENT_METHOD, now)
        case "family_taken":
            return lifecycle.ended(state, EndReason.FAMILY_TAKEN, now)
        case "trial_used":
            return lifecycle.ended(state, EndReason.TRIAL_USED, now)
        case "has_ended":
            reason = outcome.end_reason or EndReason.REQUESTED
            return lifecycle.ended(state, reason, outcome.ended_at or now)
        case _:
            assert_never(outcome.reason)
