"""The forms that a price can take: how its amount follows from a quantity.

Owns the values and what must hold of each on its own. Amounts are decimals of a minor unit with up
to twelve places and are never negative. Does not own the arithmetic (`billing.charge`) nor the
price that a form belongs to (`billing.price`).
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, model_validator

from billing.value import Value

_PLAIN: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?", re.ASCII)
_MAX_BOUND: Final = 10**12


class ModelKind(StrEnum):
    """What tells the forms apart in files, in the database and in the API."""

    FLAT = "flat"
    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"
    STAIR_STEP = "stair_step"
    PERCENTAGE = "percentage"
    MATRIX = "matrix"


def plain_digits(amount: Decimal) -> str:
    """Digits and at most one point, without zeros at the end: one way to write each amount."""
    digits = f"{amount:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _exact(value: object) -> Decimal:
    is_exact = isinstance(value, Decimal | int) and not isinstance(value, bool)
    written = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if not (is_exact or isinstance(value, str)) or not _PLAIN.fullmatch(written):
        raise ValueError("write digits and at most one point, with up to 12 decimals, as text")
    return Decimal(plain_digits(Decimal(written)))


ExactAmount = Annotated[
    Decimal,
    BeforeValidator(_exact, json_schema_input_type=str),
    Field(ge=0, lt=10**15, decimal_places=12),
    PlainSerializer(plain_digits, return_type=str, when_used="json"),
]
"""An exact amount; what is no number, a float or written with an exponent is refused."""

Bound = Annotated[int, Field(strict=True, ge=1, le=_MAX_BOUND)]
DimensionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
DimensionValue = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Combination = tuple[DimensionValue, DimensionValue]
"""A value of the first dimension and one of the second."""

_ZERO: Final = Decimal(0)


class Flat(Value):
    """One amount per interval, whatever the quantity."""

    kind: Literal[ModelKind.FLAT] = ModelKind.FLAT
    amount_minor: ExactAmount


class PerUnit(Value):
    """The same amount for every unit."""

    kind: Literal[ModelKind.PER_UNIT] = ModelKind.PER_UNIT
    unit_amount_minor: ExactAmount


class Tier(Value):
    """The units up to a bound, which belongs to it (policy P26); without bound, all above."""

    up_to: Bound | None = None
    unit_amount_minor: ExactAmount = _ZERO
    """For each unit."""
    flat_amount_minor: ExactAmount = _ZERO
    """Once, where the tier is reached; that of the first tier also for no units at all."""


class Step(Value):
    """One amount for every quantity up to a bound, which belongs to it (policy P26)."""

    up_to: Bound | None = None
    amount_minor: ExactAmount


def tier_complaint(
    bounds: Sequence[int | None], firsts: Sequence[int | None] = ()
) -> tuple[int, str] | None:
    """The first tier whose bound cannot be, by its position, and what to write instead.

    `firsts` holds the first unit of each tier, where it was written down.
    """
    before = 0
    for position, bound in enumerate(bounds):
        is_last = position == len(bounds) - 1
        first = firsts[position] if position < len(firsts) else None
        if first is not None and first != before + 1:
            what = "leaves a gap" if first > before + 1 else "overlaps the tier before"
            return position, f"a tier from {first} {what}: write from: {before + 1}, or leave it"
        if bound is None and not is_last:
            return position, "only the last tier has no up_to: write where this one ends"
        if bound is not None and bound <= before:
            return position, f"tiers are in order: write an up_to above {before}, not {bound}"
        if bound is not None and is_last:
            return position, "the last tier has no end: leave out its up_to, or add a tier after it"
        before = bound or before
    return None


def _refuse_wrong_bounds(bounds: Sequence[int | None]) -> None:
    complaint = tier_complaint(bounds)
    if complaint is not None:
        raise ValueError(f"tier {complaint[0] + 1}: {complaint[1]}")


_Tiers = Annotated[tuple[Tier, ...], Field(min_length=1, max_length=100)]


class Graduated(Value):
    """Each unit costs what the tier says that it falls into."""

    kind: Literal[ModelKind.GRADUATED] = ModelKind.GRADUATED
    tiers: _Tiers

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _refuse_wrong_bounds([tier.up_to for tier in self.tiers])
        return self


class Volume(Value):
    """All units cost what the tier says that the quantity falls into."""

    kind: Literal[ModelKind.VOLUME] = ModelKind.VOLUME
    tiers: _Tiers

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _refuse_wrong_bounds([tier.up_to for tier in self.tiers])
        return self


class Package(Value):
    """So much for every package of units that is begun."""

    kind: Literal[ModelKind.PACKAGE] = ModelKind.PACKAGE
    package_size: Bound
    package_amount_minor: ExactAmount


class StairStep(Value):
    """One amount for the step that the quantity falls into."""

    kind: Literal[ModelKind.STAIR_STEP] = ModelKind.STAIR_STEP
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _refuse_wrong_bounds([step.up_to for step in self.steps])
        return self


class Percentage(Value):
    """A share of a base amount, within bounds, and a fixed part for each unit of quantity."""

    kind: Literal[ModelKind.PERCENTAGE] = ModelKind.PERCENTAGE
    rate_percent: Annotated[ExactAmount, Field(le=1000)]
    minimum_minor: ExactAmount | None = None
    """What the share comes to at least; the fixed part is added to it."""
    maximum_minor: ExactAmount | None = None
    fixed_amount_minor: ExactAmount = _ZERO
    base_amount_minor: int | None = Field(default=None, exclude=True)
    """What it was sold for the share of; never a part of the catalog."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if None not in (self.minimum_minor, self.maximum_minor) and (
            (self.minimum_minor or _ZERO) > (self.maximum_minor or _ZERO)
        ):
            raise ValueError("the minimum must not exceed the maximum")
        return self


class Dimension(Value):
    """One of the two things that a matrix distinguishes, such as a region."""

    name: DimensionName
    values: Annotated[tuple[DimensionValue, ...], Field(min_length=1, max_length=50)]


class Cell(Value):
    """What a unit costs at one combination."""

    at: Combination
    unit_amount_minor: ExactAmount


class Matrix(Value):
    """A unit costs what the cell of two dimensions says; some combinations are not sold."""

    kind: Literal[ModelKind.MATRIX] = ModelKind.MATRIX
    dimensions: tuple[Dimension, Dimension]
    cells: Annotated[tuple[Cell, ...], Field(min_length=1, max_length=2500)]
    refused: tuple[Combination, ...] = ()
    chosen: Combination | None = Field(default=None, exclude=True)
    """The cell that was sold; never a part of the catalog."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        first, second = self.dimensions
        if first.name == second.name:
            raise ValueError(f"two dimensions are called {first.name!r}: rename one")
        for dimension in self.dimensions:
            if len(set(dimension.values)) < len(dimension.values):
                raise ValueError(f"{dimension.name} has a value twice: keep one")
        missing = {(a, b): True for a in first.values for b in second.values}
        possible = frozenset(missing)
        for combination in (*(cell.at for cell in self.cells), *self.refused):
            if combination not in possible:
                raise ValueError(f"{_said(combination)} is not in the dimensions: correct it")
            if missing.pop(combination, None) is None:
                raise ValueError(f"{_said(combination)} is written twice: keep one")
        for combination in missing:
            raise ValueError(f"{_said(combination)} has no cell: write one, or list it as refused")
        return self


def _said(combination: Combination) -> str:
    return f"[{', '.join(combination)}]"


PriceModel = Annotated[
    Flat | PerUnit | Graduated | Volume | Package | StairStep | Percentage | Matrix,
    Field(discriminator="kind"),
]
