"""Where billing periods begin and end (policy P8).

Owns the boundaries that follow from an anchor and an interval. Every boundary is computed from
the anchor itself, never from the one before, so that 31 January is followed by 28 February and
then by 31 March again.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.period import Period

_LAST_YEAR = 9999

SHORTEST: Final = timedelta(microseconds=1)
"""No period is shorter."""


def boundary(anchor_at: datetime, interval: Interval, number: int) -> datetime:
    """The `number`-th boundary; the anchor is number 0 and earlier ones are negative.

    Clamped to the last day of a shorter month. Raises `InvalidInput` (`date_out_of_range`) beyond
    the calendar's last year.
    """
    steps = interval.count * number
    try:
        match interval.unit:
            case IntervalUnit.DAY:
                return anchor_at + timedelta(days=steps)
            case IntervalUnit.WEEK:
                return anchor_at + timedelta(weeks=steps)
            case IntervalUnit.MONTH:
                return _add_months(anchor_at, steps)
            case IntervalUnit.YEAR:
                return _add_months(anchor_at, 12 * steps)
            case _:
                assert_never(interval.unit)
    except (OverflowError, ValueError):
        raise InvalidInput("date_out_of_range", "the date is outside of the calendar") from None


def period(anchor_at: datetime, interval: Interval, number: int) -> Period:
    """The billing period that begins at boundary `number`."""
    return Period(
        start=boundary(anchor_at, interval, number),
        end=boundary(anchor_at, interval, number + 1),
    )


def period_number(anchor_at: datetime, interval: Interval, instant: datetime) -> int:
    """The number of the period that contains `instant` (an exact boundary begins its period)."""
    elapsed = instant - anchor_at
    shortest = timedelta(days={"day": 1, "week": 7, "month": 28, "year": 365}[interval.unit])
    longest = timedelta(days={"day": 1, "week": 7, "month": 31, "year": 366}[interval.unit])
    estimates = elapsed // (shortest * interval.count), elapsed // (longest * interval.count)
    low, high = min(estimates) - 1, max(estimates) + 1
    while low < high:
        middle = (low + high + 1) // 2
        if boundary(anchor_at, interval, middle) <= instant:
            low = middle
        else:
            high = middle - 1
    return low


def start_of_month(instant: datetime) -> datetime:
    """The first instant of its month, in UTC: where calendar anchors stand."""
    return instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _add_months(anchor_at: datetime, months: int) -> datetime:
    year, month_index = divmod(anchor_at.year * 12 + anchor_at.month - 1 + months, 12)
    if not 1 <= year <= _LAST_YEAR:
        raise OverflowError
    last_day = monthrange(year, month_index + 1)[1]
    return anchor_at.replace(year=year, month=month_index + 1, day=min(anchor_at.day, last_day))
