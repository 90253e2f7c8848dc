"""Money that came outside the gateway, whatever else happens to what it pays (policy P22)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import closing, giving_up, settlement
from billing.agenda import ActionKind
from billing.catalog import PauseMode, PausePolicy
from billing.commands import check_command
from billing.credit_note import UnusedPart
from billing.dunning import FinalAction
from billing.errors import Conflict, InvalidInput, PerennialError
from billing.invoice import InvoiceStatus
from billing.ledger import Account
from billing.money import Money
from billing.payment import CollectionOutcome
from billing.received_payment import ReceivedBy, ReportedPayment
from billing.receiving import CLOCK_SKEW, check_recordable
from billing.subscription import CommandName, OpenInvoice, SubscriptionState, SubscriptionStatus
from tests.billing.owing import due_next, owing
from tests.billing.running import CHALLENGE, MONTH, PROCESSING, SOFT, STOLEN, Running, at
from tests.billing.soundness import check_books, check_state
from tests.billing.test_sending import sold, team

Act = Callable[[Running, int], None]
DUE = at("2026-06-01")


def _first(running: Running) -> str:
    return running.state.open_invoices[0].invoice_id


def _receive(running: Running, percent: int) -> None:
    """A part, all, or more than is owed."""
    due = running.state.open_invoices[0].amount.amount_minor
    running.receive(_first(running), max(due * percent // 80, 1))


def _recover(running: Running, percent: int) -> None:
    """A part, all, or more than was written off comes after all."""
    lost = [i for i, b in running.books.invoices.items() if b.status is InvoiceStatus.UNCOLLECTIBLE]
    if lost:
        due = running.books.invoices[lost[-1]].due_minor
        running.receive(lost[-1], max(due * percent // 80, 1))


def _nearly_all(running: Running, cents: int) -> None:
    running.receive(
        _first(running), max(running.state.open_invoices[0].amount.amount_minor - cents, 1)
    )


def _pay(running: Running, _: int) -> None:
    check_command(running.state, CommandName.PAY_NOW)
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))


def _waive(running: Running, _: int) -> None:
    check_command(running.state, CommandName.WAIVE_INVOICE)
    running.command(lambda s, _: closing.invoice_waived(s, _first(running)))


def _write_off(running: Running, _: int) -> None:
    check_command(running.state, CommandName.MARK_UNCOLLECTIBLE)
    running.command(lambda s, _: closing.invoice_uncollectible(s, _first(running)))


def _grace(running: Running, days: int) -> None:
    check_command(running.state, CommandName.EXTEND_GRACE)
    until = running.now + timedelta(days=days)
    running.command(lambda s, now: giving_up.grace_extended(s, until, now))


def _cancel(running: Running, choice: int) -> None:
    running.cancel_now(UnusedPart.CREDIT if choice % 2 else UnusedPart.NONE)


def _upgrade(running: Running, _: int) -> None:
    running.change("business")


def _news(running: Running, _: int) -> None:
    running.hear(lambda s, now: settlement.payment_news(s, _first(running), now))


def _another_card(running: Running, _: int) -> None:
    running.hear(settlement.payment_method_changed)


_ACTS: tuple[Act, ...] = (
    *(_receive, _receive, _nearly_all, _pay, _another_card, _news),
    *(_waive, _write_off, _grace, _cancel, _upgrade, _recover),
)
_outcomes: st.SearchStrategy[CollectionOutcome | None] = st.sampled_from(
    [None, SOFT, SOFT, STOLEN, CHALLENGE, PROCESSING]
)
_lives = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(_ACTS), st.integers(1, 100), _outcomes),
    max_size=12,
)


def _paid_but_for_cents(pause: PausePolicy | None = None) -> Running:
    """The renewal was declined, and a transfer came of which the bank had kept 49 cents."""
    product = team().model_copy(update={"pause": pause})
    running = sold(net_days=None, product=product, interval=MONTH)
    running.until("2026-07-01", SOFT)
    running.receive(_first(running), 120_000 - 49)
    assert running.status is SubscriptionStatus.ACTIVE
    assert running.state.open_invoices[0].is_left_over
    return running


def test_cents_that_a_transfer_left_do_not_stand_in_the_way_of_an_upgrade() -> None:
    running = _paid_but_for_cents()
    assert running.upgrade("business") == [-120_000, 240_000]
    running.until("2026-08-01")
    assert running.state.terms.price_id == "business"
    check_state(running)
    check_books(running)


def test_an_end_gives_back_of_what_was_paid_but_for_cents_and_loses_those() -> None:
    running = _paid_but_for_cents()
    assert running.cancel_now(UnusedPart.CREDIT) == 120_000 - 49
    running.until("2026-07-02")
    assert (running.books.balance, running.books.posted(Account.BAD_DEBT)) == (120_000 - 49, 49)
    check_state(running)
    check_books(running)


def test_cents_that_a_transfer_left_wait_while_it_rests() -> None:
    running = _paid_but_for_cents(PausePolicy(mode=PauseMode.KEEP_ANCHOR))
    running.pause("2026-07-11")
    running.receive(_first(running), 9)
    running.until("2026-08-02")
    assert running.status is SubscriptionStatus.ACTIVE
    [left] = running.state.open_invoices
    assert left.amount.amount_minor == 40
    check_state(running)
    check_books(running)


def test_who_is_unpaid_for_a_loss_is_back_once_that_is_paid_and_nothing_else_is_owed() -> None:
    """Since [0016] whatever else is paid leaves it unpaid."""
    running = sold(net_days=None, product=team(FinalAction.UNPAID), interval=MONTH)
    running.until("2026-07-31", SOFT)
    assert running.status is SubscriptionStatus.UNPAID
    [owed] = running.state.open_invoices
    _write_off(running, 0)
    running.until(running.now)
    assert (running.status, running.state.lost_invoices) == ("unpaid", (owed.invoice_id,))

    running.receive(owed.invoice_id, 120_000 - 1)
    assert running.status is SubscriptionStatus.UNPAID
    running.receive(owed.invoice_id, 500)

    assert (running.status, running.state.lost_invoices) == ("active", ())
    assert (running.books.balance, running.books.posted(Account.BAD_DEBT)) == (499, 0)
    running.until(running.now)
    check_state(running)
    check_books(running)


@settings(max_examples=80, deadline=None)
@given(
    net_days=st.sampled_from([None, None, 1, 30, 60]),
    final=st.sampled_from(FinalAction),
    life=_lives,
)
def test_whatever_comes_is_kept_once_and_what_is_left_is_all_that_is_owed(
    net_days: int | None,
    final: FinalAction,
    life: list[tuple[int, Act, int, CollectionOutcome | None]],
) -> None:
    running = sold(net_days=net_days, product=team(final), interval=MONTH)
    for days, act, number, outcome in life:
        running.until(running.now + timedelta(days=days), outcome)
        try:
            if act in {_upgrade, _cancel, _another_card, _recover} or running.state.open_invoices:
                act(running, number)
        except PerennialError:
            pass  # refused, as the state is: nothing may have changed by that
        check_books(running)
        running.until(running.now, outcome)
        check_state(running)
        check_books(running)
    for booked in running.books.invoices.values():
        assert booked.due_minor >= 0
    if running.status is SubscriptionStatus.ACTIVE and net_days is None:
        dunned = [i for i in running.state.open_invoices if not i.is_too_little]
        assert all(i.in_processing or i.for_change or not i.attempts_made for i in dunned)


def past_due() -> Running:
    """$160.00 were declined on the first of June."""
    running = owing()
    running.until("2026-06-01", SOFT)
    return running


def opened(running: Running) -> OpenInvoice:
    [invoice] = running.state.open_invoices
    return invoice


def refusal(
    state: SubscriptionState, now: datetime, minor: int = 100, *, currency: str = "USD"
) -> str:
    reported = ReportedPayment(
        amount=Money(amount_minor=minor, currency=currency),
        received_at=now,
        method=ReceivedBy.CHECK,
        reference="R-1",
    )
    with pytest.raises((Conflict, InvalidInput)) as refused:
        check_recordable(state, state.last_invoice_id or "", reported, DUE)
    return refused.value.code


def test_what_is_left_is_tried_on_the_ladder_and_the_last_part_recovers() -> None:
    running = past_due()
    running.receive(opened(running).invoice_id, 6000)
    assert opened(running).amount.amount_minor == 10_000
    assert due_next(running) == (ActionKind.COLLECT, at("2026-06-04"))
    assert running.status == "past_due"
    running.receive(opened(running).invoice_id, 12_000)
    assert (running.status, running.state.open_invoices) == ("active", ())
    assert running.books.balance == 2000


def test_what_waited_at_a_challenge_is_paid_by_another_attempt() -> None:
    running = owing()
    running.until("2026-06-01", CHALLENGE)
    before = opened(running)
    running.receive(before.invoice_id, 6000)
    after = opened(running)
    assert (after.action_url, after.attempt_number) == (None, before.attempts_made + 1)
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))
    running.until("2026-06-01")
    assert (running.status, running.books.cash) == ("active", 16_000 + 10_000)


def test_cents_that_are_missing_make_nobody_past_due_and_are_lost_at_the_end() -> None:
    running = past_due()
    running.receive(opened(running).invoice_id, 15_951)
    assert running.status == "active"
    assert opened(running).next_attempt_at is None
    with pytest.raises(Conflict, match="nothing_to_pay"):
        settlement.pay_now(running.state, running.now, customer_present=True)
    running.until("2026-06-30")
    assert running.status == "active"
    running.cancel_now()
    running.until("2026-06-30")
    assert [b.status for b in running.books.invoices.values()] == ["paid", "uncollectible"]
    assert running.books.balance == 0


def test_what_lies_between_two_steps_of_a_currency_is_asked_of_no_card() -> None:
    """Dinars are charged with the last of three digits zero (policy P6)."""
    running = past_due()
    left = Money(amount_minor=49_996, currency="KWD")
    invoice = opened(running).model_copy(
        update={"amount": left, "received": left, "next_attempt_at": None}
    )
    assert not invoice.is_chargeable
    assert not invoice.is_too_little
    state = settlement.with_invoice(running.state, invoice)
    later = giving_up.grace_extended(state, at("2026-06-30"), running.now)
    assert later.open_invoices[0].next_attempt_at is None


@pytest.mark.parametrize("share", [Fraction(1, 3), Fraction(1)])
def test_what_came_for_a_change_that_is_dropped_is_the_customers(share: Fraction) -> None:
    running = owing()
    running.until("2026-06-10")
    running.change("business")
    invoice = opened(running)
    running.receive(invoice.invoice_id, int(invoice.amount.amount_minor * share))
    if share == 1:
        assert running.state.terms.price_id == "business"
        assert running.books.balance == 0
        return
    assert running.state.terms.price_id == "team"
    running.now += timedelta(days=2)
    running.void()
    assert running.books.balance == int(invoice.amount.amount_minor * share)


def test_what_cannot_be_a_payment_is_refused_with_a_code() -> None:
    state = past_due().state
    assert refusal(state, DUE, 0) == "amount_not_positive"
    assert refusal(state, DUE, currency="EUR") == "currency_mismatch"
    assert refusal(state, DUE + CLOCK_SKEW + timedelta(seconds=1)) == "received_in_future"
    waived = closing.invoice_waived(state, state.last_invoice_id or "")
    assert refusal(waived, DUE) == "invoice_not_open"
    ended = state.model_copy(update={"status": SubscriptionStatus.CANCELED})
    assert refusal(ended, DUE) == "invoice_not_open"
    at_its_bank = owing()
    at_its_bank.until("2026-06-01", PROCESSING)
    assert refusal(at_its_bank.state, DUE) == "payment_under_way"
