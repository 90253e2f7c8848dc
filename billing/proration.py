"""What a part of a period costs: debits, what is left of them, and the credit for it (policy P13).

Owns the exact share of a period and the rounding of a credit. A credit is computed from the debit
it reverses, whatever the price has become since, and never exceeds it. Does not own which change
reverses which debit (`billing.change`) nor the documents.
"""

from datetime import timedelta
from fractions import Fraction
from typing import Final, assert_never

from billing.catalog import ProrationMode
from billing.money import Money, round_half_away
from billing.period import Period
from billing.tax import LineTax
from billing.value import Value


class LineRef(Value):
    """An invoice's line by its position, counted from 1."""

    invoice_id: str
    position: int


class Debit(Value):
    """A line that was charged for time, and what of it was credited since."""

    ref: LineRef
    description: str
    price_id: str | None
    price_version: int | None
    quantity: int
    period: Period
    amount: Money
    """What the line costs, less its discounts; with tax where the price includes it; positive."""
    credited: Money
    """What was given back of it so far; never negative and never more than `amount`."""
    tax: LineTax | None = None
    """What the line carried; what is given back of it carries the same rate (policy P4)."""
    tax_credited_minor: int = 0
    """What was given back of the tax so far, in minor units."""
    is_disputed: bool = False
    """A bank holds what was paid for it, or has taken it back: no change gives it back."""
    is_closed: bool = False
    """A credit reaches its end: nothing is left to give back for the time that remains."""

    @property
    def creditable(self) -> Money:
        """What may still be given back."""
        return self.amount - self.credited

    @property
    def tax_left_minor(self) -> int:
        """What may still be given back of the tax."""
        charged = 0 if self.tax is None else self.tax.amount.amount_minor
        return max(charged - self.tax_credited_minor, 0)

    def extended(self, by: timedelta) -> "Debit":
        """The same price for the same length of service, delivered later by a pause."""
        return self.model_copy(
            update={"period": Period(start=self.period.start + by, end=self.period.end + by)}
        )


def share(part: Period, whole: Period, mode: ProrationMode) -> Fraction:
    """Which share of the period `whole` the part is, exactly.

    `by_second` counts time; `day_inclusive` counts UTC days and the first one whole, of both.
    """
    match mode:
        case ProrationMode.BY_SECOND:
            return Fraction(part.length // _MICROSECOND, whole.length // _MICROSECOND)
        case ProrationMode.DAY_INCLUSIVE:
            return Fraction(_days(part), max(_days(whole), 1))
        case _:
            assert_never(mode)


def credit_for(debit: Debit, part: Period, mode: ProrationMode) -> Money:
    """What is given back of `debit` for the time of `part`, rounded once; not negative."""
    exact = debit.amount.amount_minor * share(part, debit.period, mode)
    minor = min(round_half_away(exact), debit.creditable.amount_minor)
    return debit.amount.model_copy(update={"amount_minor": max(minor, 0)})


def _days(period: Period) -> int:
    return (period.end.date() - period.start.date()).days


_MICROSECOND: Final = timedelta(microseconds=1)
