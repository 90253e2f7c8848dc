"""How the amounts of a price are written, and the model that they make.

Owns the keys of each model and their conversion to minor units. Does not own the other keys of a
price (`adapters.catalog_forms.price`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar, assert_never

import yaml
from pydantic import Field, ValidationError

from adapters.yaml_forms.complaint import sentence
from adapters.yaml_forms.document import Stop, Told, place_of
from adapters.yaml_forms.form import Fields, Form, Key, Reading, Schema, Values
from adapters.yaml_forms.kinds import DecimalText, ListOf, OneOf, Text, Texts, Whole, items
from billing.price_model import (
    Bound,
    Cell,
    Combination,
    Dimension,
    ExactAmount,
    Flat,
    Graduated,
    Matrix,
    ModelKind,
    Package,
    Percentage,
    PerUnit,
    PriceModel,
    StairStep,
    Step,
    Tier,
    Volume,
    tier_complaint,
)
from billing.value import Value

WrittenT = TypeVar("WrittenT", bound=Value)


class WrittenTier(Value):
    """A tier in the currency's major unit."""

    first: int | None = None
    up_to: Bound | None = None
    amount: ExactAmount | None = None
    flat_amount: ExactAmount | None = None


class WrittenCell(Value):
    """A cell in the currency's major unit."""

    at: Combination
    amount: ExactAmount


class WrittenDimension(Value):
    """A dimension; what its names may be is said where the matrix is made."""

    name: str
    values: tuple[str, ...] = Field(min_length=1)


_TIER: Final = Form(
    what="a tier",
    model=WrittenTier,
    keys={
        "from": Key(Whole(), "Its first unit; follows from the tier before", field="first"),
        "up_to": Key(Whole(), "Its last unit; the last tier has none"),
        "amount": Key(DecimalText(), "For each unit; of a stair_step for all of them"),
        "flat_amount": Key(DecimalText(), "Once, where the tier is reached"),
    },
)
_DIMENSION: Final = Form(
    what="a dimension",
    model=WrittenDimension,
    keys={
        "name": Key(Text(), "What it is called, such as region", required=True),
        "values": Key(Texts(), "What can be chosen", required=True),
    },
)
_CELL: Final = Form(
    what="a cell",
    model=WrittenCell,
    keys={
        "at": Key(Texts(), "A value of each dimension, such as [eu, large]", required=True),
        "amount": Key(DecimalText(), "For each unit", required=True),
    },
)


@dataclass(frozen=True, slots=True)
class Combinations:
    """A list of combinations of two values."""

    def read(self, node: yaml.Node, name: str, reading: Reading) -> tuple[tuple[str, ...], ...]:
        """Each a list of texts."""
        return tuple(Texts().read(item, name, reading) for item in items(node, name))

    def schema(self) -> Schema:
        """Of pairs."""
        pair = Texts().schema() | {"minItems": 2, "maxItems": 2}
        return {"type": "array", "minItems": 1, "items": pair}


MODEL_KEYS: Final = {
    "model": Key(OneOf(ModelKind), "How the amount follows from the quantity; else per_unit"),
    "amount": Key(DecimalText(), "In the currency's major unit: of a unit, a package, or all"),
    "tiers": Key(ListOf(_TIER), "Of a graduated, volume or stair_step price, in their order"),
    "package_size": Key(Whole(), "How many units one package has"),
    "rate": Key(DecimalText(), "Of a percentage: 2.9 is 2.9 %"),
    "fixed_amount": Key(DecimalText(), "Of a percentage: for each unit of quantity besides"),
    "minimum": Key(DecimalText(), "What the percentage comes to at least"),
    "maximum": Key(DecimalText(), "What the percentage comes to at most"),
    "dimensions": Key(ListOf(_DIMENSION), "Of a matrix: the two things that decide"),
    "cells": Key(ListOf(_CELL), "Of a matrix: what a unit costs at each combination"),
    "refused": Key(Combinations(), "Of a matrix: combinations that are not sold"),
}
"""The keys of a price that make its model; `amount` alone is an amount per unit."""

_REQUIRED: Final[Mapping[ModelKind, tuple[str, ...]]] = {
    ModelKind.FLAT: ("amount",),
    ModelKind.PER_UNIT: ("amount",),
    ModelKind.GRADUATED: ("tiers",),
    ModelKind.VOLUME: ("tiers",),
    ModelKind.PACKAGE: ("package_size", "amount"),
    ModelKind.STAIR_STEP: ("tiers",),
    ModelKind.PERCENTAGE: ("rate",),
    ModelKind.MATRIX: ("dimensions", "cells"),
}
_OPTIONAL: Final[Mapping[ModelKind, tuple[str, ...]]] = {
    ModelKind.PERCENTAGE: ("fixed_amount", "minimum", "maximum"),
    ModelKind.MATRIX: ("refused",),
}


def price_model(written: Values, fields: Fields, *, minor_digits: int) -> PriceModel:
    """The model that the values of `MODEL_KEYS` make; `fields` are where they are written.

    Raises `Stop` for keys that the model does not have, lacks, or has wrong.
    """
    kind = ModelKind(str(written.get("model", ModelKind.PER_UNIT)))
    _check_keys(kind, written, fields)
    amounts = _Amounts(written, minor_digits)
    match kind:
        case ModelKind.FLAT:
            return Flat(amount_minor=amounts.of("amount"))
        case ModelKind.PER_UNIT:
            return PerUnit(unit_amount_minor=amounts.of("amount"))
        case ModelKind.GRADUATED | ModelKind.VOLUME | ModelKind.STAIR_STEP:
            return _tiered(kind, amounts, fields)
        case ModelKind.PACKAGE:
            return _package(amounts, fields)
        case ModelKind.PERCENTAGE:
            return _percentage(amounts, fields)
        case ModelKind.MATRIX:
            return _matrix(amounts, fields)
        case _:
            assert_never(kind)


@dataclass(frozen=True, slots=True)
class _Amounts:
    """What is written, and its amounts in minor units."""

    written: Values
    minor_digits: int

    def of(self, name: str) -> Decimal:
        return self.minor(Decimal(str(self.written[name])))

    def given(self, **names: str) -> dict[str, Decimal]:
        """Those that are written, by the names that the model has for them."""
        return {field: self.of(name) for field, name in names.items() if name in self.written}

    def minor(self, amount: Decimal | None) -> Decimal:
        return (amount or Decimal(0)).scaleb(self.minor_digits)

    def entries(self, name: str, of: type[WrittenT]) -> list[WrittenT]:
        written = self.written.get(name)
        entries = written if isinstance(written, tuple) else ()
        return [entry for entry in entries if isinstance(entry, of)]


def _check_keys(kind: ModelKind, written: Values, fields: Fields) -> None:
    known = (*_REQUIRED[kind], *_OPTIONAL.get(kind, ()))
    for name in written:
        if name not in {"model", *known}:
            raise Stop(
                place_of(fields[name]),
                f"a {kind} price has no {name!r}; it has {', '.join(known)}",
            )
    missing = [name for name in _REQUIRED[kind] if name not in written]
    if missing:
        node = fields.get("model", next(iter(fields.values())))
        advice = "" if "model" in written else ", or a `model` and what it is made of"
        raise Stop(place_of(node), f"a price needs {', '.join(missing)}{advice}")


def _tiered(kind: ModelKind, amounts: _Amounts, fields: Fields) -> PriceModel:
    nodes = items(fields["tiers"], "tiers")
    written = amounts.entries("tiers", WrittenTier)
    if len(written) < len(nodes):
        raise Told
    for tier, node in zip(written, nodes, strict=True):
        if tier.amount is None and tier.flat_amount is None:
            raise Stop(place_of(node), "a tier needs an amount, a flat_amount or both")
    complaint = tier_complaint([tier.up_to for tier in written], [tier.first for tier in written])
    if complaint is not None:
        raise Stop(place_of(nodes[complaint[0]]), complaint[1])
    if kind is ModelKind.STAIR_STEP:
        steps = (_step(amounts, tier, node) for tier, node in zip(written, nodes, strict=True))
        return StairStep(steps=tuple(steps))
    tiers = tuple(
        Tier(
            up_to=tier.up_to,
            unit_amount_minor=amounts.minor(tier.amount),
            flat_amount_minor=amounts.minor(tier.flat_amount),
        )
        for tier in written
    )
    return Graduated(tiers=tiers) if kind is ModelKind.GRADUATED else Volume(tiers=tiers)


def _step(amounts: _Amounts, tier: WrittenTier, node: yaml.Node) -> Step:
    if tier.amount is None or tier.flat_amount is not None:
        raise Stop(place_of(node), "a step has one amount; write it as `amount`")
    return Step(up_to=tier.up_to, amount_minor=amounts.minor(tier.amount))


def _package(amounts: _Amounts, fields: Fields) -> Package:
    size = amounts.written["package_size"]
    if not isinstance(size, int) or size < 1:
        raise Stop(place_of(fields["package_size"]), "package_size: a package has a unit or more")
    return Package(package_size=size, package_amount_minor=amounts.of("amount"))


def _percentage(amounts: _Amounts, fields: Fields) -> Percentage:
    try:
        return Percentage.model_validate(
            {"rate_percent": amounts.written["rate"]}
            | amounts.given(
                fixed_amount_minor="fixed_amount", minimum_minor="minimum", maximum_minor="maximum"
            )
        )
    except ValidationError as error:
        raise Stop(place_of(fields["rate"]), _said(error)) from None


def _matrix(amounts: _Amounts, fields: Fields) -> Matrix:
    """Raises `Told` where a part of it could not be read."""
    for name in ("dimensions", "cells"):
        if len(amounts.entries(name, Value)) < len(items(fields[name], name)):
            raise Told
    try:
        return Matrix.model_validate(
            {
                "dimensions": tuple(
                    Dimension.model_validate(dict(each))
                    for each in amounts.entries("dimensions", WrittenDimension)
                ),
                "cells": tuple(
                    Cell(at=cell.at, unit_amount_minor=amounts.minor(cell.amount))
                    for cell in amounts.entries("cells", WrittenCell)
                ),
                "refused": amounts.written.get("refused", ()),
            }
        )
    except ValidationError as error:
        raise Stop(place_of(fields["cells"]), _said(error)) from None


def _said(error: ValidationError) -> str:
    complaint = error.errors(include_url=False)[0]
    where = ".".join(str(step) for step in complaint["loc"])
    message = sentence(complaint) or complaint["msg"]
    return f"{where}: {message}" if where else message
