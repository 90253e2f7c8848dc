from datetime import UTC, datetime, timedelta

from billing import closing, commands, lifecycle, settlement
from billing.agenda import ActionKind, agenda, next_action, overdue_boundary
from billing.decline import Decline
from billing.payment import Declined, Paid, Processing
from billing.subscription import EndReason, SubscriptionState
from tests.billing.subscriptions import CREATED, EIGHTY_DOLLARS, billed, incomplete, trialing

TRIAL_END = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
SOFT = Declined(decline=Decline(code="card_declined", decline_code="insufficient_funds"))
PAID = Paid(amount=EIGHTY_DOLLARS, paid_at=TRIAL_END)


def _kinds(state: SubscriptionState) -> list[ActionKind]:
    return [action.kind for action in agenda(state)]


def _renewed() -> SubscriptionState:
    return billed(trialing(), TRIAL_END)


def _paid() -> SubscriptionState:
    state = _renewed()
    return settlement.collected(state, state.open_invoices[0].invoice_id, PAID, TRIAL_END)


def test_an_incomplete_subscription_waits_for_a_day() -> None:
    (expiry,) = agenda(incomplete())
    assert (expiry.kind, expiry.at) == (
        ActionKind.EXPIRE_CHECKOUT,
        CREATED + timedelta(hours=24),
    )


def test_a_completed_checkout_activates_before_it_expires() -> None:
    expiry_at = CREATED + timedelta(hours=24)
    state = lifecycle.checkout_completed(incomplete(), expiry_at)
    assert _kinds(state) == [ActionKind.ACTIVATE, ActionKind.EXPIRE_CHECKOUT]


def test_a_trial_is_announced_three_days_before_it_converts() -> None:
    notice, conversion = agenda(trialing())
    assert (notice.kind, notice.at) == (
        ActionKind.NOTIFY_TRIAL_END,
        TRIAL_END - timedelta(days=3),
    )
    assert (conversion.kind, conversion.at) == (ActionKind.CONVERT_TRIAL, TRIAL_END)
    assert "USD 80.00" in conversion.reason


def test_a_cancellation_at_the_trials_end_comes_instead_of_the_charge() -> None:
    state = commands.cancel_at_period_end(trialing(), CREATED)
    (cancellation,) = agenda(state)
    assert (cancellation.kind, cancellation.at) == (ActionKind.CANCEL, TRIAL_END)


def test_a_billed_period_is_collected_at_its_start() -> None:
    collection, renewal = agenda(_renewed())
    assert (collection.kind, collection.at) == (ActionKind.COLLECT, TRIAL_END)
    assert collection.reason == "charge USD 80.00, attempt 1 of 4"
    assert (renewal.kind, renewal.at) == (
        ActionKind.RENEW,
        datetime(2026, 2, 28, 9, 30, tzinfo=UTC),
    )


def test_a_decline_leaves_the_ladder_and_its_end() -> None:
    state = _renewed()
    invoice = state.open_invoices[0].invoice_id
    state = settlement.collected(state, invoice, SOFT, TRIAL_END)
    retry, end, renewal = agenda(state)
    assert (retry.kind, retry.at) == (ActionKind.COLLECT, TRIAL_END + timedelta(days=3))
    assert retry.reason == "charge USD 80.00, attempt 2 of 4"
    assert (end.kind, end.at) == (ActionKind.GIVE_UP, TRIAL_END + timedelta(days=15))
    assert renewal.kind is ActionKind.RENEW


def test_the_last_attempt_runs_before_the_end() -> None:
    state, now = _renewed(), TRIAL_END
    invoice = state.open_invoices[0].invoice_id
    for days in (0, 3, 8):
        now = TRIAL_END + timedelta(days=days)
        state = settlement.collected(state, invoice, SOFT, now)
    last = TRIAL_END + timedelta(days=15)
    assert [(a.kind, a.at) for a in agenda(state)[:2]] == [
        (ActionKind.COLLECT, last),
        (ActionKind.GIVE_UP, last),
    ]
    state = settlement.collected(state, invoice, SOFT, last)
    assert _kinds(state)[0] is ActionKind.GIVE_UP


def test_a_payment_in_processing_is_neither_tried_nor_given_up() -> None:
    state = _renewed()
    state = settlement.collected(state, state.open_invoices[0].invoice_id, Processing(), TRIAL_END)
    assert _kinds(state) == [ActionKind.RENEW]


def test_an_ended_subscription_voids_what_is_open() -> None:
    state = commands.cancel_now(_renewed(), TRIAL_END)
    first = next_action(state)
    assert first is not None
    assert (first.kind, first.at) == (ActionKind.VOID_INVOICES, TRIAL_END)
    closed = closing.invoices_closed(
        state, closed=[state.open_invoices[0].invoice_id], processing=[], now=TRIAL_END
    )
    assert next_action(closed) is None


def test_an_ended_subscription_waits_for_the_banks_answer() -> None:
    state = commands.cancel_now(_renewed(), TRIAL_END)
    invoice = state.open_invoices[0].invoice_id
    waiting = closing.invoices_closed(state, closed=[], processing=[invoice], now=TRIAL_END)
    assert next_action(waiting) is None
    assert not waiting.is_finished
    assert waiting.open_invoices[0].attempt_number == 1
    news_at = TRIAL_END + timedelta(days=4)
    told = settlement.payment_news(waiting, invoice, news_at)
    [look] = agenda(told)
    assert (look.kind, look.at) == (ActionKind.COLLECT, news_at)
    assert look.reason == "look again at the payment of USD 80.00 that is under way"


def test_boundaries_are_overdue_from_their_very_instant() -> None:
    state = _paid()
    assert state.period is not None
    assert not overdue_boundary(state, state.period.end - timedelta(microseconds=1))
    assert overdue_boundary(state, state.period.end)
    assert not overdue_boundary(incomplete(), CREATED + timedelta(days=400))
    ended = lifecycle.ended(state, EndReason.REQUESTED, TRIAL_END)
    assert not overdue_boundary(ended, state.period.end)


def test_an_order_of_things_due_at_once_is_fixed() -> None:
    assert list(ActionKind).index(ActionKind.COLLECT) < list(ActionKind).index(ActionKind.GIVE_UP)
    assert list(ActionKind).index(ActionKind.GIVE_UP) < list(ActionKind).index(ActionKind.RENEW)
    assert list(ActionKind).index(ActionKind.CANCEL) < list(ActionKind).index(ActionKind.RENEW)
