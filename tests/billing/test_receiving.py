"""Money that came outside the gateway, whatever else happens to what it pays (policy P22)."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from billing import closing, giving_up, settlement
from billing.commands import check_command
from billing.credit_note import UnusedPart
from billing.dunning import FinalAction
from billing.errors import PerennialError
from billing.payment import CollectionOutcome
from billing.subscription import CommandName, SubscriptionStatus
from tests.billing.running import CHALLENGE, MONTH, PROCESSING, SOFT, STOLEN, Running
from tests.billing.soundness import check_books, check_state
from tests.billing.test_sending import sold, team

Act = Callable[[Running, int], None]


def _first(running: Running) -> str:
    return running.state.open_invoices[0].invoice_id


def _receive(running: Running, percent: int) -> None:
    """A part, all, or more than is owed."""
    due = running.state.open_invoices[0].amount.amount_minor
    running.receive(_first(running), max(due * percent // 80, 1))


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
    *(_waive, _write_off, _grace, _cancel, _upgrade),
)
_outcomes: st.SearchStrategy[CollectionOutcome | None] = st.sampled_from(
    [None, SOFT, SOFT, STOLEN, CHALLENGE, PROCESSING]
)
_lives = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(_ACTS), st.integers(1, 100), _outcomes),
    max_size=12,
)


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
            if act in {_upgrade, _cancel, _another_card} or running.state.open_invoices:
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
