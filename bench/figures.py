"""What was measured: figures, each with what it is held against.

Owns the values and how samples become them. Does not own how they are shown (`bench.report`).
"""

from collections.abc import Sequence
from statistics import median
from typing import Self

from billing.value import Value


class Spread(Value):
    """Several measurements of one thing."""

    lowest: float
    middle: float
    highest: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Self:
        """Of one sample at least."""
        return cls(lowest=min(samples), middle=median(samples), highest=max(samples))


class Figure(Value):
    """One line of the result."""

    name: str
    unit: str
    ours: Spread
    baseline: Spread | None = None
    ratio: Spread | None = None
    """Ours to the baseline of the same minute; what the target is about, where there is one."""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_reached(self) -> bool | None:
        """Whether the target is; None without one. The middle of the measurements counts."""
        measured = (self.ratio or self.ours).middle
        if self.at_least is not None:
            return measured >= self.at_least
        if self.at_most is not None:
            return measured <= self.at_most
        return None
