"""Revenue is recognised daily, and never more or less of it than was invoiced."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import Money
from billing.period import Period
from billing.recognition import EarnedLine

DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))
AMOUNTS = st.integers(-(10**9), 10**9)


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


@st.composite
def earned_lines(draw: st.DrawFn) -> EarnedLine:
    first = draw(DAYS)
    issued = first + timedelta(days=draw(st.integers(-40, 400)))
    voided = draw(st.none() | st.integers(0, 400).map(lambda days: issued + timedelta(days=days)))
    return EarnedLine(
        amount=usd(draw(AMOUNTS)),
        first_day=first,
        end_day=first + timedelta(days=draw(st.integers(1, 800))),
        issued_on=issued,
        voided_on=voided,
        in_arrears=draw(st.booleans()),
    )


def months(line: EarnedLine) -> list[tuple[date, date]]:
    assert line.issued_on is not None
    first = min(line.first_day, line.issued_on).replace(day=1)
    last = max(line.end_day, line.issued_on, line.voided_on or line.end_day)
    starts = [first]
    while starts[-1] <= last:
        starts.append((starts[-1] + timedelta(days=32)).replace(day=1))
    return list(pairwise(starts))


def test_a_year_of_108_dollars_from_mid_january() -> None:
    start = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    line = EarnedLine.over(
        usd(10800), Period(start=start, end=start.replace(year=2027)), issued_on=start.date()
    )
    by_month = [line.recognised_in(*month).amount_minor for month in months(line)]
    assert by_month[:3] == [503, 829, 917]
    assert sum(by_month) == 10800
    assert line.deferred_before(date(2026, 4, 1)) == usd(10800 - 503 - 829 - 917)


def test_less_than_a_day_is_earned_on_its_day() -> None:
    start = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    period = Period(start=start, end=start + timedelta(hours=2))
    line = EarnedLine.over(usd(100), period, issued_on=start.date())
    assert line.recognised_in(date(2026, 1, 15), date(2026, 1, 16)) == usd(100)


def test_what_an_outage_billed_late_is_caught_up_on_the_invoices_day() -> None:
    line = EarnedLine(
        amount=usd(3100),
        first_day=date(2026, 1, 1),
        end_day=date(2026, 2, 1),
        issued_on=date(2026, 1, 11),
    )
    assert line.recognised_before(date(2026, 1, 11)) == usd(0)
    assert line.recognised_in(date(2026, 1, 11), date(2026, 1, 12)) == usd(1100)


def test_what_is_billed_in_arrears_is_earned_as_it_is_had_and_not_when_it_is_billed() -> None:
    april = Period(start=datetime(2026, 4, 1, tzinfo=UTC), end=datetime(2026, 5, 1, tzinfo=UTC))
    line = EarnedLine.over(usd(3000), april, issued_on=april.end.date(), in_arrears=True)
    assert line.recognised_in(date(2026, 4, 1), date(2026, 5, 1)) == usd(3000)
    assert line.recognised_before(date(2026, 4, 11)) == usd(1000)
    assert line.accrued_before(date(2026, 5, 1)) == usd(3000)
    assert line.accrued_before(date(2026, 5, 2)) == line.deferred_before(date(2026, 5, 2)) == usd(0)
    later = line.model_copy(update={"issued_on": None})
    assert later.recognised_before(date(2026, 4, 11)) == usd(1000)
    assert later.accrued_before(date(2026, 6, 1)) == usd(3000)
    with pytest.raises(ValueError, match="invoiced before it is earned"):
        EarnedLine.over(usd(3000), april, issued_on=None)


@given(earned_lines())
def test_all_months_sum_to_the_line_and_to_nothing_once_it_is_void(line: EarnedLine) -> None:
    total = sum((line.recognised_in(*month).amount_minor for month in months(line)), 0)
    assert total == (line.amount.amount_minor if line.voided_on is None else 0)


@given(earned_lines(), DAYS, DAYS)
def test_days_that_follow_one_another_sum_up(line: EarnedLine, one: date, other: date) -> None:
    start, middle, end = sorted((one, other, max(one, other) + timedelta(days=9)))
    parts = line.recognised_in(start, middle) + line.recognised_in(middle, end)
    assert parts == line.recognised_in(start, end)


@given(earned_lines(), DAYS)
def test_what_is_deferred_and_what_is_earned_is_what_was_invoiced(
    line: EarnedLine, day: date
) -> None:
    known = line.recognised_before(day) + line.deferred_before(day) - line.accrued_before(day)
    is_there = (
        line.issued_on is not None
        and line.issued_on < day
        and not (line.voided_on and line.voided_on < day)
    )
    assert known == (line.amount if is_there else usd(0))


@given(earned_lines(), DAYS)
def test_a_credit_of_all_of_it_mirrors_it_to_the_cent(line: EarnedLine, day: date) -> None:
    credit = line.model_copy(update={"amount": -line.amount})
    assert line.recognised_before(day) + credit.recognised_before(day) == usd(0)
