"""Periods that begin on the 1st, and the first one that is charged by its share (policy P8)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import anchor
from billing.agenda import agenda
from billing.catalog import AnchorKind, PauseMode, PausePolicy, Product, ProrationMode, Trial
from billing.first_period import first_period, first_share
from billing.interval import Interval, IntervalUnit
from billing.offer import Offer, terms_of
from billing.subscription import Terms
from tests.billing.running import Running, at, offer

YEAR = Interval(unit=IntervalUnit.YEAR)
PLUS = Product(
    id="assistant",
    name="Assistant",
    family="plan",
    proration=ProrationMode.DAY_INCLUSIVE,
    anchor=AnchorKind.CALENDAR,
    shorter_interval=True,
    pause=PausePolicy(mode=PauseMode.KEEP_ANCHOR),
)


def plus(minor: int = 2000, *, price_id: str = "plus", product: Product = PLUS) -> Offer:
    return offer(price_id, minor, product=product)


def living(*catalog: Offer, start: str, until: str) -> Running:
    running = Running(*catalog, start=at(start))
    running.until(until)
    return running


def charges(running: Running) -> list[tuple[str, int]]:
    """When what was asked of the card, invoice by invoice."""
    return [
        (f"{booked.draft.finalized_at:%m-%d}", booked.due_minor)
        for booked in running.books.invoices.values()
    ]


def test_what_is_left_of_the_month_is_charged_by_its_days() -> None:
    running = living(plus(), start="2026-04-15T09:30", until="2026-06-02")
    assert charges(running) == [("04-15", 1067), ("05-01", 2000), ("06-01", 2000)]
    assert running.state.anchor_at == at("2026-04-01")
    first = next(iter(running.books.invoices.values())).draft
    assert (first.period.start, first.period.end) == (at("2026-04-15T09:30"), at("2026-05-01"))


def test_too_little_to_collect_comes_with_the_first_whole_month() -> None:
    running = living(plus(1000), start="2026-04-30T20:00", until="2026-06-02")
    assert charges(running) == [("04-30", 0), ("05-01", 1033), ("06-01", 1000)]


def test_what_begins_on_the_first_day_is_whole() -> None:
    assert charges(living(plus(), start="2026-04-01T18:00", until="2026-05-01")) == [
        ("04-01", 2000),
        ("05-01", 2000),
    ]


def test_a_trial_ends_in_the_rest_of_its_month() -> None:
    product = PLUS.model_copy(update={"trial": Trial(days=7)})
    running = living(plus(product=product), start="2026-04-10T12:00", until="2026-04-11")
    assert [action.reason for action in agenda(running.state)][-1].endswith("costs USD 9.33")
    running.until("2026-05-01")
    assert charges(running) == [("04-17", 933), ("05-01", 2000)]


def test_a_downgrade_takes_effect_on_the_next_first() -> None:
    running = living(
        plus(6000, price_id="ultra"), plus(), start="2026-04-16T15:00", until="2026-04-20"
    )
    running.change("plus")
    running.until("2026-05-01")
    assert charges(running) == [("04-16", 3000), ("05-01", 2000)]


def test_an_upgrade_is_prorated_over_the_month_and_not_over_the_rest_that_was_sold() -> None:
    running = living(
        plus(), plus(6000, price_id="ultra"), start="2026-04-11T15:00", until="2026-04-16T15:00"
    )
    assert charges(running) == [("04-11", 1333)]
    assert running.upgrade("ultra") == [-1000, 3000]
    running.until("2026-05-01")
    assert charges(running)[-1] == ("05-01", 6000)


def test_a_year_begins_on_the_first_of_the_month_of_the_purchase() -> None:
    yearly = offer("yearly", 36_500, product=PLUS, interval=YEAR)
    running = living(plus(), yearly, start="2026-04-01", until="2026-04-16T08:00")
    assert running.upgrade("yearly") == [-1000, 35_000]
    running.until("2027-04-01")
    assert charges(running)[-1] == ("04-01", 36_500)
    running.change("plus")
    running.until("2028-04-01")
    assert charges(running)[-1] == ("04-01", 2000)
    assert running.state.anchor_at == at("2028-04-01")


def test_another_anchor_begins_a_new_period() -> None:
    anniversary = offer("club", 4000, product=Product(id="club", name="Club", family="plan"))
    running = living(plus(), anniversary, start="2026-04-01", until="2026-04-16T08:00")
    assert running.upgrade("club") == [-1000, 4000]
    running.until("2026-05-16T08:00")
    assert charges(running)[-1] == ("05-16", 4000)
    running.change("plus")
    running.until("2026-07-01")
    assert charges(running)[-2:] == [("06-16", 1000), ("07-01", 2000)]


def test_after_a_pause_the_rest_of_the_month_is_billed() -> None:
    running = living(plus(), start="2026-04-15", until="2026-04-21")
    running.pause("2026-05-17")
    running.until("2026-06-01")
    assert charges(running)[-2:] == [("05-17", 968 - 667), ("06-01", 2000)]


def test_a_pause_that_moves_boundaries_does_not_go_with_a_calendar() -> None:
    with pytest.raises(ValueError, match="keep_anchor or void"):
        Product(
            id="a1",
            name="A",
            family="f1",
            anchor=AnchorKind.CALENDAR,
            pause=PausePolicy(mode=PauseMode.EXTEND),
        )


_instants = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(  # noqa: DTZ001 - UTC follows
    lambda naive: naive.replace(tzinfo=UTC)
)
_intervals = st.builds(
    Interval,
    unit=st.sampled_from([IntervalUnit.MONTH, IntervalUnit.YEAR]),
    count=st.integers(1, 24),
)


def _terms(interval: Interval, mode: ProrationMode) -> Terms:
    product = PLUS.model_copy(update={"proration": mode})
    sold = offer("plus", 2000, product=product, interval=interval)
    return terms_of(sold, quantity=1, trial=None, segment=None)


@given(_instants, _intervals, st.sampled_from(ProrationMode))
def test_the_first_period_ends_on_a_first_and_the_next_ones_tile(
    begins_at: datetime, interval: Interval, mode: ProrationMode
) -> None:
    terms = _terms(interval, mode)
    first = first_period(terms, begins_at)
    assert first.start == begins_at
    assert 0 < first_share(terms, begins_at) <= 1
    anchored = anchor.start_of_month(begins_at)
    end = first.end
    for number in range(1, 5):
        following = anchor.period(anchored, interval, number)
        assert following.start == end
        end = following.end
        assert (end.day, end.time()) == (1, datetime.min.time())
    assert first.length <= timedelta(days=31 * 12 * 24 * interval.count)
