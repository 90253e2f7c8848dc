"""How a product is written: its rules and, below it, its prices.

A key of a product is one line of `PRODUCT`. The model says what a value may be and what it is where
nothing is written.
"""

from dataclasses import dataclass
from typing import Final

import yaml

from adapters.catalog_forms.dunning import Dunning
from adapters.catalog_forms.entitlements import Entitlements
from adapters.catalog_forms.migration import MIGRATION
from adapters.catalog_forms.price import NESTED_PRICE, Listed, Prices
from adapters.yaml_forms.form import Fields, Form, Key, Reading, Schema, Values
from adapters.yaml_forms.kinds import Entry, Flag, NewId, OneOf, Text, Whole, items, written_as
from billing.catalog import (
    AnchorKind,
    Catalog,
    DisputeLost,
    PauseMode,
    PausePolicy,
    Product,
    ProrationMode,
    Trial,
    WithoutPaymentMethod,
)
from billing.dunning import FinalAction
from billing.migration import MigrationRule

_PRICES: Final = Prices(NESTED_PRICE)

TRIAL: Final = Form(
    what="a trial",
    model=Trial,
    keys={
        "days": Key(Whole(), "So long is the first period free", required=True),
        "without_payment_method": Key(
            OneOf(WithoutPaymentMethod), "What becomes of a trial that ends without a card"
        ),
    },
)

PAUSE: Final = Form(
    what="a pause",
    model=PausePolicy,
    keys={
        "mode": Key(
            OneOf(PauseMode),
            "What becomes of the time that was paid for: void gives nothing back, keep_anchor"
            " gives balance, extend moves the period's end",
            required=True,
        ),
        "max_days": Key(Whole(), "It goes on by itself after so many days"),
    },
)

PRODUCT: Final = Form(
    what="a product",
    says="Something sold, and its rules; they hold for what is sold from then on",
    model=Product,
    keys={
        "id": Key(NewId("product"), "Chosen by you; stable and public", required=True),
        "name": Key(Text(), "As customers read it", required=True),
        "family": Key(Text(), "A customer has one live subscription per family", required=True),
        "trial": Key(Entry(TRIAL), "A free first period, once per customer and family"),
        "proration": Key(OneOf(ProrationMode), "How the rest of a period is measured"),
        "anchor": Key(
            OneOf(AnchorKind),
            "Where periods begin: anniversary with the purchase, calendar on the 1st; what comes"
            " before that is charged by its share",
        ),
        "pause": Key(Entry(PAUSE), "Without it the product cannot be paused"),
        "shorter_interval": Key(Flag(), "true: annual may become monthly, at the period's end"),
        "free_fallback": Key(
            Text(), "The free price sold instead when dunning ends with downgrade_to_free"
        ),
        "dunning": Key(Dunning(), "What happens after a declined payment"),
        "dispute_lost": Key(
            OneOf(DisputeLost), "What becomes of it when the bank takes a payment back for good"
        ),
        "entitlements": Key(Entitlements(), "What a subscription gives its customer while it runs"),
        "tax_category": Key(Text(), "Which tax rates are for it, where a place has several"),
        "addon_to": Key(
            Text(),
            "The family that it is sold beside: it is on that subscription's boundaries, and ends"
            " with it",
        ),
        "replaced_by": Key(
            Text(),
            "It is no longer sold; of this product, the price in the same currency and interval is"
            " instead of each of its own",
            of=Catalog,
        ),
        "migration": Key(
            Entry(MIGRATION),
            "Whoever has it is moved to what replaces it; without, they keep it",
            of=Catalog,
        ),
        "prices": Key(_PRICES, "What it costs; prices may also stand on their own"),
    },
)


@dataclass(frozen=True, slots=True)
class Sold:
    """A product with the prices that are written below it."""

    product: Product
    prices: tuple[Listed, ...]
    replaced_by: str | None = None
    """The product that is sold instead."""
    migration: MigrationRule | None = None


@dataclass(frozen=True, slots=True)
class Products:
    """A list of products."""

    def read(self, node: yaml.Node, name: str, reading: Reading) -> tuple[Sold, ...]:
        """Those that can be read; what is wrong with the others is told."""
        return reading.each(items(node, name), lambda item: _sold(item, reading))

    def schema(self) -> Schema:
        """Of one at least."""
        return {"type": "array", "minItems": 1, "items": PRODUCT.schema()}


def _sold(node: yaml.Node, reading: Reading) -> Sold:
    fields = PRODUCT.fields(node, reading)
    below = fields.pop("prices", None)
    prices: tuple[Listed, ...] = ()
    if below is not None:
        given: Values = {"product_id": str(fields["id"].value)}
        prices = _PRICES.of(below, "prices", reading, given)
    sold = PRODUCT.built(fields, reading, lambda written: _built(written, prices))
    product = sold.product
    reading.remember("product", product.id, fields)
    _refuse_endless_downgrades(fields, reading)
    return sold


def _built(written: Values, prices: tuple[Listed, ...]) -> Sold:
    replaced_by, migration = written.pop("replaced_by", None), written.pop("migration", None)
    return Sold(
        Product.model_validate(written),
        prices,
        None if replaced_by is None else str(replaced_by),
        migration if isinstance(migration, MigrationRule) else None,
    )


def _refuse_endless_downgrades(fields: Fields, reading: Reading) -> None:
    if "free_fallback" in fields or "dunning" not in fields:
        return
    word = {"final_action": str(FinalAction.DOWNGRADE_TO_FREE)}
    for node in written_as(fields["dunning"], word):
        reading.tell(
            node, "downgrade_to_free needs a price to fall back to; name it in free_fallback"
        )
