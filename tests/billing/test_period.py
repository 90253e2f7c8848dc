from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.anchor import period
from billing.interval import Interval
from billing.period import Period
from tests.billing.strategies import instants, intervals


@given(instants, intervals)
def test_a_period_contains_its_start_and_not_its_end(anchor: datetime, interval: Interval) -> None:
    first = period(anchor, interval, 0)
    assert first.start in first
    assert first.end not in first
    assert first.end - timedelta(microseconds=1) in first


@given(instants, st.timedeltas(max_value=timedelta(0), min_value=timedelta(days=-5)))
def test_an_empty_period_is_refused(start: datetime, length: timedelta) -> None:
    with pytest.raises(ValueError, match="ends after"):
        Period(start=start, end=start + length)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Period(start=datetime(2026, 1, 1), end=datetime(2026, 2, 1, tzinfo=UTC))  # noqa: DTZ001 - the point
