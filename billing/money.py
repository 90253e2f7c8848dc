"""Amounts of money: whole minor units of one currency (policy P1, P2).

Owns arithmetic, the one rounding and the splitting of amounts. Does not own prices, which may be
fractions of a minor unit (`billing.price`), nor tax or discounts.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Self

from billing.currency import CurrencyCode, minor_digits
from billing.errors import BooksBroken
from billing.value import Value

__all__ = ["Money", "allocate_minor", "round_half_away"]


class Money(Value):
    """`amount_minor` minor units of `currency`; negative amounts are credits."""

    amount_minor: int
    currency: CurrencyCode

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Nothing, in a currency."""
        return cls(amount_minor=0, currency=currency)

    def _minor_of(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise BooksBroken(
                "currency_mismatch", f"{self.currency} and {other.currency} cannot be combined"
            )
        return other.amount_minor

    def __add__(self, other: "Money") -> "Money":
        return Money(amount_minor=self.amount_minor + self._minor_of(other), currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(amount_minor=self.amount_minor - self._minor_of(other), currency=self.currency)

    def __neg__(self) -> "Money":
        return Money(amount_minor=-self.amount_minor, currency=self.currency)

    def __str__(self) -> str:
        """`USD 80.00`: for logs, summaries and operators; customers get locale formatting."""
        digits = minor_digits(self.currency)
        return f"{self.currency} {Decimal(self.amount_minor).scaleb(-digits):,.{digits}f}"


def round_half_away(exact: Fraction | Decimal | int) -> int:
    """The nearest whole number; halves go away from zero (policy P1)."""
    if isinstance(exact, int):
        return exact
    value = Fraction(exact)
    magnitude = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return magnitude if value >= 0 else -magnitude


def allocate_minor(total_minor: int, weights: Sequence[Fraction | int]) -> tuple[int, ...]:
    """Shares in proportion to `weights` that sum to `total_minor` exactly (policy P2).

    Largest remainder; equal remainders favour the earlier share. Weights are not negative and not
    all zero, else `BooksBroken` (`unallocatable`).
    """
    whole = sum((Fraction(weight) for weight in weights), Fraction(0))
    if whole <= 0 or any(weight < 0 for weight in weights):
        raise BooksBroken("unallocatable", "weights must be positive in sum and never negative")
    sign = -1 if total_minor < 0 else 1
    exact = [abs(total_minor) * Fraction(weight) / whole for weight in weights]
    shares = [share.numerator // share.denominator for share in exact]
    missing = abs(total_minor) - sum(shares)
    by_remainder = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for index in by_remainder[:missing]:
        shares[index] += 1
    return tuple(sign * share for share in shares)
