"""How a price is written: below its product, or on its own with `product:`.

A key of a price is one line of `KEYS`; what the model calls otherwise, or makes of several keys, is
put together in `_price`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

import yaml

from adapters.catalog_forms.currency import (
    AMOUNT_KEYS,
    BOUND_KEYS,
    OPTION,
    Currencies,
    Currency,
)
from adapters.catalog_forms.migration import MIGRATION
from adapters.catalog_forms.price_model import MODEL_KEYS, price_model
from adapters.yaml_forms.document import Stop, place_of
from adapters.yaml_forms.form import Fields, Form, Key, Reading, Schema, Values
from adapters.yaml_forms.kinds import Entry, Flag, NewId, OneOf, Text, Whole, items, text
from billing.billing_mode import BillingMode
from billing.catalog import Catalog
from billing.currency import MINOR_DIGITS
from billing.currency_option import CurrencyOption
from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.migration import MigrationRule
from billing.money import Money, round_half_away
from billing.price import Price
from billing.pricing import check_chargeable

_ONCE: Final = "once"
_INTERVALS: Final = {
    "day": Interval(unit=IntervalUnit.DAY),
    "week": Interval(unit=IntervalUnit.WEEK),
    "month": Interval(unit=IntervalUnit.MONTH),
    "quarter": Interval(unit=IntervalUnit.MONTH, count=3),
    "half_year": Interval(unit=IntervalUnit.MONTH, count=6),
    "year": Interval(unit=IntervalUnit.YEAR),
}


@dataclass(frozen=True, slots=True)
class IntervalWord:
    """One of the calendar's units, a word for several months, or once."""

    def read(self, node: yaml.Node, name: str, _: Reading) -> Interval | None:
        """Three months are three months, however they are called; None is once."""
        written = text(node, name)
        if written == _ONCE:
            return None
        if written not in _INTERVALS:
            known = ", ".join((*_INTERVALS, _ONCE))
            raise Stop(place_of(node), f"{name} is one of {known}, not {written!r}")
        return _INTERVALS[written]

    def schema(self) -> Schema:
        """The words."""
        return {"type": "string", "enum": [*_INTERVALS, _ONCE]}


KEYS: Final = {
    "id": Key(NewId("price"), "Chosen by you; stable and public", required=True),
    "version": Key(Whole(), "Raise it to change the price: a version that was sold never changes"),
    "currency": Key(
        Currency(), "ISO 4217, such as USD; sold in it unless the buyer says another", required=True
    ),
    **MODEL_KEYS,
    **BOUND_KEYS,
    "currencies": Key(
        Currencies(), "What it costs in other currencies, by their codes", field="currency_options"
    ),
    "interval": Key(
        IntervalWord(), "How often it recurs; once: charged beside a subscription", required=True
    ),
    "interval_count": Key(Whole(), "Every so many intervals", field="count", of=Interval),
    "billing": Key(
        OneOf(BillingMode),
        "in_arrears: a period is billed when it is over, for what was had; else at its beginning",
    ),
    "unit": Key(Text(), "What one unit is called on invoices: seat, user", field="unit_name"),
    "tax_inclusive": Key(Flag(), "true: the amount includes the tax; else tax comes on top"),
    "minimum_quantity": Key(Whole(), "The least that is sold at once"),
    "maximum_quantity": Key(Whole(), "The most that is sold at once"),
    "quantity_step": Key(Whole(), "Only multiples of it are sold, such as packs of 25"),
    "replaced_by": Key(
        Text(), "It is no longer sold; this price is, to whoever asks for it", of=Catalog
    ),
    "migration": Key(
        Entry(MIGRATION),
        "Whoever has it is moved to what replaces it; without, they keep it",
        of=Catalog,
    ),
}

_IN_CURRENCY: Final = frozenset(KEYS[name].field or name for name in AMOUNT_KEYS)
"""The values of a price that are written in its first currency."""

NESTED_PRICE: Final = Form(
    what="a price",
    says="A price, charged for every interval or once",
    model=Price,
    keys=KEYS,
)
STANDALONE_PRICE: Final = Form(
    what="a price",
    says="A price of a product that may stand in another file",
    model=Price,
    keys={
        "product": Key(Text(), "The id of its product", required=True, field="product_id"),
        **KEYS,
    },
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A price, and what replaces it where it is no longer sold."""

    price: Price
    replaced_by: str | None = None
    migration: MigrationRule | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    """A list of prices: below their product, or each with its own."""

    form: Form[Price] = STANDALONE_PRICE

    def read(self, node: yaml.Node, name: str, reading: Reading) -> tuple[Listed, ...]:
        """Those that can be read; what is wrong with the others is told."""
        return self.of(node, name, reading, {})

    def of(self, node: yaml.Node, name: str, reading: Reading, given: Values) -> tuple[Listed, ...]:
        """With what their surroundings say about all of them."""
        return reading.each(items(node, name), lambda item: self._price(item, reading, given))

    def schema(self) -> Schema:
        """Of one at least."""
        return {"type": "array", "minItems": 1, "items": self.form.schema()}

    def _price(self, node: yaml.Node, reading: Reading, given: Values) -> Listed:
        fields = self.form.fields(node, reading)
        build = partial(_listed, given=given, fields=fields, reading=reading)
        listed = self.form.built(fields, reading, build)
        reading.remember("price", listed.price.id, fields)
        return listed


def _listed(written: Values, *, given: Values, fields: Fields, reading: Reading) -> Listed:
    replaced_by, migration = written.pop("replaced_by", None), written.pop("migration", None)
    others = written.pop("currency_options", {})
    price = _price(given | written, fields)
    _refuse_unchargeable(price, fields, reading)
    options = {
        currency: _option(currency, below, given | written, fields, reading)
        for currency, below in (others.items() if isinstance(others, Mapping) else ())
    }
    return Listed(
        Price.model_validate({**dict(price), "currency_options": options}),
        None if replaced_by is None else str(replaced_by),
        migration if isinstance(migration, MigrationRule) else None,
    )


def _price(written: Values, fields: Fields) -> Price:
    """The price in one currency."""
    digits = MINOR_DIGITS[str(written["currency"])]
    of_model = {name: written[name] for name in MODEL_KEYS if name in written}
    others = {name: written[name] for name in written if name not in {*MODEL_KEYS, "count"}}
    bounds = {
        key.field: Decimal(str(written[key.field])).scaleb(digits)
        for key in BOUND_KEYS.values()
        if key.field is not None and key.field in written
    }
    return Price.model_validate(
        others
        | bounds
        | {
            "model": price_model(of_model, fields, minor_digits=digits),
            "interval": _interval(written, fields),
        }
    )


def _option(
    currency: str, below: Fields, written: Values, fields: Fields, reading: Reading
) -> CurrencyOption:
    """What the price costs in another currency: all of its amounts, and nothing else is new."""
    first = str(written["currency"])
    node = next(iter(below.values()), fields["currencies"])
    if currency == first:
        raise Stop(place_of(node), f"the price is in {first} already: write its amounts there")
    missing = [name for name in AMOUNT_KEYS if name in fields and name not in below]
    if missing:
        raise Stop(
            place_of(node),
            f"{currency} needs {', '.join(missing)}, as the price has in {first}",
        )
    shared = {name: written[name] for name in written if name not in _IN_CURRENCY}

    def built(amounts: Values) -> Price:
        return _price(shared | amounts | {"currency": currency}, fields | below)

    price = OPTION.built(below, reading, built)
    _refuse_unchargeable(price, below, reading)
    return CurrencyOption.model_validate(
        {name: getattr(price, name) for name in CurrencyOption.model_fields}
    )


def _interval(written: Values, fields: Fields) -> Interval | None:
    """Three quarters are nine months: one way to say each interval."""
    interval, count = written["interval"], written.get("count", 1)
    if interval is None and "count" in written:
        raise Stop(place_of(fields["interval_count"]), "what is sold once has no interval_count")
    if interval is None:
        return None
    if not isinstance(interval, Interval) or not isinstance(count, int):
        raise TypeError("fields are read by the form of a price")
    return Interval(unit=interval.unit, count=interval.count * count)


def _refuse_unchargeable(price: Price, fields: Fields, reading: Reading) -> None:
    try:
        for exact in price.smallest_amounts:
            check_chargeable(Money(amount_minor=round_half_away(exact), currency=price.currency))
    except InvalidInput as refused:
        reading.tell(fields.get("amount", next(iter(fields.values()))), refused.message)
