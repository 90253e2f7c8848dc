"""How a coupon is written."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import yaml

from adapters.catalog_forms.currency import Currency
from adapters.yaml_forms.document import Stop, place_of
from adapters.yaml_forms.form import Form, Key, Reading, Schema, Values
from adapters.yaml_forms.kinds import (
    Day,
    DecimalText,
    Flag,
    NewId,
    OneOf,
    Text,
    Texts,
    Whole,
    items,
)
from billing.currency import MINOR_DIGITS
from billing.discount import Coupon, CouponDuration
from billing.money import Money

COUPON: Final = Form(
    what="a coupon",
    says="A discount that customers can redeem",
    model=Coupon,
    keys={
        "id": Key(NewId("coupon"), "What customers type; stable and public", required=True),
        "name": Key(Text(), "As customers read it on the invoice", required=True),
        "percent": Key(DecimalText(), 'Off everything that it covers, such as "20"'),
        "amount": Key(
            DecimalText(), "Off each invoice, before tax, in the currency's major unit", of=Money
        ),
        "currency": Key(Currency(), "Of the amount", of=Money),
        "duration": Key(
            OneOf(CouponDuration),
            "How many invoices it discounts: all, one, or so many",
            required=True,
        ),
        "invoices": Key(Whole(), "How many, where it is repeating"),
        "products": Key(Texts(), "The ids of those that it covers; without it, all"),
        "redeem_by": Key(Day(), "The first day on which it can no longer be redeemed"),
        "redemption_limit": Key(Whole(), "How many subscriptions may redeem it"),
        "carries_over": Key(Flag(), "true: the next invoice gets what one left of the amount"),
    },
)


@dataclass(frozen=True, slots=True)
class Coupons:
    """A list of coupons."""

    def read(self, node: yaml.Node, name: str, reading: Reading) -> tuple[Coupon, ...]:
        """Those that can be read; what is wrong with the others is told."""
        return reading.each(items(node, name), lambda item: _coupon(item, reading))

    def schema(self) -> Schema:
        """Of one at least."""
        return {"type": "array", "minItems": 1, "items": COUPON.schema()}


def _coupon(node: yaml.Node, reading: Reading) -> Coupon:
    fields = COUPON.fields(node, reading)
    if ("amount" in fields) != ("currency" in fields):
        given = fields.get("amount") or fields["currency"]
        raise Stop(place_of(given), "an amount has a currency: write both, or a percent instead")
    coupon = COUPON.built(fields, reading, _built)
    reading.remember("coupon", coupon.id, fields)
    return coupon


def _built(written: Values) -> Coupon:
    if "amount" in written:
        currency = str(written.pop("currency"))
        minor = Decimal(str(written["amount"])).scaleb(MINOR_DIGITS[currency])
        written["amount"] = {"amount_minor": minor, "currency": currency}
    return Coupon.model_validate(written)
