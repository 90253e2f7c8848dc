"""Whatever is increased whenever, the customer pays the price over the time (policy P13)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.billing_mode import BillingMode
from billing.catalog import PauseMode, PausePolicy, Product
from billing.credit_note import UnusedPart
from billing.period import Period
from tests.billing.running import YEAR, Running, at, offer

SECOND = timedelta(seconds=1)
DAY = 86_400
LADDER = ("solo", "team", "business")


@dataclass
class Meter:
    """Adds up exactly what service costs, second by second."""

    running: Running
    since: datetime
    exact: Fraction = Fraction(0)
    is_resting: bool = False

    def read(self, until: datetime) -> None:
        """Lives until then; boundaries on the way are billed on their day."""
        while self.since < until:
            period = self.running.state.running_period
            end = min(until, period.end) if period.end > self.since else until
            if not self.is_resting:
                self.exact += self._cost(Period(start=self.since, end=end), period)
            self.running.until(end)
            self.since = end

    def _cost(self, served: Period, period: Period) -> Fraction:
        per_period = self.running.state.terms.period_amount.amount_minor
        return per_period * Fraction(served.length // SECOND, period.length // SECOND)


def net_minor(running: Running) -> int:
    """What the customer is poorer by: paid, and not given back in whatever way."""
    return running.books.cash - running.books.balance


def line_count(running: Running) -> int:
    lines = sum(len(booked.draft.lines) for booked in running.books.invoices.values())
    return lines + sum(len(note.lines) for note in running.books.notes)


def check(running: Running, exact: Fraction, *, forgiven: int) -> None:
    """Every line may be half a minor unit away, as it is rounded once.

    `forgiven` is what was still carried at the end.
    """
    most = Fraction(line_count(running), 2)
    assert -most - forgiven <= net_minor(running) - exact <= most


def carried_minor(running: Running) -> int:
    return sum(line.amount.amount_minor for line in running.state.carried)


def begun(
    *,
    unit_minor: int,
    quantity: int,
    product: Product | None = None,
    billing: BillingMode = BillingMode.IN_ADVANCE,
) -> Running:
    units = {name: unit_minor * (rung + 1) for rung, name in enumerate(LADDER)}
    running = Running(
        *(offer(name, unit, product=product, billing=billing) for name, unit in units.items()),
        offer("annual", unit_minor * 12 * len(LADDER), product=product, interval=YEAR),
        start=at("2026-01-31T09:30"),
        quantity=quantity,
    )
    running.until(running.now)
    return running


def increased(running: Running, more: int | None) -> None:
    """So many more, or the next price up where there is one."""
    price_id = running.state.terms.price_id
    if more is not None:
        running.upgrade(more=more)
    elif price_id in LADDER[:-1]:
        running.upgrade(LADDER[LADDER.index(price_id) + 1])


gaps = st.integers(0, 40 * DAY)
increases = st.lists(st.tuples(gaps, st.none() | st.integers(1, 9)), max_size=7)


@settings(deadline=None)
@given(
    st.integers(50, 5_000),
    st.integers(1, 20),
    increases,
    gaps,
    st.sampled_from([UnusedPart.CREDIT, UnusedPart.REFUND]),
)
def test_increases_and_a_cancellation_cost_the_price_over_the_time(
    unit: int, quantity: int, steps: list[tuple[int, int | None]], rest: int, unused: UnusedPart
) -> None:
    running = begun(unit_minor=unit, quantity=quantity)
    meter = Meter(running, running.now)
    for gap, more in steps:
        meter.read(running.now + timedelta(seconds=gap))
        increased(running, more)
    meter.read(running.now + timedelta(seconds=rest))
    forgiven = carried_minor(running)
    running.cancel_now(unused)
    check(running, meter.exact, forgiven=forgiven)


@settings(deadline=None)
@given(st.integers(500, 5_000), st.integers(1, 20), increases, gaps, gaps)
def test_a_year_begun_in_between_changes_nothing_of_that(
    unit: int, quantity: int, steps: list[tuple[int, int | None]], before: int, after: int
) -> None:
    running = begun(unit_minor=unit, quantity=quantity)
    meter = Meter(running, running.now)
    for gap, more in steps:
        meter.read(running.now + timedelta(seconds=gap))
        increased(running, more)
    meter.read(running.now + timedelta(seconds=before))
    running.upgrade("annual")
    meter.read(running.now + timedelta(seconds=after))
    increased(running, 1)
    meter.read(running.now + timedelta(seconds=after))
    forgiven = carried_minor(running)
    running.cancel_now(UnusedPart.CREDIT)
    check(running, meter.exact, forgiven=forgiven)


pauses = st.lists(
    st.tuples(gaps, st.integers(1, 80 * DAY), st.none() | st.integers(1, 9)), max_size=3
)


@settings(deadline=None)
@given(st.integers(50, 5_000), st.integers(1, 20), pauses, gaps)
def test_pauses_that_give_their_time_back_cost_nothing(
    unit: int, quantity: int, rests: list[tuple[int, int, int | None]], rest: int
) -> None:
    product = Product(
        id="club", name="Club", family="plan", pause=PausePolicy(mode=PauseMode.KEEP_ANCHOR)
    )
    running = begun(unit_minor=unit, quantity=quantity, product=product)
    meter = Meter(running, running.now)
    for gap, lasting, more in rests:
        meter.read(running.now + timedelta(seconds=gap))
        running.pause(running.now + timedelta(seconds=lasting))
        meter.is_resting = True
        meter.read(running.now + timedelta(seconds=lasting))
        meter.is_resting = False
        increased(running, more)
    meter.read(running.now + timedelta(seconds=rest))
    forgiven = carried_minor(running)
    running.cancel_now(UnusedPart.CREDIT)
    check(running, meter.exact, forgiven=forgiven)


@settings(deadline=None, max_examples=60)
@given(st.integers(50, 5_000), st.integers(1, 20), pauses, gaps)
def test_in_arrears_just_the_time_that_was_had_is_paid(
    unit: int, quantity: int, rests: list[tuple[int, int, int | None]], rest: int
) -> None:
    product = Product(
        id="club", name="Club", family="plan", pause=PausePolicy(mode=PauseMode.KEEP_ANCHOR)
    )
    running = begun(
        unit_minor=unit, quantity=quantity, product=product, billing=BillingMode.IN_ARREARS
    )
    meter = Meter(running, running.now)
    for gap, lasting, more in rests:
        meter.read(running.now + timedelta(seconds=gap))
        increased(running, more)
        meter.read(running.now + timedelta(seconds=gap // 3))
        running.pause(running.now + timedelta(seconds=lasting))
        meter.is_resting = True
        meter.read(running.now + timedelta(seconds=lasting))
        meter.is_resting = False
    meter.read(running.now + timedelta(seconds=rest))
    running.cancel_now(UnusedPart.CREDIT)
    running.until(running.now)
    forgiven = sum(each.amount.amount_minor for each in running.state.written_off)
    check(running, meter.exact, forgiven=forgiven)
    assert running.books.notes == []
