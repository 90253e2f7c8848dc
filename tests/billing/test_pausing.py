"""Pauses: what is given back, what moves, and what is billed afterwards (policy P17)."""

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import anchor, commands, pausing
from billing.agenda import ActionKind, next_action
from billing.catalog import PauseMode, PausePolicy, Product, ProrationMode, Trial
from billing.credit_note import UnusedPart
from billing.errors import BooksBroken, Conflict, InvalidInput
from billing.offer import Offer
from billing.period import Period
from billing.subscription import ChangeResult
from tests.billing.running import CHALLENGE, MONTH, SOFT, Running, at, offer

SECOND = timedelta(seconds=1)


def club(
    mode: PauseMode | None,
    *,
    proration: ProrationMode = ProrationMode.BY_SECOND,
    max_days: int = 90,
    name: str = "club",
) -> Product:
    pause = None if mode is None else PausePolicy(mode=mode, max_days=max_days)
    return Product(id=name, name=name.title(), family="plan", pause=pause, proration=proration)


def catalog(
    mode: PauseMode | None, proration: ProrationMode = ProrationMode.BY_SECOND
) -> tuple[Offer, Offer]:
    """The club at $11.00 a month, and its better one at $22.00."""
    sold = club(mode, proration=proration)
    return offer("club", 1100, product=sold), offer("better", 2200, product=sold)


def april(mode: PauseMode | None, proration: ProrationMode = ProrationMode.BY_SECOND) -> Running:
    """One member from the first of April, paid."""
    running = Running(*catalog(mode, proration), start=at("2026-04-01"))
    running.until("2026-04-01")
    return running


def paused(running: Running, since: str, until: str) -> Running:
    running.until(since)
    running.pause(until)
    running.until(until)
    return running


def totals(running: Running) -> list[int]:
    return [booked.draft.total.amount_minor for booked in running.books.invoices.values()]


def test_keeping_the_anchor_gives_back_the_paused_days() -> None:
    running = paused(april(PauseMode.KEEP_ANCHOR), "2026-04-11", "2026-04-21")
    assert running.status == "active"
    [note] = running.books.notes
    assert [(line.amount.amount_minor, line.period) for line in note.lines] == [
        (367, Period(start=at("2026-04-11"), end=at("2026-04-21")))
    ]
    running.until("2026-05-01")
    assert running.state.running_period.start == at("2026-05-01")
    assert (totals(running), running.books.cash) == ([1100, 1100], 1100 + 733)


def test_extending_moves_the_periods_end_and_every_boundary_after_it() -> None:
    running = paused(april(PauseMode.EXTEND), "2026-04-11", "2026-04-21")
    assert running.state.running_period.end == at("2026-05-11")
    running.until("2026-07-11")
    starts = [booked.draft.period.start for booked in running.books.invoices.values()]
    assert starts == [at(f"2026-{day}") for day in ("04-01", "05-11", "06-11", "07-11")]
    assert totals(running) == [1100] * 4
    assert running.books.notes == []


def test_a_void_pause_gives_nothing_back_and_bills_on_its_day() -> None:
    running = paused(april(PauseMode.VOID), "2026-04-11", "2026-04-21")
    running.until("2026-05-01")
    assert totals(running) == [1100, 1100]
    assert running.books.notes == []


@pytest.mark.parametrize(
    ("mode", "billed", "given_back"),
    [
        (PauseMode.VOID, [("2026-07-01", 1100)], 0),
        (PauseMode.KEEP_ANCHOR, [("2026-06-11", 733), ("2026-07-01", 1100)], 733),
        (PauseMode.EXTEND, [("2026-07-01", 1100)], 0),
    ],
)
def test_a_pause_across_several_boundaries(
    mode: PauseMode, billed: list[tuple[str, int]], given_back: int
) -> None:
    """From 11 April to 11 June: twenty days of April were left."""
    running = paused(april(mode), "2026-04-11", "2026-06-11")
    running.until("2026-07-01")
    later = [
        (booked.draft.period.start, booked.draft.total.amount_minor)
        for booked in list(running.books.invoices.values())[1:]
    ]
    assert later == [(at(day), minor) for day, minor in billed]
    assert sum(note.total.amount_minor for note in running.books.notes) == given_back


@pytest.mark.parametrize("end", ["2026-05-01", "2026-06-01"])
@pytest.mark.parametrize("mode", [PauseMode.VOID, PauseMode.KEEP_ANCHOR])
def test_a_period_that_begins_as_the_pause_ends_is_billed_whole(mode: PauseMode, end: str) -> None:
    running = paused(april(mode), "2026-04-11", end)
    assert totals(running) == [1100, 1100]
    assert running.state.running_period.start == at(end)
    running.until("2026-07-01")
    assert totals(running) == [1100] * (4 if end == "2026-05-01" else 3)


def test_the_rest_of_a_void_period_is_for_nothing_and_seats_in_it_are_not() -> None:
    running = paused(april(PauseMode.VOID), "2026-04-11", "2026-05-16T12:00")
    assert running.state.running_period == Period(start=at("2026-05-01"), end=at("2026-06-01"))
    assert running.upgrade(more=1) == [550]
    running.until("2026-06-01")
    assert totals(running) == [1100, 550, 2200]


def test_two_pauses_in_one_period_are_both_given_back() -> None:
    running = paused(april(PauseMode.KEEP_ANCHOR), "2026-04-04", "2026-04-07")
    paused(running, "2026-04-11", "2026-04-21")
    assert [note.total.amount_minor for note in running.books.notes] == [110, 367]
    assert running.cancel_now(UnusedPart.CREDIT) == 367


def test_two_pauses_in_one_period_both_move_its_end() -> None:
    running = paused(april(PauseMode.EXTEND), "2026-04-04", "2026-04-07")
    paused(running, "2026-04-11", "2026-04-21")
    assert running.state.running_period.end == at("2026-05-14")
    assert running.state.extension == timedelta(days=13)


@pytest.mark.parametrize(
    ("mode", "lines"),
    [
        (PauseMode.KEEP_ANCHOR, [-367, 733]),
        (PauseMode.VOID, [-367, 733]),
        (PauseMode.EXTEND, [-733, 1467]),
    ],
)
def test_an_upgrade_after_a_pause_is_for_the_service_that_is_left(
    mode: PauseMode, lines: list[int]
) -> None:
    running = paused(april(mode), "2026-04-11", "2026-04-21")
    assert running.upgrade("better") == lines


def test_a_pause_after_an_upgrade_gives_back_of_what_was_charged_last() -> None:
    running = april(PauseMode.KEEP_ANCHOR)
    running.until("2026-04-11")
    assert running.upgrade("better") == [-733, 1467]
    paused(running, "2026-04-16", "2026-04-21")
    [note] = running.books.notes
    assert note.total.amount_minor == 367
    assert [line.description for line in note.lines] == ["Unused time of Club, 1 seat, every month"]


def test_a_pause_gives_back_what_is_paid_and_asks_for_less_of_what_is_carried() -> None:
    sold = club(PauseMode.KEEP_ANCHOR)
    prices = offer("club", 50, product=sold), offer("better", 90, product=sold)
    running = Running(*prices, start=at("2026-04-01"))
    running.until("2026-04-01")
    assert running.upgrade("better") == [-50, 90]
    paused(running, "2026-04-06", "2026-04-30")
    assert [note.total.amount_minor for note in running.books.notes] == [50]
    assert [line.amount.amount_minor for line in running.state.carried] == [18]
    running.until("2026-05-01")
    assert (totals(running), running.books.cash) == ([50, 0, 108], 18 + 90)


def test_a_pause_gives_back_of_seats_added_before_it_as_well() -> None:
    running = april(PauseMode.KEEP_ANCHOR)
    running.until("2026-04-11")
    assert running.upgrade(more=1) == [733]
    paused(running, "2026-04-16", "2026-04-19")
    assert [note.total.amount_minor for note in running.books.notes] == [110, 110]


def test_an_upgrade_between_two_pauses_is_moved_by_the_second_alone() -> None:
    running = paused(april(PauseMode.EXTEND), "2026-04-11", "2026-04-21")
    running.until("2026-04-26")
    # To 11 May, 15 days of service are left.
    assert running.upgrade("better") == [-550, 1100]
    paused(running, "2026-04-27", "2026-05-02")
    running.until("2026-05-08T12:00")
    # The end is 16 May by now: 7.5 days of the 15 are left.
    assert running.cancel_now(UnusedPart.CREDIT) == 550


def test_days_are_counted_whole_where_the_product_says_so() -> None:
    running = april(PauseMode.KEEP_ANCHOR, ProrationMode.DAY_INCLUSIVE)
    paused(running, "2026-04-11T23:00", "2026-04-21T01:00")
    assert [note.total.amount_minor for note in running.books.notes] == [367]
    paused(running, "2026-04-29T09:00", "2026-05-17T18:00")
    # Of April two days, and of May the 15 from the 17th on.
    assert running.books.notes[1].total.amount_minor == 73
    assert totals(running)[1] == 532


def test_what_was_given_back_is_not_charged_again_by_a_downgrade() -> None:
    running = paused(april(PauseMode.KEEP_ANCHOR), "2026-04-11", "2026-04-21")
    running.upgrade("better")
    assert running.change("club") is ChangeResult.SCHEDULED
    running.until("2026-05-01")
    assert totals(running) == [1100, 366, 1100]
    assert running.books.cash == sum(totals(running)) - 367
    assert running.books.balance == 0


@pytest.mark.parametrize(
    ("mode", "given_back"),
    [(PauseMode.VOID, 367), (PauseMode.KEEP_ANCHOR, 733), (PauseMode.EXTEND, 733)],
)
def test_who_cancels_in_a_pause_has_not_used_it(mode: PauseMode, given_back: int) -> None:
    running = april(mode)
    running.until("2026-04-11")
    running.pause()
    running.until("2026-04-21")
    assert running.cancel_now(UnusedPart.CREDIT) == given_back
    assert running.books.balance == given_back


def test_who_cancels_in_a_pause_beyond_the_period_has_not_used_its_rest() -> None:
    running = april(PauseMode.KEEP_ANCHOR)
    running.until("2026-04-11")
    running.pause()
    running.until("2026-06-21")
    assert running.cancel_now(UnusedPart.REFUND) == 733
    assert running.books.cash == 1100 - 733


def test_a_pause_goes_on_by_itself_at_its_time_and_not_before() -> None:
    running = april(PauseMode.VOID)
    running.until("2026-04-11")
    running.pause("2026-04-21T06:30")
    running.until("2026-04-21T06:29:59")
    assert running.status == "paused"
    running.until("2026-04-21T06:30")
    assert running.status == "active"
    assert running.told() == ["subscription_paused", "subscription_resumed"]


def test_a_pause_that_nobody_bounds_lasts_as_long_as_the_product_allows() -> None:
    running = april(PauseMode.VOID)
    running.until("2026-04-11")
    running.pause()
    action = next_action(running.state)
    assert action is not None
    assert (action.kind, action.at) == (ActionKind.RESUME, at("2026-07-10"))


@pytest.mark.parametrize("until", ["2026-04-11", "2026-04-10", "2026-07-10T00:00:01"])
def test_a_pause_ends_in_the_future_and_within_its_bound(until: str) -> None:
    running = april(PauseMode.VOID)
    running.until("2026-04-11")
    with pytest.raises(InvalidInput, match="resumes_at_out_of_range"):
        running.pause(until)


def test_what_has_to_wait_for_something_else_is_not_paused() -> None:
    never = april(None)
    with pytest.raises(Conflict, match="pause_not_supported"):
        never.pause()
    running = april(PauseMode.VOID)
    running.change("better")
    with pytest.raises(Conflict, match="change_in_progress"):
        running.pause()
    running.until(running.now, CHALLENGE)
    with pytest.raises(Conflict, match="change_in_progress"):
        running.pause()
    leaving = april(PauseMode.VOID)
    leaving.command(commands.cancel_at_period_end)
    with pytest.raises(Conflict, match="pending_change_exists"):
        leaving.pause()
    owing = april(PauseMode.VOID)
    owing.until("2026-05-01", SOFT)
    with pytest.raises(Conflict, match="command_not_allowed"):
        owing.pause()


def test_while_paused_it_resumes_or_ends_and_nothing_else() -> None:
    running = april(PauseMode.KEEP_ANCHOR)
    running.until("2026-04-11")
    running.pause()
    with pytest.raises(Conflict, match="command_not_allowed"):
        running.change("better")
    with pytest.raises(Conflict, match="command_not_allowed"):
        running.pause()
    running.until("2026-04-21")
    running.resume()
    assert running.status == "active"
    with pytest.raises(Conflict, match="command_not_allowed"):
        running.resume()
    with pytest.raises(BooksBroken, match="not_paused"):
        pausing.resumed(running.state, running.now)


def test_a_trial_rests_until_there_is_a_method_and_not_until_somebody_asks() -> None:
    trying = club(PauseMode.VOID).model_copy(update={"trial": Trial(days=14)})
    running = Running(offer("club", 1100, product=trying), start=at("2026-04-01"))
    running.until("2026-04-14")
    running.now = at("2026-04-15")
    running.hear(pausing.trial_paused)
    assert next_action(running.state) is None
    with pytest.raises(Conflict, match="payment_method_required"):
        running.resume()


FIRSTS = [at(f"2026-{month:02}-01") for month in range(4, 13)] + [at("2027-01-01")]
MONTHS = [Period(start=start, end=end) for start, end in pairwise(FIRSTS)]


@st.composite
def pauses(draw: st.DrawFn) -> tuple[Period, bool]:
    """Some time from April on, and whether somebody ends it before its time."""
    since = draw(st.integers(0, 30 * 86_400 - 1))
    lasting = draw(st.integers(1, 200 * 86_400))
    start = at("2026-04-01") + timedelta(seconds=since)
    return Period(start=start, end=start + timedelta(seconds=lasting)), draw(st.booleans())


def year_with(mode: PauseMode, pause: Period, *, by_hand: bool) -> Running:
    """April to December, with one pause."""
    sold = offer("club", 1100, product=club(mode, max_days=365))
    running = Running(sold, start=at("2026-04-01"))
    running.until(pause.start)
    running.pause(pause.end + timedelta(days=1) if by_hand else pause.end)
    running.until(pause.end)
    if by_hand:
        running.resume()
    running.until("2026-12-31T23:59:59")
    return running


@settings(deadline=None)
@given(pauses())
def test_with_its_anchor_kept_a_subscription_costs_what_it_served(
    drawn: tuple[Period, bool],
) -> None:
    pause, by_hand = drawn
    books = year_with(PauseMode.KEEP_ANCHOR, pause, by_hand=by_hand).books
    exact = Fraction(0)
    for month in MONTHS:
        start, end = max(month.start, pause.start), min(month.end, pause.end)
        rested = max(end - start, timedelta(0))
        exact += 1100 - 1100 * Fraction(rested // SECOND, month.length // SECOND)
    assert abs(books.cash - books.balance - exact) <= 1
    assert books.balance == 0


@settings(deadline=None)
@given(pauses())
def test_an_extended_subscription_serves_every_second_that_was_paid(
    drawn: tuple[Period, bool],
) -> None:
    pause, by_hand = drawn
    running = year_with(PauseMode.EXTEND, pause, by_hand=by_hand)
    first, *later = [booked.draft for booked in running.books.invoices.values()]
    boundary = first.period.end + pause.length
    assert [draft.period.start for draft in later] == [
        start for n in range(9) if (start := anchor.boundary(boundary, MONTH, n)) <= running.now
    ]
    assert running.books.cash == 1100 * (1 + len(later))


@settings(deadline=None)
@given(pauses())
def test_a_void_pause_bills_the_periods_that_begin_outside_of_it(
    drawn: tuple[Period, bool],
) -> None:
    pause, by_hand = drawn
    running = year_with(PauseMode.VOID, pause, by_hand=by_hand)
    assert [booked.draft.period for booked in running.books.invoices.values()] == [
        month for month in MONTHS if month.start not in pause or month.start == pause.start
    ]
