"""What an outcome means for a state that moved on while the gateway was asked."""

from datetime import UTC, datetime, timedelta

from billing import closing, commands, lifecycle, settlement
from billing.decline import Decline
from billing.dispute import DisputeState
from billing.payment import (
    ActionRequired,
    AlreadyClosed,
    CollectionOutcome,
    Declined,
    Paid,
    Processing,
    Superseded,
)
from billing.subscription import EndReason, SubscriptionState, SubscriptionStatus
from tests.billing.subscriptions import CREATED, EIGHTY_DOLLARS, billed, incomplete, trialing

TRIAL_END = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
SECOND = datetime(2026, 2, 28, 9, 30, tzinfo=UTC)
PAID = Paid(amount=EIGHTY_DOLLARS, paid_at=SECOND)
SOFT = Declined(decline=Decline(code="card_declined", decline_code="insufficient_funds"))


def _collected(
    state: SubscriptionState, outcome: CollectionOutcome, *, invoice: int = 0
) -> SubscriptionState:
    return settlement.collected(state, state.open_invoices[invoice].invoice_id, outcome, SECOND)


def _past_due() -> SubscriptionState:
    return _collected(billed(trialing(), TRIAL_END), SOFT)


def test_an_invoice_at_the_bank_keeps_nobody_past_due_once_the_declined_one_is_paid() -> None:
    both = billed(_past_due(), SECOND)
    at_the_bank = _collected(both, Processing(), invoice=1)
    assert at_the_bank.status is SubscriptionStatus.PAST_DUE
    assert _collected(at_the_bank, PAID).status is SubscriptionStatus.ACTIVE


def test_another_declined_invoice_keeps_a_subscription_past_due() -> None:
    both = _collected(billed(_past_due(), SECOND), SOFT, invoice=1)
    assert _collected(both, PAID).status is SubscriptionStatus.PAST_DUE


def test_an_invoice_that_was_voided_elsewhere_leaves_nobody_past_due() -> None:
    state = _collected(_past_due(), AlreadyClosed())
    assert (state.status, state.open_invoices) == (SubscriptionStatus.ACTIVE, ())


def test_an_end_stays_what_it_was_when_the_place_turns_out_to_be_taken() -> None:
    ready = lifecycle.checkout_completed(incomplete(), CREATED)
    ended = commands.cancel_now(billed(ready, CREATED), CREATED + timedelta(minutes=1))
    assert _collected(ended, Superseded()) == ended
    assert (ended.status, ended.end_reason) == ("incomplete_expired", EndReason.REQUESTED)


def test_a_period_that_is_billed_while_news_ends_the_subscription_revives_nothing() -> None:
    active = _collected(billed(trialing(), TRIAL_END), PAID)
    lost = settlement.dispute_news(active, "dp_1", DisputeState.LOST, SECOND)
    after = billed(lost, SECOND)
    assert (after.status, after.end_reason) == ("canceled", EndReason.DISPUTE_LOST)
    [invoice] = after.open_invoices
    assert closing.invoices_to_void(after, SECOND) == (invoice.invoice_id,)


def test_news_of_an_authentication_without_a_link_is_looked_at() -> None:
    waiting = _collected(billed(trialing(), TRIAL_END), ActionRequired(url=""))
    [invoice] = waiting.open_invoices
    after = settlement.payment_news(waiting, invoice.invoice_id, SECOND)
    assert after.open_invoices[0].next_attempt_at == SECOND
