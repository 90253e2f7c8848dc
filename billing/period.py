"""Periods of time: half-open, `[start, end)` (policy P7).

Owns membership and length. Does not own where periods begin (`billing.anchor`).
"""

from datetime import datetime, timedelta
from typing import Self

from pydantic import model_validator

from billing.value import Instant, Value


class Period(Value):
    """From `start` up to, and without, `end`; never empty."""

    start: Instant
    end: Instant

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.end <= self.start:
            raise ValueError("a period ends after it starts")
        return self

    @property
    def length(self) -> timedelta:
        """Exact duration."""
        return self.end - self.start

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}"
