"""What random lives begin with beside a plan: prices, anchors, taxes, coupons, one-off charges."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from billing.catalog import AnchorKind, PauseMode, Product
from billing.currency_option import CurrencyOption
from billing.discount import CouponDuration
from billing.invoice_item import InvoiceItem, moment
from billing.money import Money
from billing.offer import Offer
from billing.one_off_charge import sold_once
from billing.price import Price
from billing.price_model import (
    Flat,
    Graduated,
    Package,
    PerUnit,
    PriceModel,
    StairStep,
    Step,
    Tier,
    Volume,
)
from billing.tax import Taxation, TaxReason, TaxTreatment
from tests.billing.test_discount import coupon, usd

_VAT = TaxTreatment(jurisdiction="DE", name="VAT", rate=Decimal(19))
_REVERSED = _VAT.model_copy(update={"rate": Decimal(0), "reason": TaxReason.REVERSE_CHARGE})
_SALES = TaxTreatment(jurisdiction="US-NY", name="Sales tax", rate=Decimal("8.875"))
_BOOKS = TaxTreatment(jurisdiction="DE", name="VAT", rate=Decimal(7))
taxations = st.builds(
    Taxation,
    by_category=st.just({"books": _BOOKS}),
    otherwise=st.sampled_from([None, None, _VAT, _REVERSED, _SALES]),
)
coupon_lists = st.lists(
    st.sampled_from(
        [
            coupon("HALF", percent=Decimal(50), duration=CouponDuration.FOREVER),
            coupon("FREE", percent=Decimal(100), duration=CouponDuration.REPEATING, invoices=2),
            coupon("TEN", amount=usd(1_000), duration=CouponDuration.FOREVER),
            coupon("LARGE", amount=usd(90_000), carries_over=True),
            coupon("HELP", amount=usd(3_333), products=("help",)),
        ]
    ),
    max_size=3,
    unique_by=lambda each: each.id,
)
"""Amounts are in dollars: in another currency they take off nothing."""


def anchored(product: Product, anchor: str) -> Product:
    """With a calendar anchor, or as an add-on may be."""
    moves = product.pause is not None and product.pause.mode is PauseMode.EXTEND
    update: dict[str, object] = {"pause": None} if moves else {}
    match anchor:
        case "calendar":
            return product.model_copy(update=update | {"anchor": AnchorKind.CALENDAR})
        case "parent":
            return product.model_copy(update=update | {"trial": None})
        case _:
            return product


def bought_once(
    minor: int, currency: str, *, now: datetime, number: int = 1, discountable: bool = True
) -> InvoiceItem:
    """At a price that includes its own tax."""
    help_ = Product(id="help", name="Help", family="help", tax_category="books")
    once = Price(
        id="session",
        product_id="help",
        currency=currency,
        model=PerUnit(unit_amount_minor=Decimal(minor)),
        interval=None,
        tax_inclusive=True,
    )
    return sold_once(
        Offer(product=help_, price=once),
        item_id=f"ii_{number}",
        customer_id="cus_1",
        subscription_id="sub_1",
        quantity=1,
        currency=currency,
        now=now,
        discountable=discountable,
    )


def named_amount(minor: int, currency: str, *, now: datetime, number: int) -> InvoiceItem:
    """What somebody names, and taxed as what is subscribed."""
    return InvoiceItem(
        id=f"ii_{number}",
        customer_id="cus_1",
        subscription_id="sub_1",
        description="Repair",
        quantity=1,
        amount=Money(amount_minor=minor, currency=currency),
        period=moment(now),
        created_at=now,
    )


_ELSEWHERE: Final = ("KWD", "JPY")


def at_model(sold: Offer, model: PriceModel, *, least: int | None, with_tax: bool) -> Offer:
    """The offer at that model, for as many minor units of each currency; they may include tax."""
    option = CurrencyOption(model=model, minimum_amount_minor=least, tax_inclusive=with_tax)
    terms = dict(option) | {"currency_options": dict.fromkeys(_ELSEWHERE, option)}
    return Offer(product=sold.product, price=sold.price.model_copy(update=terms))


_tens = st.integers(20, 5_000).map(lambda tens: Decimal(tens * 10))


@st.composite
def _tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    return tuple(
        Tier(
            up_to=end,
            unit_amount_minor=draw(_tens),
            flat_amount_minor=draw(_tens | st.just(Decimal(0))),
        )
        for end in draw(_ends)
    )


@st.composite
def _steps(draw: st.DrawFn) -> StairStep:
    steps = (Step(up_to=end, amount_minor=draw(_tens)) for end in draw(_ends))
    return StairStep(steps=tuple(steps))


_ends = st.lists(st.integers(1, 11), unique=True, max_size=3).map(
    lambda ends: (*sorted(ends), None)
)
shapes: Final[st.SearchStrategy[PriceModel]] = st.one_of(
    st.builds(Flat, amount_minor=_tens),
    st.builds(Package, package_size=st.integers(1, 5), package_amount_minor=_tens),
    st.builds(Graduated, tiers=_tiers()),
    st.builds(Volume, tiers=_tiers()),
    _steps(),
)
"""Prices of any shape whose amounts every currency can charge."""
