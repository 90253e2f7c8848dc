"""The arithmetic of price models: from a quantity to exact parts (policy P1, P26).

Owns one function per model. Nothing is rounded here. Does not own versions of prices, bounds of
quantities (`billing.pricing`) nor the models' values (`billing.price_model`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil
from types import MappingProxyType
from typing import Final, assert_never

from billing.errors import InvalidInput
from billing.explanation import ChargePart, Exact, PartKind
from billing.price_model import (
    Combination,
    Flat,
    Graduated,
    Matrix,
    Package,
    Percentage,
    PerUnit,
    PriceModel,
    StairStep,
    Volume,
)

Quantity = Exact
"""How many units; usage may be a fraction of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingContext:
    """What an amount depends on beside the quantity."""

    base_minor: Quantity | None = None
    """What a percentage is taken of, in minor units of the price's currency."""
    dimensions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The values that choose the cell of a matrix, by the names of its dimensions."""


NO_CONTEXT: Final = PricingContext()


def parts_of(  # noqa: PLR0911 - one return per model
    model: PriceModel, quantity: Quantity, context: PricingContext
) -> list[ChargePart]:
    """What `quantity` units cost over one whole interval, part by part.

    Raises `InvalidInput` where the context lacks what the model needs: `base_amount_required`,
    `dimension_required`, `dimension_unknown`, `combination_not_sold`.
    """
    match model:
        case Flat():
            return [_flat(model.amount_minor)]
        case PerUnit():
            return [_units(quantity, model.unit_amount_minor)]
        case Graduated():
            return list(_graduated(model, quantity))
        case Volume():
            return list(_volume(model, quantity))
        case Package():
            return [_packages(model, quantity)]
        case StairStep():
            position = _tier_at([step.up_to for step in model.steps], quantity)
            step = model.steps[position]
            above = model.steps[position - 1].up_to if position else None
            return [_flat(step.amount_minor, above=above, up_to=step.up_to)]
        case Percentage():
            return list(_percentage(model, quantity, context))
        case Matrix():
            return [_units(quantity, _cell(model, context))]
        case _:
            assert_never(model)


def contexts_of(model: PriceModel) -> Iterator[PricingContext]:
    """Every context that decides by itself what a model costs; none where amounts of others do."""
    match model:
        case Matrix(chosen=None):
            names = [dimension.name for dimension in model.dimensions]
            for cell in model.cells:
                yield PricingContext(dimensions=dict(zip(names, cell.at, strict=True)))
        case Percentage(base_amount_minor=None):
            return
        case _:
            yield NO_CONTEXT


def bounded(
    parts: list[ChargePart],
    *,
    minimum_minor: int | Decimal | None,
    maximum_minor: int | Decimal | None,
) -> list[ChargePart]:
    """The parts with what is added to come to the minimum, or taken off for the maximum."""
    if minimum_minor is None and maximum_minor is None:
        return parts
    total = sum(part.amount_minor for part in parts)
    if minimum_minor is not None and total < minimum_minor:
        return [*parts, _top_up(PartKind.MINIMUM, _exact(minimum_minor) - total)]
    if maximum_minor is not None and total > maximum_minor:
        return [*parts, _top_up(PartKind.MAXIMUM, _exact(maximum_minor) - total)]
    return parts


def _top_up(kind: PartKind, amount_minor: Exact) -> ChargePart:
    return ChargePart(kind=kind, amount_minor=amount_minor)


def _exact(amount: Decimal | int) -> Exact:
    numerator, denominator = amount.as_integer_ratio()
    return numerator if denominator == 1 else Fraction(numerator, denominator)


def _units(count: Quantity, each: Decimal) -> ChargePart:
    return ChargePart(
        kind=PartKind.UNITS, count=count, each=each, amount_minor=count * _exact(each)
    )


def _flat(amount: Decimal, *, above: int | None = None, up_to: int | None = None) -> ChargePart:
    return ChargePart(
        kind=PartKind.FLAT, each=amount, amount_minor=_exact(amount), above=above, up_to=up_to
    )


def _graduated(model: Graduated, quantity: Quantity) -> Iterator[ChargePart]:
    """Each tier for the units in it; a flat amount where the tier is reached."""
    below = 0
    for tier in model.tiers:
        if quantity <= below and below:
            return
        inside = quantity - below if tier.up_to is None else min(quantity, tier.up_to) - below
        if tier.flat_amount_minor:
            yield _flat(tier.flat_amount_minor, above=below or None, up_to=tier.up_to)
        if inside and (tier.unit_amount_minor or not tier.flat_amount_minor):
            yield _units(inside, tier.unit_amount_minor)
        below = tier.up_to or below


def _volume(model: Volume, quantity: Quantity) -> Iterator[ChargePart]:
    """The one tier that the quantity falls into, for all units."""
    position = _tier_at([tier.up_to for tier in model.tiers], quantity)
    tier = model.tiers[position]
    if tier.flat_amount_minor:
        above = model.tiers[position - 1].up_to if position else None
        yield _flat(tier.flat_amount_minor, above=above, up_to=tier.up_to)
    if tier.unit_amount_minor or not tier.flat_amount_minor:
        yield _units(quantity, tier.unit_amount_minor)


def _tier_at(bounds: Sequence[int | None], quantity: Quantity) -> int:
    """A bound belongs to the tier that it ends (policy P26); the last tier has none."""
    return next(
        position for position, bound in enumerate(bounds) if bound is None or quantity <= bound
    )


def _packages(model: Package, quantity: Quantity) -> ChargePart:
    count = ceil(Fraction(quantity) / model.package_size)
    return ChargePart(
        kind=PartKind.PACKAGES,
        count=count,
        each=model.package_amount_minor,
        amount_minor=count * _exact(model.package_amount_minor),
        package_size=model.package_size,
    )


def _percentage(
    model: Percentage, quantity: Quantity, context: PricingContext
) -> Iterator[ChargePart]:
    base = model.base_amount_minor if context.base_minor is None else context.base_minor
    if base is None:
        raise InvalidInput(
            "base_amount_required", "the price is a percentage: it needs the amount it is taken of"
        )
    share = base * Fraction(model.rate_percent) / 100
    part = ChargePart(
        kind=PartKind.PERCENTAGE, count=base, each=model.rate_percent, amount_minor=share
    )
    yield from bounded([part], minimum_minor=model.minimum_minor, maximum_minor=model.maximum_minor)
    if model.fixed_amount_minor:
        yield _units(quantity, model.fixed_amount_minor)


def _cell(model: Matrix, context: PricingContext) -> Decimal:
    chosen = model.chosen or combination_of(model, context.dimensions)
    return next(cell.unit_amount_minor for cell in model.cells if cell.at == chosen)


def combination_of(model: Matrix, dimensions: Mapping[str, str]) -> Combination:
    """The cell that they choose, which is sold.

    Raises `InvalidInput` (`dimension_required`, `dimension_unknown`, `combination_not_sold`).
    """
    chosen: list[str] = []
    for dimension in model.dimensions:
        value = dimensions.get(dimension.name)
        known = ", ".join(dimension.values)
        if value is None:
            raise InvalidInput(
                "dimension_required",
                f"the price depends on {dimension.name}: give one of {known}",
                dimension=dimension.name,
            )
        if value not in dimension.values:
            raise InvalidInput(
                "dimension_unknown",
                f"{dimension.name} is one of {known}",
                dimension=dimension.name,
            )
        chosen.append(value)
    combination = (chosen[0], chosen[1])
    if all(cell.at != combination for cell in model.cells):
        raise InvalidInput("combination_not_sold", f"{' with '.join(chosen)} is not sold")
    return combination
