"""Billing intervals: how often a price recurs.

Owns the units and their names. Does not own calendars (`billing.anchor`).
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from billing.value import Value


class IntervalUnit(StrEnum):
    """Units of the calendar; quarters and half-years are multiples of months."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Interval(Value):
    """Every `count` units, for instance every 3 months."""

    unit: IntervalUnit
    count: Annotated[int, Field(ge=1, le=120)] = 1

    def __str__(self) -> str:
        return f"every {self.unit}" if self.count == 1 else f"every {self.count} {self.unit}s"
