"""What the API says about a stretch of time.

Owns the public shape of periods; half-open, as everywhere inside (policy P7).
"""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from billing.period import Period


class PeriodView(BaseModel):
    """From `start` up to, and without, `end`."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, period: Period) -> Self:
        """The same period."""
        return cls(start=period.start, end=period.end)
