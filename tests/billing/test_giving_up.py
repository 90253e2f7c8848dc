"""How dunning ends, and the way back from each end (policy P18)."""

from datetime import timedelta

import pytest

from billing import closing, commands, giving_up, settlement
from billing.agenda import ActionKind, agenda, next_action
from billing.dunning import FinalAction
from billing.payment import Paid
from billing.subscription import EndReason
from tests.billing.owing import LADDER, WEEK, due_next, owing, statuses
from tests.billing.running import (
    PROCESSING,
    SOFT,
    STOLEN,
    at,
)


def test_the_free_plan_begins_with_the_final_action_and_what_was_not_paid_is_not_owed() -> None:
    running = owing(FinalAction.DOWNGRADE_TO_FREE)
    running.until("2026-06-20", SOFT)
    state = running.state
    assert (state.status, state.terms.price_id, state.open_invoices) == ("active", "free", ())
    assert (state.anchor_at, state.running_period.start) == (LADDER[-1], LADDER[-1])
    assert statuses(running) == ["paid", "void"]
    assert running.told()[4:] == ["subscription_downgraded"]
    running.until("2026-07-16")
    assert running.state.running_period.start == at("2026-07-16")
    assert running.books.cash == 16000
    assert running.upgrade("team", quantity=2) == [3200]
    assert running.state.running_period.end == at("2026-08-16")


@pytest.mark.parametrize(
    ("final", "event"),
    [
        (FinalAction.DOWNGRADE_TO_FREE, "subscription.downgraded"),
        (FinalAction.CANCEL, "subscription.canceled"),
        (FinalAction.UNPAID, "subscription.unpaid"),
    ],
)
def test_the_final_action_is_told_as_what_it_came_to(final: FinalAction, event: str) -> None:
    running = owing(final)
    before = running.until("2026-06-15", SOFT)
    after = running.until("2026-06-17", SOFT)
    assert giving_up.event_of(before, after) == event


def test_without_a_free_plan_the_final_action_is_the_end() -> None:
    running = owing(FinalAction.DOWNGRADE_TO_FREE)
    running.until("2026-06-15", SOFT)
    gone = giving_up.gave_up(running.state, LADDER[-1], fallback=None)
    assert (gone.status, gone.end_reason) == ("canceled", EndReason.PAYMENT_FAILED)


def test_a_payment_that_fails_at_its_bank_after_the_downgrade_owes_nothing() -> None:
    running = owing(FinalAction.DOWNGRADE_TO_FREE, interval=WEEK)
    running.until("2026-06-08", SOFT, SOFT, PROCESSING)
    second = running.state.open_invoices[1]
    assert second.in_processing
    running.until("2026-06-16", SOFT)
    assert running.state.terms.price_id == "free"
    assert [invoice.given_up for invoice in running.state.open_invoices] == [True]
    told = len(running.messages)
    running.hear(lambda s, now: settlement.payment_news(s, second.invoice_id, now))
    running.until("2026-06-16", SOFT)
    assert (running.status, running.state.open_invoices) == ("active", ())
    assert len(running.messages) == told


def test_an_unpaid_subscription_is_active_again_once_everything_is_paid() -> None:
    running = owing(FinalAction.UNPAID)
    running.until("2026-06-20", SOFT)
    assert (running.status, next_action(running.state)) == ("unpaid", None)
    assert statuses(running) == ["paid", "open"]
    assert running.told()[4:] == ["subscription_unpaid"]
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))
    running.until("2026-06-20", SOFT)
    assert (running.status, next_action(running.state)) == ("unpaid", None)
    running.hear(settlement.payment_method_changed)
    running.until("2026-07-01")
    assert running.status == "active"
    assert [b.draft.total.amount_minor for b in running.books.invoices.values()] == [16000] * 3


def test_a_few_cents_that_an_operator_waives_keep_nobody_unpaid() -> None:
    running = owing(FinalAction.UNPAID)
    running.until("2026-06-20", SOFT)
    [owed] = running.state.open_invoices
    cents = owed.amount.model_copy(update={"amount_minor": 49})
    left = owed.model_copy(
        update={"invoice_id": "in_left", "amount": cents, "received": owed.amount - cents}
    )
    state = running.state.model_copy(update={"open_invoices": (left, owed)})
    waived = closing.invoice_waived(state, left.invoice_id)
    assert closing.is_loss(waived, left.invoice_id)
    lost = [left.invoice_id]
    after = closing.invoices_closed(waived, closed=lost, processing=(), lost=lost, now=running.now)
    paid = Paid(amount=owed.amount, paid_at=running.now)
    assert after.status == "unpaid"
    assert settlement.collected(after, owed.invoice_id, paid, running.now).status == "active"


def test_a_period_that_began_unpaid_is_billed_from_the_day_that_everything_is_paid() -> None:
    running = owing(FinalAction.UNPAID)
    running.until("2026-07-16", SOFT)
    assert len(running.books.invoices) == 2
    running.hear(settlement.payment_method_changed)
    running.until("2026-07-16")
    assert running.state.unbilled_from is None
    running.until("2026-08-01")
    bills = [
        (b.draft.period.start, b.draft.total.amount_minor) for b in running.books.invoices.values()
    ]
    assert bills[2:] == [(at("2026-07-16"), 8258), (at("2026-08-01"), 16000)]


def test_who_had_canceled_before_it_was_unpaid_stays_canceled() -> None:
    running = owing(FinalAction.UNPAID)
    running.until("2026-06-01", PROCESSING)
    running.command(commands.cancel_at_period_end)
    [invoice] = running.state.open_invoices
    running.hear(lambda s, now: settlement.payment_news(s, invoice.invoice_id, now))
    running.until("2026-06-20", SOFT)
    assert running.status == "unpaid"
    assert due_next(running) == (ActionKind.CANCEL, at("2026-07-01"))
    running.until("2026-07-01")
    assert (running.status, running.state.end_reason) == ("canceled", EndReason.REQUESTED)
    assert statuses(running) == ["paid", "void"]


def test_a_decrease_from_before_it_was_unpaid_is_in_force_when_it_goes_on() -> None:
    running = owing(FinalAction.UNPAID)
    running.until("2026-06-02", SOFT)
    running.change(quantity=5)
    running.until("2026-07-16", SOFT)
    assert running.status == "unpaid"
    running.hear(settlement.payment_method_changed)
    running.until("2026-07-16")
    assert (running.state.terms.quantity, running.state.pending_change) == (5, None)
    assert list(running.books.invoices.values())[2].draft.total.amount_minor == 4129


def test_a_waived_invoice_of_an_unpaid_subscription_lets_it_go_on() -> None:
    running = owing(FinalAction.UNPAID)
    running.until("2026-06-20", SOFT)
    [invoice] = running.state.open_invoices
    running.command(lambda s, _: closing.invoice_waived(s, invoice.invoice_id))
    running.until("2026-06-20")
    assert running.status == "active"


def test_an_unpaid_subscription_whose_debt_is_written_off_stays_unpaid_until_somebody_acts() -> (
    None
):
    """A loss is no payment: service does not come back, and nothing new is billed."""
    running = owing(FinalAction.UNPAID)
    running.until("2026-06-20", SOFT)
    [invoice] = running.state.open_invoices
    running.command(lambda s, _: closing.invoice_uncollectible(s, invoice.invoice_id))
    in_time = closing.invoices_closed(
        running.state,
        closed=(invoice.invoice_id,),
        processing=(),
        paid=(invoice.invoice_id,),
        now=running.now,
    )
    assert in_time.status == "active"
    after = running.until("2026-07-20")
    assert (after.status, after.open_invoices) == ("unpaid", ())
    assert (after.entitlements, next_action(after)) == ((), None)
    assert statuses(running) == ["paid", "uncollectible"]
    canceled = commands.cancel_at_period_end(after, running.now)
    assert canceled.end_reason == EndReason.REQUESTED


@pytest.mark.parametrize("is_paid_first", [True, False])
def test_a_loss_keeps_a_subscription_unpaid_whenever_the_rest_of_its_debt_is_paid(
    *, is_paid_first: bool
) -> None:
    running = owing(FinalAction.UNPAID, interval=WEEK)
    running.until("2026-06-20", SOFT)
    lost, *others = running.state.open_invoices
    assert others

    def pay_the_others() -> None:
        for other in others:
            running.collect(other.invoice_id, None)

    if is_paid_first:
        pay_the_others()
    running.command(lambda s, _: closing.invoice_uncollectible(s, lost.invoice_id))
    running.until("2026-06-20")
    if not is_paid_first:
        pay_the_others()
    assert (running.status, running.state.open_invoices) == ("unpaid", ())
    assert statuses(running) == ["paid", "uncollectible", *["paid" for _ in others]]
    assert next_action(running.state) is None


def test_what_is_written_off_of_a_past_due_subscription_lets_it_go_on() -> None:
    running = owing(FinalAction.UNPAID)
    running.until("2026-06-02", SOFT)
    [invoice] = running.state.open_invoices
    assert running.status == "past_due"
    running.command(lambda s, _: closing.invoice_uncollectible(s, invoice.invoice_id))
    running.until("2026-06-02")
    assert running.status == "active"
    assert statuses(running) == ["paid", "uncollectible"]


def test_a_year_of_nothing_but_declines_never_stands_still() -> None:
    """Whatever the final action, the next thing lies ahead or waits for somebody."""
    for final in FinalAction:
        running = owing(final, interval=WEEK)
        running.until(at("2026-06-01") + timedelta(days=365), SOFT)
        assert running.books.cash == 16000
        assert len(running.attempts) < 20


def test_what_somebody_asks_for_in_the_last_instant_comes_before_the_final_action() -> None:
    running = owing()
    running.until("2026-06-15T23:59:59", STOLEN)
    running.now = LADDER[-1]
    running.hear(settlement.payment_method_changed)
    assert due_next(running) == (ActionKind.COLLECT, LADDER[-1])
    running.until("2026-06-16")
    assert (running.status, statuses(running)) == ("active", ["paid", "paid"])


def test_a_try_that_is_asked_for_late_is_still_made_before_the_final_action() -> None:
    """Workers were down, and the instant of the final action is past."""
    running = owing()
    running.until("2026-06-15T23:59:59", STOLEN)
    running.now = at("2026-06-18")
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))
    assert due_next(running) == (ActionKind.COLLECT, at("2026-06-18"))


@pytest.mark.parametrize("final", [FinalAction.UNPAID, FinalAction.DOWNGRADE_TO_FREE])
def test_the_final_action_forgets_no_answer_of_a_bank(final: FinalAction) -> None:
    """The answer had come, and was not looked at yet."""
    running = owing(final, interval=WEEK)
    running.until("2026-06-08", SOFT, SOFT, PROCESSING)
    second = running.state.open_invoices[1]
    running.until("2026-06-15T23:59:59", SOFT)
    heard = settlement.payment_news(running.state, second.invoice_id, LADDER[-1])
    fallback = running.state.terms.model_copy(update={"price_id": "free"})
    gone = giving_up.gave_up(heard, LADDER[-1], fallback=fallback)
    assert any(
        (action.kind, action.invoice_id) == (ActionKind.COLLECT, second.invoice_id)
        for action in agenda(gone)
    )
    settled = settlement.collected(gone, second.invoice_id, SOFT, LADDER[-1])
    given_up = final is FinalAction.DOWNGRADE_TO_FREE
    assert (second.invoice_id in closing.invoices_to_void(settled, LADDER[-1])) == given_up
