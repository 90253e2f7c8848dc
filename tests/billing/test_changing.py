"""Changes as stories: paid first, declined, abandoned, late, pending, undone (policy P11-P16)."""

from datetime import timedelta

import pytest

from billing import changing, commands, settlement
from billing.agenda import ActionKind, NextAction, next_action
from billing.catalog import Product, ProrationMode, Trial
from billing.credit_note import UnusedPart
from billing.errors import Conflict
from billing.invoice import InvoiceStatus
from billing.payment import CollectionOutcome, Paid
from billing.subscription import AppliedCommand, ChangeResult, SubscriptionStatus
from tests.billing.running import (
    CHALLENGE,
    NO_METHOD,
    PROCESSING,
    SOFT,
    YEAR,
    Running,
    at,
    offer,
)

PRO = Product(id="pro", name="Pro", family="plan")
CATALOG = (
    offer("team", 1600),
    offer("business", 2400),
    offer("pro", 1100, product=PRO),
    offer("pro_annual", 10800, product=PRO, interval=YEAR),
    offer("bulk", 1600, bounds=(5,)),
    offer("free", 0),
)


def april(quantity: int = 10, *, first: str = "team", start: str = "2026-04-01") -> Running:
    """Ten seats at $16.00, paid from the first of April."""
    catalog = sorted(CATALOG, key=lambda each: each.price.id != first)
    running = Running(*catalog, start=at(start), quantity=quantity)
    running.until(start)
    running.attempts.clear()
    return running


def totals(running: Running) -> list[int]:
    return [booked.draft.total.amount_minor for booked in running.books.invoices.values()]


def last(running: Running) -> AppliedCommand:
    return running.state.applied[-1]


def test_seats_added_twice_cost_their_rest_and_all_of_them_the_next_period() -> None:
    running = april()
    running.until("2026-04-11")
    assert running.upgrade(more=2) == [2133]
    running.until("2026-04-21")
    assert running.upgrade(quantity=15) == [1600]
    running.until("2026-05-01")
    assert totals(running) == [16000, 2133, 1600, 24000]


def test_an_upgrade_gives_back_the_base_and_every_seat_added_to_it() -> None:
    running = april()
    running.until("2026-04-11")
    running.upgrade(more=2)
    running.until("2026-04-16")
    assert running.upgrade("business") == [-8000, -1600, 14400]
    running.until("2026-04-21")
    assert running.upgrade(more=1) == [800]


def test_a_change_in_the_instant_of_the_boundary_is_made_in_the_next_period() -> None:
    running = april()
    running.until("2026-05-01")
    assert running.upgrade("business") == [-16000, 24000]
    assert totals(running) == [16000, 16000, 8000]


@pytest.mark.parametrize(
    ("outcome", "decline"), [(SOFT, "insufficient_funds"), (NO_METHOD, "no_payment_method")]
)
def test_a_declined_change_changes_nothing_and_leaves_no_debt(
    outcome: CollectionOutcome, decline: str
) -> None:
    running = april()
    running.until("2026-04-16")
    before = running.state
    running.change("business")
    running.until("2026-04-16", outcome)
    after = running.state
    assert (after.terms, after.period, after.status) == (before.terms, before.period, "active")
    assert (after.open_invoices, after.change, after.carried) == ((), None, ())
    assert (last(running).result, last(running).decline) == (ChangeResult.DECLINED, decline)
    assert [b.status for b in running.books.invoices.values()] == ["paid", "void"]
    assert running.messages == []
    assert running.upgrade("business") == [-8000, 12000]


def test_a_change_waits_a_day_for_its_customer() -> None:
    running = april()
    running.until("2026-04-16")
    running.change("business")
    running.until("2026-04-16T23:59:59", CHALLENGE)
    assert running.state.change is not None
    with pytest.raises(Conflict, match="change_in_progress"):
        running.change(more=1)
    running.until("2026-04-17")
    assert next_action(running.state) == NextAction(
        kind=ActionKind.RENEW, at=at("2026-05-01"), reason="the next period costs USD 160.00"
    )
    assert last(running).result is ChangeResult.ABANDONED
    assert running.books.cash == 16000


def test_a_challenge_that_nobody_passes_makes_way_for_a_cancellation() -> None:
    running = april()
    running.until("2026-04-16")
    running.change("business")
    running.until("2026-04-16T12:00", CHALLENGE)
    upgrade = last(running).command_id
    running.command(commands.cancel_at_period_end)
    running.until("2026-05-01")
    assert running.state.status is SubscriptionStatus.CANCELED
    applied = running.state.applied_command(upgrade)
    assert applied is not None
    assert applied.result is ChangeResult.ABANDONED
    assert running.books.cash == 16000


def test_a_change_that_is_authenticated_is_in_force_then() -> None:
    running = april()
    running.until("2026-04-16")
    running.change("business")
    running.until("2026-04-16T12:00", CHALLENGE)
    invoice_id = last(running).invoice_id or ""
    running.hear(lambda s, now: settlement.payment_news(s, invoice_id, now))
    running.until("2026-04-16T12:00")
    assert running.state.terms.price_id == "business"
    assert last(running).result is ChangeResult.APPLIED
    assert running.attempts == [at("2026-04-16"), at("2026-04-16T12:00")]
    assert running.told() == ["plan_changed"]


def test_a_change_is_not_waited_for_beyond_its_period() -> None:
    running = april()
    running.until("2026-04-30T12:00")
    running.change("business")
    running.until("2026-05-01", CHALLENGE, None)
    assert last(running).result is ChangeResult.ABANDONED
    assert totals(running)[-1] == 16000


def test_money_that_comes_after_the_period_is_the_customers() -> None:
    running = april()
    running.until("2026-04-30")
    running.change("business")
    running.until("2026-05-02", PROCESSING, None)
    invoice_id = last(running).invoice_id or ""
    running.hear(lambda s, now: settlement.payment_news(s, invoice_id, now))
    running.until("2026-05-02")
    assert running.state.terms.price_id == "team"
    assert last(running).result is ChangeResult.ABANDONED
    assert running.books.balance == running.books.invoices[invoice_id].draft.total.amount_minor
    assert running.state.change is None


def test_a_year_that_never_began_gives_nothing_back_later() -> None:
    running = april(1, first="pro", start="2026-03-01")
    running.until("2026-03-15")
    running.change("pro_annual")
    running.until("2026-04-02", PROCESSING, None)
    invoice_id = last(running).invoice_id or ""
    running.hear(lambda s, now: settlement.payment_news(s, invoice_id, now))
    running.until("2026-04-02")
    assert running.books.balance == 10197
    running.until("2026-04-16")
    assert running.upgrade("team") == [-550, 800]


def test_money_that_comes_after_the_end_is_the_customers_and_answers_the_command() -> None:
    running = april()
    running.until("2026-04-16")
    running.change("business")
    running.until("2026-04-16", PROCESSING)
    running.cancel_now()
    [invoice] = running.state.open_invoices
    running.hear(lambda s, now: settlement.payment_news(s, invoice.invoice_id, now))
    running.until("2026-04-18")
    assert (running.books.balance, running.books.cash) == (4000, 20000)
    change = running.state.applied_command("cmd_1")
    assert change is not None
    assert change.result is ChangeResult.ABANDONED


def test_what_is_unused_is_not_known_while_a_change_is_paid_for() -> None:
    running = april()
    running.until("2026-04-16")
    running.change("business")
    running.until("2026-04-16", CHALLENGE)
    with pytest.raises(Conflict, match="change_in_progress"):
        running.cancel_now(UnusedPart.CREDIT)
    running.until("2026-04-17")
    assert running.cancel_now(UnusedPart.CREDIT) == 7467


def test_a_payment_that_succeeded_as_it_was_abandoned_counts() -> None:
    running = april()
    running.until("2026-04-16")
    running.change("business")
    running.until("2026-04-16", CHALLENGE)
    running.now = at("2026-04-17")
    action = next_action(running.state)
    assert action is not None
    assert action.kind is ActionKind.VOID_INVOICES
    [invoice] = running.state.open_invoices
    running.perform(action, Paid(amount=invoice.amount, paid_at=running.now))
    assert running.state.terms.price_id == "business"
    assert last(running).result is ChangeResult.APPLIED


def test_a_new_card_is_tried_for_the_change_that_waits() -> None:
    running = april()
    running.until("2026-04-16")
    running.change("business")
    running.until("2026-04-16", CHALLENGE)
    running.hear(settlement.payment_method_changed)
    running.until("2026-04-16")
    assert running.state.terms.price_id == "business"
    assert [b.status for b in running.books.invoices.values()] == ["paid", "paid"]


def test_removed_seats_wait_for_the_boundary_and_can_be_had_back() -> None:
    running = april()
    running.until("2026-04-11")
    assert running.change(more=-2) is ChangeResult.SCHEDULED
    for more in (1, -1):
        with pytest.raises(Conflict, match="pending_change_exists"):
            running.change(more=more)
    running.command(changing.change_undone)
    with pytest.raises(Conflict, match="no_pending_change"):
        running.command(changing.change_undone)
    running.change(more=-2)
    running.until("2026-05-01")
    assert (running.state.terms.quantity, running.state.pending_change) == (8, None)
    assert totals(running) == [16000, 12800]


def test_an_upgrade_replaces_what_is_pending_and_a_cancellation_a_decrease() -> None:
    running = april()
    running.change(quantity=8)
    running.command(commands.cancel_at_period_end)
    assert running.state.pending_change is None
    with pytest.raises(Conflict, match="pending_change_exists"):
        running.change(more=1)
    running.until("2026-04-16")
    running.upgrade("business")
    assert running.state.cancellation is None
    running.until("2026-05-01")
    assert totals(running)[-1] == 24000


def test_a_declined_upgrade_leaves_what_is_pending() -> None:
    running = april()
    running.change(quantity=8)
    running.change("business", quantity=10)
    running.until("2026-04-02", SOFT)
    assert running.state.pending_change is not None
    assert running.state.pending_change.target.quantity == 8


def test_monthly_to_annual_starts_a_year_and_what_is_unused_of_it_can_be_given_back() -> None:
    running = april(1, first="pro", start="2026-03-01")
    running.until("2026-03-15")
    assert running.upgrade("pro_annual") == [-603, 10800]
    running.until("2026-04-14")
    assert running.cancel_now(UnusedPart.CREDIT) == 9912
    assert running.state.anchor_at == at("2026-03-15")


def test_a_price_of_nothing_is_replaced_at_once_and_its_period_with_it() -> None:
    running = april(1, first="free")
    running.until("2026-04-16T08:00")
    assert running.upgrade("pro") == [1100]
    running.until("2026-05-16T08:00")
    assert running.state.running_period.start == at("2026-05-16T08:00")
    assert totals(running) == [0, 1100, 1100]


def test_what_a_change_gives_back_beyond_its_cost_is_the_customers() -> None:
    running = april(5, first="bulk")
    running.until("2026-04-02")
    assert running.upgrade(quantity=6) == [-7733, 7424]
    assert (running.books.balance, running.books.cash) == (309, 8000)
    assert running.attempts == []


def test_the_balance_pays_a_change_before_the_card_does() -> None:
    running = april()
    running.books.balance = 1000
    running.until("2026-04-16")
    running.upgrade("business")
    assert (running.books.balance, running.books.cash) == (0, 16000 + 3000)
    running = april()
    running.books.balance = 5000
    running.until("2026-04-16")
    assert running.change("business") is ChangeResult.APPLIED
    assert (running.books.balance, running.books.cash) == (1000, 16000)


def test_the_balance_that_a_declined_change_used_comes_back() -> None:
    running = april()
    running.books.balance = 1000
    running.until("2026-04-16")
    running.change("business")
    assert running.books.balance == 0
    running.until("2026-04-16", SOFT)
    assert running.books.balance == 1000


@pytest.mark.parametrize(
    ("unused", "cash", "balance"),
    [(UnusedPart.NONE, 1100, 0), (UnusedPart.CREDIT, 1100, 733), (UnusedPart.REFUND, 367, 0)],
)
def test_who_cancels_now_gets_what_was_asked_for(
    unused: UnusedPart, cash: int, balance: int
) -> None:
    running = april(1, first="pro")
    running.until("2026-04-11")
    assert running.cancel_now(unused) == 1100 - cash + balance
    assert (running.books.cash, running.books.balance) == (cash, balance)
    assert running.status == "canceled"


def test_what_was_given_back_before_is_not_given_back_again() -> None:
    running = april()
    running.until("2026-04-16")
    running.upgrade("business")
    running.until("2026-04-21")
    running.upgrade(more=2)
    running.until("2026-04-26")
    assert running.cancel_now(UnusedPart.CREDIT) == 4000 + 800
    assert [note.total.amount_minor for note in running.books.notes] == [4000, 800]


def test_days_of_a_change_are_counted_whole_in_the_next_one_as_well() -> None:
    """Charged for 15 of 30 days on the 16th, of which 10 are left on the 21st."""
    by_day = Product(id="team", name="Team", family="plan", proration=ProrationMode.DAY_INCLUSIVE)
    prices = {"team": 1600, "business": 2400, "huge": 3200}
    catalog = [offer(price_id, unit, product=by_day) for price_id, unit in prices.items()]
    running = Running(*catalog, start=at("2026-04-01T09:30"), quantity=10)
    running.until("2026-04-16T23:00")
    assert running.upgrade("business") == [-8000, 12000]
    running.until("2026-04-21T04:00")
    assert running.upgrade("huge") == [-8000, 10667]
    running.until("2026-05-01T04:00")
    assert running.upgrade(more=1) == [0]


def test_a_trial_changes_for_nothing_and_ends_when_it_did() -> None:
    sold = Product(id="team", name="Team", family="plan", trial=Trial(days=14))
    running = Running(offer("team", 1600, product=sold), *CATALOG[1:4], start=at("2026-04-01"))
    running.until("2026-04-05")
    assert running.change("business") is ChangeResult.APPLIED
    assert running.change(quantity=2) is ChangeResult.APPLIED
    running.command(commands.cancel_at_period_end)
    assert running.change("pro_annual") is ChangeResult.APPLIED
    assert running.state.cancellation is not None
    running.command(commands.cancel_undone)
    assert running.books.invoices == {}
    running.until("2026-04-15")
    assert running.state.running_period.end == at("2027-04-15")
    assert totals(running) == [21600]


def test_the_version_grows_with_what_a_caller_sees_and_with_nothing_else() -> None:
    running = april()
    seen = [running.state.version]
    running.change(quantity=8)
    seen.append(running.state.version)
    running.command(changing.change_undone)
    seen.append(running.state.version)
    running.change("business")
    seen.append(running.state.version)
    running.until(running.now + timedelta(hours=1))
    seen.append(running.state.version)
    assert seen == sorted(set(seen))
    running.until("2026-05-01", SOFT)
    after_renewal = running.state.version
    running.until("2026-05-05", SOFT)
    assert running.state.version == after_renewal
    assert [i.status for i in running.books.invoices.values()][-1] is InvoiceStatus.OPEN
