"""How the rates of tax are written, and where the seller is established."""

from dataclasses import dataclass
from typing import Final

import yaml

from adapters.yaml_forms.form import Form, Key, Reading, Schema
from adapters.yaml_forms.kinds import Day, DecimalText, Text, items
from billing.country import Country
from billing.tax import TaxRate
from billing.value import Value


class Seller(Value):
    """Who sells."""

    country: Country


RATE: Final = Form(
    what="a tax rate",
    says="A rate that is charged somewhere, from a day on",
    model=TaxRate,
    keys={
        "country": Key(Text(), "ISO 3166-1 alpha-2, such as DE", required=True),
        "region": Key(Text(), "What follows the country in ISO 3166-2; without it, all regions"),
        "category": Key(Text(), "A tax_category of products; without it, everything"),
        "name": Key(Text(), "As invoices call it: VAT, Sales tax", required=True),
        "rate": Key(DecimalText(), 'In percent, such as "8.875"', required=True),
        "from": Key(
            Day(), "The first day on which it is charged", required=True, field="effective_from"
        ),
    },
)
SELLER: Final = Form(
    what="a seller",
    model=Seller,
    keys={"country": Key(Text(), "Where you are established, such as DE", required=True)},
)


@dataclass(frozen=True, slots=True)
class Rates:
    """A list of rates."""

    def read(self, node: yaml.Node, name: str, reading: Reading) -> tuple[TaxRate, ...]:
        """Those that can be read; what is wrong with the others is told."""
        return reading.each(items(node, name), lambda item: _rate(item, reading))

    def schema(self) -> Schema:
        """Of one at least."""
        return {"type": "array", "minItems": 1, "items": RATE.schema()}


@dataclass(frozen=True, slots=True)
class Sellers:
    """The one seller; a second one, in another file, is told."""

    def read(self, node: yaml.Node, _: str, reading: Reading) -> tuple[Seller, ...]:
        """One."""
        reading.claim("seller", "seller", node)
        return (SELLER.read(node, reading),)

    def schema(self) -> Schema:
        """Of one."""
        return SELLER.schema()


def _rate(node: yaml.Node, reading: Reading) -> TaxRate:
    fields = RATE.fields(node, reading)
    rate = RATE.built(fields, reading, TaxRate.model_validate)
    category = "" if rate.category is None else f" for {rate.category}"
    place = f"{rate.jurisdiction}{category} from {rate.effective_from:%Y-%m-%d}"
    reading.claim("tax rate", place, node)
    return rate
