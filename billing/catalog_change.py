"""What one catalog changes of another, and what may not be changed.

Owns the comparison, thing by thing and field by field, for whatever sections a catalog has. Does
not own what a change means for those who bought before (`billing.catalog_plan`).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Final

from pydantic import BaseModel

from billing.catalog import Catalog
from billing.offer import price_as_sold
from billing.price import Price
from billing.subscription import Terms
from billing.value import Value

_SINGULAR: Final = {"products": "product", "prices": "price"}
_OF_PRICES: Final = frozenset({"replacements", "migrations"})
"""Sections that say something of prices, and are compared with them."""


class ChangeAction(StrEnum):
    """What happens to a thing of the catalog."""

    ADDED = "added"
    CHANGED = "changed"
    RETIRED = "retired"
    """It is no longer sold; who has it keeps it."""


class Difference(Value):
    """One field before and after, as text; None where it is not there."""

    field: str
    before: str | None
    after: str | None


class CatalogChange(Value):
    """One thing that is added, changed or retired."""

    action: ChangeAction
    kind: str
    """`product`, `price`, or another section of the catalog."""
    id: str
    differences: tuple[Difference, ...] = ()
    """Of what is changed."""
    replaced_by: str | None = None
    """The price that those who have a retired one are to be moved to."""


class Refusal(Value):
    """Something that may not be published, and why."""

    code: str
    kind: str
    id: str
    message: str
    """What to write instead."""


class Published(Value):
    """What earlier versions have settled for ever."""

    prices: tuple[Price, ...] = ()
    """Every version of every price that was ever published."""
    families: Mapping[str, str] = {}
    """The family of every product that was ever published."""

    @cached_property
    def _by_version(self) -> Mapping[tuple[str, int], Price]:
        return {(price.id, price.version): price for price in self.prices}

    def price_of(self, terms: Terms) -> Price:
        """What was sold, as it was."""
        return price_as_sold(self._by_version[terms.price_id, terms.price_version], terms)


def changes(before: Catalog, after: Catalog) -> tuple[CatalogChange, ...]:
    """Everything that differs, section by section and in the order of ids."""
    return tuple(
        change
        for name in type(after).model_fields
        if name not in _OF_PRICES
        for change in _section_changes(name, before, after)
    )


def refusals(catalog: Catalog, published: Published) -> tuple[Refusal, ...]:
    """Everything that may not be published like this (policy P33)."""
    return (*_changed_versions(catalog, published), *_changed_families(catalog, published))


def _section_changes(name: str, before: Catalog, after: Catalog) -> Iterator[CatalogChange]:
    old, new = _things(before, name), _things(after, name)
    kind = _SINGULAR.get(name, name)
    for identifier in sorted(old.keys() | new.keys()):
        replaced_by = after.replacements.get(identifier) if name == "prices" else None
        was_retired = name == "prices" and identifier in before.replacements
        differences = tuple(_differences(old.get(identifier, {}), new.get(identifier, {})))
        if identifier not in old:
            action = ChangeAction.ADDED
        elif identifier not in new or (replaced_by is not None and not was_retired):
            action = ChangeAction.RETIRED
        elif differences:
            action = ChangeAction.CHANGED
        else:
            continue
        yield CatalogChange(
            action=action,
            kind=kind,
            id=identifier,
            differences=differences if identifier in old and identifier in new else (),
            replaced_by=replaced_by,
        )


def _things(catalog: Catalog, name: str) -> dict[str, dict[str, str]]:
    """The things of a section by their ids, each as its flattened fields."""
    section = getattr(catalog, name)
    things: dict[str, dict[str, str]] = {}
    for thing in section if isinstance(section, tuple) else ():
        if not isinstance(thing, BaseModel):
            continue
        fields = dict(_flat(thing.model_dump(), ""))
        identifier = fields.pop("id", str(len(things)))
        if name == "prices" and identifier in catalog.replacements:
            fields["replaced_by"] = catalog.replacements[identifier]
        if name == "prices" and identifier in catalog.migrations:
            fields |= dict(_flat(catalog.migrations[identifier].model_dump(), "migration"))
        things[identifier] = fields
    return things


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(inner, Mapping) for inner in value):
        for number, inner in enumerate(value, start=1):
            yield from _flat(inner, f"{path}[{number}]")
    elif isinstance(value, list | tuple):
        yield path, ", ".join(_text(inner) for inner in value)
    elif value is not None:
        yield path, _text(value)


def _text(value: object) -> str:
    """Equal values have equal texts: a number's is its plain digits."""
    match value:
        case bool():
            return str(value).lower()
        case Decimal():
            return f"{value.normalize():f}"
        case _:
            return str(value)


def _differences(before: dict[str, str], after: dict[str, str]) -> Iterator[Difference]:
    names = [*before, *(name for name in after if name not in before)]
    for name in names:
        if before.get(name) != after.get(name):
            yield Difference(field=name, before=before.get(name), after=after.get(name))


def _changed_versions(catalog: Catalog, published: Published) -> Iterator[Refusal]:
    known = {(price.id, price.version): price for price in published.prices}
    for price in catalog.prices:
        if known.get((price.id, price.version), price) == price:
            continue
        highest = max(version for id_, version in known if id_ == price.id)
        yield Refusal(
            code="price_version_immutable",
            kind="price",
            id=price.id,
            message=f"version {price.version} of price {price.id} was published with other terms:"
            f" write version: {highest + 1} to sell at the new ones",
        )


def _changed_families(catalog: Catalog, published: Published) -> Iterator[Refusal]:
    for product in catalog.products:
        family = published.families.get(product.id, product.family)
        if family != product.family:
            yield Refusal(
                code="product_family_immutable",
                kind="product",
                id=product.id,
                message=f"product {product.id} was sold in the family {family!r}, which decides"
                " who may have it: give it a new id to sell it in another",
            )
