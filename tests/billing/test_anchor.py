from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.anchor import boundary, period, period_number
from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit
from tests.billing.strategies import instants, intervals

MONTHLY = Interval(unit=IntervalUnit.MONTH)
ANNUAL = Interval(unit=IntervalUnit.YEAR)
numbers = st.integers(min_value=-40, max_value=120)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _boundaries(anchor: str, interval: Interval, count: int) -> list[str]:
    return [
        boundary(_at(anchor), interval, number).strftime("%Y-%m-%dT%H:%M")
        for number in range(1, count + 1)
    ]


def test_the_last_of_january_is_remembered_over_february() -> None:
    assert _boundaries("2026-01-31T09:30", MONTHLY, 4) == [
        "2026-02-28T09:30",
        "2026-03-31T09:30",
        "2026-04-30T09:30",
        "2026-05-31T09:30",
    ]


def test_a_leap_day_comes_back_in_leap_years() -> None:
    assert _boundaries("2028-02-29T00:00", ANNUAL, 4) == [
        "2029-02-28T00:00",
        "2030-02-28T00:00",
        "2031-02-28T00:00",
        "2032-02-29T00:00",
    ]


def test_february_of_four_weeks_is_exactly_four_weeks() -> None:
    first = period(_at("2026-02-08T10:30"), MONTHLY, 0)
    assert first.end == _at("2026-03-08T10:30")
    assert first.length.total_seconds() == 2_419_200


def test_quarters_are_three_months() -> None:
    quarterly = Interval(unit=IntervalUnit.MONTH, count=3)
    assert _boundaries("2025-11-30T12:00", quarterly, 3) == [
        "2026-02-28T12:00",
        "2026-05-30T12:00",
        "2026-08-30T12:00",
    ]


@given(instants, intervals, numbers)
def test_periods_tile_time(anchor: datetime, interval: Interval, number: int) -> None:
    earlier, later = period(anchor, interval, number), period(anchor, interval, number + 1)
    assert earlier.end == later.start
    assert earlier.start < earlier.end


@given(instants, intervals, numbers)
def test_a_boundarys_number_is_its_own(anchor: datetime, interval: Interval, number: int) -> None:
    start = boundary(anchor, interval, number)
    assert period_number(anchor, interval, start) == number
    assert period_number(anchor, interval, start - timedelta(microseconds=1)) == number - 1


@given(instants, intervals, instants)
def test_every_instant_lies_in_its_period(
    anchor: datetime, interval: Interval, instant: datetime
) -> None:
    number = period_number(anchor, interval, instant)
    assert instant in period(anchor, interval, number)


@given(instants, st.sampled_from([IntervalUnit.MONTH, IntervalUnit.YEAR]), numbers)
def test_boundaries_keep_the_anchors_day_and_time(
    anchor: datetime, unit: IntervalUnit, number: int
) -> None:
    found = boundary(anchor, Interval(unit=unit), number)
    assert found.timetz() == anchor.timetz()
    is_last_day = (found + timedelta(days=1)).month != found.month
    assert found.day == anchor.day or (found.day < anchor.day and is_last_day)


@pytest.mark.parametrize("number", [10**5, -(10**5), 10**30])
@pytest.mark.parametrize("unit", list(IntervalUnit))
def test_dates_outside_of_the_calendar_are_refused(unit: IntervalUnit, number: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        boundary(_at("2026-01-01T00:00"), Interval(unit=unit, count=120), number)
    assert refused.value.code == "date_out_of_range"
