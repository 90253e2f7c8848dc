"""Entitlements: what a customer may do, and how much of it.

Owns the values, how what several sources give comes together, and what an operator may grant. Does
not own which subscriptions give anything now (`billing.subscription`) nor storage (`adapters`).
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from billing.errors import InvalidInput
from billing.value import Value

FeatureId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]
"""Chosen by the catalog's owner; what the seller's product asks about."""

UnitName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]

LARGEST_LIMIT: Final = 10**12
"""What may be written; quantities and sums may come to more."""


class Combine(StrEnum):
    """What a limit does beside limits of the same feature from other sources."""

    HIGHEST = "highest"
    """The highest of these holds."""
    SUM = "sum"
    """It comes on top of whatever else there is."""


class Limit(Value):
    """How much of a feature."""

    amount: Annotated[int, Field(ge=0)] | None
    """None: as much as is wanted."""
    unit: UnitName
    per_unit: bool = False
    """For each unit of the subscription's quantity: each seat, each pack."""
    combine: Combine = Combine.HIGHEST


class Entitlement(Value):
    """A feature, and how much of it; without a limit it is there or not."""

    feature: FeatureId
    limit: Limit | None = None

    def times(self, quantity: int) -> "Entitlement":
        """What `quantity` units of a subscription give."""
        limit = self.limit
        if limit is None or not limit.per_unit:
            return self
        amount = None if limit.amount is None else limit.amount * quantity
        scaled = limit.model_copy(update={"amount": amount, "per_unit": False})
        return Entitlement(feature=self.feature, limit=scaled)

    @property
    def unit(self) -> str | None:
        """What the limit counts; None for what is there or not."""
        return None if self.limit is None else self.limit.unit

    @property
    def extent(self) -> int | str:
        """The amount, `unlimited`, or `included` for what has no limit: for events and people."""
        if self.limit is None:
            return "included"
        return "unlimited" if self.limit.amount is None else self.limit.amount


def combined(given: Iterable[Entitlement]) -> tuple[Entitlement, ...]:
    """What all sources give together, by feature.

    A feature is included where any source includes it. A limit is the highest one, and on top of it
    the sum of those that say so; unlimited where any is. That is what add-ons are expected to do to
    a plan, and two plans not to do to each other.
    """
    ordered = sorted(given, key=lambda entitlement: entitlement.feature)
    return tuple(
        Entitlement(feature=feature, limit=_combined_limit([e.limit for e in same if e.limit]))
        for feature, same in groupby(ordered, key=lambda entitlement: entitlement.feature)
    )


def _combined_limit(limits: list[Limit]) -> Limit | None:
    if not limits:
        return None
    amounts: dict[Combine, list[int]] = {combine: [] for combine in Combine}
    for limit in limits:
        if limit.amount is not None:
            amounts[limit.combine].append(limit.amount)
    total = max(amounts[Combine.HIGHEST], default=0) + sum(amounts[Combine.SUM])
    is_unlimited = any(limit.amount is None for limit in limits)
    return Limit(amount=None if is_unlimited else total, unit=limits[0].unit)


def changes(
    before: Iterable[Entitlement], after: Iterable[Entitlement]
) -> Mapping[str, str | int | None]:
    """`{feature}.before` and `{feature}.after` for all that differs; None where it is not given."""
    earlier = {entitlement.feature: entitlement.extent for entitlement in before}
    later = {entitlement.feature: entitlement.extent for entitlement in after}
    return dict(_differences(earlier, later))


def _differences(
    earlier: Mapping[str, str | int], later: Mapping[str, str | int]
) -> Iterator[tuple[str, str | int | None]]:
    for feature in sorted(earlier.keys() | later.keys()):
        if earlier.get(feature) != later.get(feature):
            yield f"{feature}.before", earlier.get(feature)
            yield f"{feature}.after", later.get(feature)


def feature_complaints(entitlements: Iterable[Entitlement]) -> Iterator[tuple[Entitlement, str]]:
    """The entitlements whose feature means something else in one before them, and what."""
    units: dict[str, str | None] = {}
    for entitlement in entitlements:
        known = units.setdefault(entitlement.feature, entitlement.unit)
        if known != entitlement.unit:
            yield (
                entitlement,
                (
                    f"the feature {entitlement.feature!r} is {described(known)} elsewhere,"
                    f" not {described(entitlement.unit)}: give it the same unit, or another id"
                ),
            )


def described(unit: str | None) -> str:
    """What kind of feature it is, in words."""
    return "on or off" if unit is None else f"a limit in {unit!r}"


def granted(
    feature: str, *, unit: str | None, amount: int | None, unlimited: bool, combine: Combine
) -> Entitlement:
    """What an operator may grant of a feature that is counted in `unit`, or not at all.

    Raises `InvalidInput` (`limit_missing`, `limit_not_expected`).
    """
    has_limit = amount is not None or unlimited
    if unit is None:
        if has_limit:
            raise InvalidInput("limit_not_expected", f"{feature} is on or off: it has no limit")
        return Entitlement(feature=feature)
    if not has_limit or (unlimited and amount is not None):
        raise InvalidInput(
            "limit_missing", f"{feature} is counted in {unit!r}: give `limit`, or `unlimited`"
        )
    return Entitlement(feature=feature, limit=Limit(amount=amount, unit=unit, combine=combine))
