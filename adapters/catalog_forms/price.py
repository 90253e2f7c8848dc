"""How a price is written: below its product, or on its own with `product:`.

A key of a price is one line of `KEYS`; what the model calls otherwise, or makes of several keys, is
put together in `_price`.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

import yaml

from adapters.yaml_forms.document import Stop, place_of
from adapters.yaml_forms.form import Fields, Form, Key, Reading, Schema, Values
from adapters.yaml_forms.kinds import DecimalText, NewId, OneOf, Text, Whole, items, text
from billing.catalog import Price
from billing.currency import MINOR_DIGITS
from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.pricing import check_chargeable, price_of


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 code that amounts can be written in."""

    def read(self, node: yaml.Node, name: str, _: Reading) -> str:
        """Raises `Stop` for currencies that nobody can be charged in."""
        currency = text(node, name)
        if currency not in MINOR_DIGITS:
            raise Stop(
                place_of(node),
                f"{currency!r} is no supported currency; write its ISO 4217 code, such as USD",
            )
        return currency

    def schema(self) -> Schema:
        """The codes."""
        return {"type": "string", "enum": sorted(MINOR_DIGITS)}


KEYS: Final = {
    "id": Key(NewId("price"), "Chosen by you; stable and public", required=True),
    "version": Key(Whole(), "Raise it to change the price: a version that was sold never changes"),
    "amount": Key(
        DecimalText(),
        "For one unit and one interval, in the currency's major unit",
        required=True,
        field="unit_amount_minor",
    ),
    "currency": Key(Currency(), "ISO 4217, such as USD", required=True),
    "interval": Key(
        OneOf(IntervalUnit), "How often it recurs", required=True, field="unit", of=Interval
    ),
    "interval_count": Key(Whole(), "Every so many intervals", field="count", of=Interval),
    "unit": Key(Text(), "What one unit is called on invoices: seat, user", field="unit_name"),
    "minimum_quantity": Key(Whole(), "The least that is sold at once"),
    "maximum_quantity": Key(Whole(), "The most that is sold at once"),
}

NESTED_PRICE: Final = Form(
    what="a price", says="A recurring price, charged in advance", model=Price, keys=KEYS
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
class Prices:
    """A list of prices: below their product, or each with its own."""

    form: Form[Price] = STANDALONE_PRICE

    def read(self, node: yaml.Node, name: str, reading: Reading) -> tuple[Price, ...]:
        """Those that can be read; what is wrong with the others is told."""
        return self.of(node, name, reading, {})

    def of(self, node: yaml.Node, name: str, reading: Reading, given: Values) -> tuple[Price, ...]:
        """With what their surroundings say about all of them."""
        return reading.each(items(node, name), lambda item: self._price(item, reading, given))

    def schema(self) -> Schema:
        """Of one at least."""
        return {"type": "array", "minItems": 1, "items": self.form.schema()}

    def _price(self, node: yaml.Node, reading: Reading, given: Values) -> Price:
        fields = self.form.fields(node, reading)
        price = self.form.built(fields, reading, partial(_price, given=given))
        reading.remember("price", price.id, fields)
        _refuse_unchargeable(price, fields, reading)
        return price


def _price(written: Values, *, given: Values) -> Price:
    amount = Decimal(str(written.pop("unit_amount_minor")))
    interval = {"unit": written.pop("unit"), "count": written.pop("count", 1)}
    return Price.model_validate(
        given
        | written
        | {
            "unit_amount_minor": amount.scaleb(MINOR_DIGITS[str(written["currency"])]),
            "interval": Interval.model_validate(interval),
        }
    )


def _refuse_unchargeable(price: Price, fields: Fields, reading: Reading) -> None:
    try:
        check_chargeable(price_of(price, price.minimum_quantity))
    except InvalidInput as refused:
        reading.tell(fields["amount"], refused.message)
