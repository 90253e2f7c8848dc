"""Money that arrives for what is no longer sold or owed (policy P17, P18)."""

from datetime import datetime

import pytest

from billing import commands, pausing, settlement
from billing.agenda import NextAction, next_action
from billing.credit_note import UnusedPart
from billing.dunning import FinalAction
from billing.payment import CollectionOutcome, Paid
from billing.subscription import SubscriptionState
from tests.billing.owing import LADDER, WEEK, owing, statuses
from tests.billing.running import CHALLENGE, PROCESSING, SOFT, Running, at

UNUSED = 10_667
"""Of $160.00 for June, from the 11th on."""


def canceled_on_the_way(unused: UnusedPart, outcome: CollectionOutcome | None = None) -> Running:
    """June's payment is with its bank; the cancellation of the 11th does not wait for it."""
    running = owing()
    running.until("2026-06-11", PROCESSING)
    [invoice] = running.state.open_invoices
    assert running.cancel_now(unused) == 0
    assert running.status == "canceled"
    assert not running.state.is_finished
    running.hear(lambda s, now: settlement.payment_news(s, invoice.invoice_id, now))
    running.until("2026-06-12", outcome)
    return running


@pytest.mark.parametrize(
    ("unused", "to_card", "balance"),
    [
        (UnusedPart.REFUND, UNUSED, 0),
        (UnusedPart.CREDIT, 0, UNUSED),
        (UnusedPart.NONE, 0, 0),
    ],
)
def test_what_is_paid_after_a_cancellation_goes_back_as_it_was_asked(
    unused: UnusedPart, to_card: int, balance: int
) -> None:
    running = canceled_on_the_way(unused)
    assert statuses(running) == ["paid", "paid"]
    assert sum(note.to_card.amount_minor for note in running.books.notes) == to_card
    assert running.books.balance == balance
    assert running.state.is_finished


@pytest.mark.parametrize("final", [FinalAction.CANCEL, FinalAction.UNPAID])
@pytest.mark.parametrize("at_period_end", [True, False])
def test_what_is_paid_of_a_debt_after_a_cancellation_that_forgives_it_is_the_customers(
    final: FinalAction, *, at_period_end: bool
) -> None:
    """Their payment is under way, and nothing is sold for it any more (policy P20)."""
    running = owing(final)
    day = "2026-06-11" if final is FinalAction.CANCEL else "2026-06-16T12:00"
    running.until(day, CHALLENGE)
    [invoice] = running.state.open_invoices
    if at_period_end:
        running.command(canceled_at_period_end)
    else:
        running.cancel_now(UnusedPart.NONE)
    assert running.status == "canceled"
    voiding = next_action(running.state)
    assert voiding is not None
    running.perform(voiding, Paid(amount=invoice.amount, paid_at=running.now))
    running.until("2026-07-12")
    assert statuses(running) == ["paid", "paid"]
    unused = UNUSED if final is FinalAction.CANCEL else 7_733
    assert (running.books.balance, running.state.is_finished) == (unused, True)


def canceled_at_period_end(state: SubscriptionState, now: datetime) -> SubscriptionState:
    promise = pausing.promised_back(state, now, cause="cmd", unused=UnusedPart.NONE)
    return commands.cancel_at_period_end(state, now, promised_back=promise)


def test_what_is_refused_after_a_cancellation_gives_nothing_back() -> None:
    running = canceled_on_the_way(UnusedPart.REFUND, SOFT)
    assert statuses(running) == ["paid", "void"]
    assert (running.books.notes, running.state.is_finished) == ([], True)


def test_a_charge_that_succeeds_while_its_invoice_is_to_be_void_goes_back_too() -> None:
    running = owing()
    running.until("2026-06-11", CHALLENGE)
    [invoice] = running.state.open_invoices
    running.cancel_now(UnusedPart.REFUND)
    voiding = next_action(running.state)
    assert voiding is not None
    running.perform(voiding, Paid(amount=invoice.amount, paid_at=running.now))
    assert not running.state.is_finished
    running.until("2026-06-12")
    assert [note.to_card.amount_minor for note in running.books.notes] == [UNUSED]
    assert running.state.is_finished


@pytest.mark.parametrize("final", [FinalAction.CANCEL, FinalAction.DOWNGRADE_TO_FREE])
def test_who_authenticates_in_the_instant_of_the_final_action_has_paid(final: FinalAction) -> None:
    running = owing(final)
    running.until("2026-06-15T23:59:59", CHALLENGE)
    [invoice] = running.state.open_invoices
    giving_up = next_action(running.state)
    assert giving_up is not None
    assert giving_up.at == LADDER[-1]
    running.now = giving_up.at
    running.perform(giving_up, Paid(amount=invoice.amount, paid_at=giving_up.at))
    running.until("2026-06-20")
    assert (running.status, running.state.terms.price_id) == ("active", "team")
    assert statuses(running) == ["paid", "paid"]
    assert (running.books.notes, running.books.cash) == ([], 32_000)


def test_who_has_not_authenticated_by_the_final_action_cannot_pay_any_more() -> None:
    running = owing()
    running.until("2026-06-15T23:59:59", CHALLENGE)
    giving_up = next_action(running.state)
    assert giving_up is not None
    running.now = giving_up.at
    running.perform(giving_up, None)
    [invoice] = running.state.open_invoices
    assert (running.status, invoice.action_url) == ("past_due", None)
    assert next_action(running.state) == giving_up
    running.until("2026-06-16")
    assert statuses(running) == ["paid", "void"]
    assert running.told() == ["payment_action_required", "subscription_canceled"]


def test_what_stays_payable_is_not_ruled_out() -> None:
    running = owing(FinalAction.UNPAID)
    running.until("2026-06-20", CHALLENGE)
    [invoice] = running.state.open_invoices
    assert (running.status, invoice.action_url) == ("unpaid", CHALLENGE.url)


def test_a_bank_that_pays_what_a_downgrade_left_behind_pays_into_the_balance() -> None:
    running = owing(FinalAction.DOWNGRADE_TO_FREE, interval=WEEK)
    running.until("2026-06-08", SOFT, SOFT, PROCESSING)
    second = running.state.open_invoices[1]
    running.until("2026-06-16", SOFT)
    running.hear(lambda s, now: settlement.payment_news(s, second.invoice_id, now))
    running.until("2026-06-16")
    assert (running.status, running.state.terms.price_id) == ("active", "free")
    assert (running.state.open_invoices, running.books.balance) == ((), 16_000)


def test_what_a_bank_pays_after_dunning_ended_it_goes_back_as_far_as_it_is_unused() -> None:
    running = owing(interval=WEEK)
    running.until("2026-06-14T23:59:59", SOFT)
    while (action := due(running, "2026-06-15")) is not None:
        running.now = action.at
        of_this_week = action.invoice_id == running.state.last_invoice_id
        running.perform(action, PROCESSING if of_this_week else SOFT)
    running.until("2026-06-16", SOFT)
    [waiting] = running.state.open_invoices
    assert (running.status, waiting.in_processing) == ("canceled", True)
    running.hear(lambda s, now: settlement.payment_news(s, waiting.invoice_id, now))
    running.until("2026-06-17")
    assert (running.state.is_finished, running.books.balance) == (True, 13_714)


def due(running: Running, by: str) -> NextAction | None:
    action = next_action(running.state)
    return action if action is not None and action.at <= at(by) else None
