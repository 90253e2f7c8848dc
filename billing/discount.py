"""Discounts: coupons, what they take off an invoice, and when they are used up (policy P3).

Owns a coupon's terms and the arithmetic of several discounts on several amounts. What was redeemed
keeps the terms that it was redeemed at. Does not own the limit of redemptions, which holds in the
database, nor which lines an invoice has (`billing.assessment`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from billing.errors import Conflict, InvalidInput
from billing.money import Money, allocate_minor, round_half_away
from billing.value import Instant, Value

CouponId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
"""What customers type; chosen by the catalog's owner."""

MOST_DISCOUNTS: Final = 10
"""How many coupons one subscription may redeem."""

_WHOLE: Final = Fraction(1)


class CouponDuration(StrEnum):
    """How many invoices a coupon discounts."""

    ONCE = "once"
    REPEATING = "repeating"
    FOREVER = "forever"


class Coupon(Value):
    """A discount that can be redeemed: a percentage, or an amount per invoice."""

    id: CouponId
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    """What the customer reads on the invoice."""
    percent: Annotated[Decimal, Field(gt=0, le=100, decimal_places=6)] | None = None
    amount: Money | None = None
    duration: CouponDuration
    invoices: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many, where it is `repeating`."""
    products: tuple[str, ...] = ()
    """Those that it discounts; none named is all."""
    redeem_by: Instant | None = None
    """Until when it can be redeemed; exclusive."""
    redemption_limit: Annotated[int, Field(ge=1)] | None = None
    """How many subscriptions may redeem it."""
    carries_over: bool = False
    """Whether the next invoice gets what an invoice left of the amount."""

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a coupon takes off a percent or an amount: write one of them")
        if self.amount is not None and self.amount.amount_minor <= 0:
            raise ValueError("a coupon's amount must be more than zero")
        if (self.duration is CouponDuration.REPEATING) != (self.invoices is not None):
            raise ValueError("invoices: say how many of a repeating coupon, and of no other")
        if self.carries_over and self.amount is None:
            raise ValueError("carries_over: nothing is left of a percentage")
        return self

    def covers(self, product_id: str | None) -> bool:
        """Whether it discounts what is sold of this product; None is of no product."""
        return not self.products or product_id in self.products


def check_redeemable(
    coupon: Coupon, *, product_ids: Collection[str], currency: str, at: datetime
) -> None:
    """Raises `Conflict` (`coupon_expired`) and `InvalidInput` (`coupon_not_applicable`).

    `product_ids` are those that the next invoice charges for: it covers one of them. Asked when it
    is redeemed, and never again (policy P3).
    """
    if coupon.redeem_by is not None and at >= coupon.redeem_by:
        raise Conflict("coupon_expired", f"the coupon {coupon.id} can no longer be redeemed")
    if not any(coupon.covers(product_id) for product_id in product_ids):
        sold = " or ".join(product_ids)
        raise InvalidInput(
            "coupon_not_applicable",
            f"the coupon {coupon.id} is not for the product {sold}"
            if sold
            else f"there is nothing that the coupon {coupon.id} could discount",
        )
    if coupon.amount is not None and coupon.amount.currency != currency:
        raise InvalidInput(
            "coupon_not_applicable",
            f"the coupon {coupon.id} is in {coupon.amount.currency}, not in {currency}",
        )


class RedeemedDiscount(Value):
    """A coupon that a subscription has redeemed, and how far it is used up."""

    coupon: Coupon
    redeemed_at: Instant
    invoices: int = 0
    """How many it has discounted."""
    left_minor: int = 0
    """What an earlier invoice left of its amount, where that carries over."""
    period_number: int | None = None
    """The last period that it discounted."""

    @property
    def is_used_up(self) -> bool:
        """Whether no further invoice is discounted."""
        return not self._has_invoices_left and self.left_minor == 0

    @property
    def _has_invoices_left(self) -> bool:
        match self.coupon.duration:
            case CouponDuration.ONCE:
                return self.invoices == 0
            case CouponDuration.REPEATING:
                return self.invoices < (self.coupon.invoices or 0)
            case CouponDuration.FOREVER:
                return True

    def allowance(self, base_minor: int, *, period_number: int, again: Fraction) -> int:
        """What it takes off at most of `base_minor`.

        A percentage is of whatever is charged. An amount is for one period: what is charged in the
        same one later gets the share `again` of it.
        """
        coupon = self.coupon
        if coupon.percent is not None:
            is_left = self._has_invoices_left
            return round_half_away(base_minor * Fraction(coupon.percent) / 100) if is_left else 0
        whole = coupon.amount.amount_minor if coupon.amount and self._has_invoices_left else 0
        share = again if self.period_number == period_number else _WHOLE
        return round_half_away(whole * share) + self.left_minor


class DiscountUse(Value):
    """That an invoice was discounted, and what it left of an amount."""

    coupon_id: str
    left_minor: int = 0


class LineDiscount(Value):
    """What a coupon takes off one line; positive."""

    coupon_id: str
    name: str
    amount: Money


class Discountable(Value):
    """An amount that may be discounted."""

    product_id: str | None
    """None for an amount that somebody named: what is limited to products does not discount it."""
    amount_minor: int


class Discounted(Value):
    """What is taken off each amount, in the order of both, and what that uses of the discounts."""

    by_amount: tuple[tuple[LineDiscount, ...], ...]
    uses: tuple[DiscountUse, ...]


def discounted(
    amounts: Sequence[Discountable],
    discounts: Sequence[RedeemedDiscount],
    *,
    currency: str,
    period_number: int,
    again: Fraction = _WHOLE,
) -> Discounted:
    """`discounts` one after the other, each of what the ones before it left; never below zero.

    What a discount takes off in all is rounded once and shared by largest remainder (policy P2).
    `again` is which share of an amount is for what is charged in a period that it has discounted
    already.
    """
    left = [max(amount.amount_minor, 0) for amount in amounts]
    by_amount: list[list[LineDiscount]] = [[] for _ in amounts]
    uses: list[DiscountUse] = []
    for discount in discounts:
        coupon = discount.coupon
        bases = [
            minor if coupon.covers(amount.product_id) else 0
            for amount, minor in zip(amounts, left, strict=True)
        ]
        base = sum(bases)
        if coupon.amount is not None and coupon.amount.currency != currency:
            continue
        allowance = discount.allowance(base, period_number=period_number, again=again)
        cut = min(allowance, base)
        if cut <= 0:
            continue
        for index, share in enumerate(allocate_minor(cut, bases)):
            if share:
                left[index] -= share
                taken = Money(amount_minor=share, currency=currency)
                by_amount[index].append(
                    LineDiscount(coupon_id=coupon.id, name=coupon.name, amount=taken)
                )
        rest = allowance - cut if coupon.carries_over else 0
        uses.append(DiscountUse(coupon_id=coupon.id, left_minor=rest))
    return Discounted(by_amount=tuple(tuple(each) for each in by_amount), uses=tuple(uses))


def after_uses(
    discounts: Sequence[RedeemedDiscount],
    uses: Sequence[DiscountUse],
    *,
    period_number: int | None,
) -> tuple[RedeemedDiscount, ...]:
    """The discounts once the invoice of `uses` is in force.

    `period_number` is None of an invoice that is for no period: an amount is for it in full, and
    none the less for the period that it falls into.
    """
    by_coupon = {use.coupon_id: use for use in uses}
    return tuple(
        discount
        if (use := by_coupon.get(discount.coupon.id)) is None
        else discount.model_copy(
            update={
                "invoices": discount.invoices + 1,
                "left_minor": use.left_minor,
                "period_number": discount.period_number if period_number is None else period_number,
            }
        )
        for discount in discounts
    )


def check_not_redeemed(discounts: Sequence[RedeemedDiscount], coupon_id: str) -> None:
    """Raises `Conflict` (`coupon_redeemed_already`, `too_many_discounts`)."""
    if any(discount.coupon.id == coupon_id for discount in discounts):
        raise Conflict("coupon_redeemed_already", f"the coupon {coupon_id} is redeemed already")
    if len(discounts) >= MOST_DISCOUNTS:
        raise Conflict(
            "too_many_discounts", f"at most {MOST_DISCOUNTS} coupons can be redeemed together"
        )


def redeemed(
    discounts: Sequence[RedeemedDiscount], coupon: Coupon, now: datetime
) -> tuple[RedeemedDiscount, ...]:
    """With one more, applied after the others. Raises as `check_not_redeemed` does."""
    check_not_redeemed(discounts, coupon.id)
    return (*discounts, RedeemedDiscount(coupon=coupon, redeemed_at=now))
