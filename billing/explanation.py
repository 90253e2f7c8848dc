"""How an amount came about: its parts, which sum to it.

Owns the values. Does not own the arithmetic (`billing.charge`) nor the words in which a customer
reads them (`adapters.plain_english`).
"""

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from billing.currency import CurrencyCode
from billing.value import Value

Exact = int | Fraction
"""Never rounded; whole where it can be, which is quicker."""


class PartKind(StrEnum):
    """What a part of an amount was charged for."""

    UNITS = "units"
    """So many units at one price each."""
    FLAT = "flat"
    """One amount, whatever the quantity, or for the tier that it falls into."""
    PACKAGES = "packages"
    """So many packages of `package_size` units at one price each."""
    PERCENTAGE = "percentage"
    """`each` percent of `count` minor units."""
    MINIMUM = "minimum"
    """What was added to come to the least that is charged."""
    MAXIMUM = "maximum"
    """What was taken off to come to the most that is charged; negative."""
    HELD = "held"
    """What the quantity costs that one has already; negative."""


class ChargePart(Value):
    """One part of an amount."""

    kind: PartKind
    count: Exact = 1
    each: Decimal = Decimal(0)
    """Minor units for one of `count`; of a percentage the rate."""
    amount_minor: Exact
    """Exact, in minor units."""
    above: int | None = None
    up_to: int | None = None
    """The bounds of the tier that a flat part is for."""
    package_size: int | None = None


class Explanation(Value):
    """The parts of an amount, and which share of a period they were charged for."""

    currency: CurrencyCode
    unit_name: str
    parts: tuple[ChargePart, ...]
    share: Exact = 1

    @property
    def exact_minor(self) -> Exact:
        """The amount before it is rounded, in minor units."""
        return sum(part.amount_minor for part in self.parts) * self.share
