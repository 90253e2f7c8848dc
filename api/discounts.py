"""Coupons and discounts: what can be redeemed, and what a subscription has redeemed.

Owns reading coupons, and the redemptions of a subscription that starts. Coupons are the catalog's;
what they take off is `billing.discount`'s. Does not own redeeming one for a running subscription
(`api.subscription_commands`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.engine import reading, transactions
from adapters.db.queries import coupons
from adapters.db.queries.coupons import CouponOnSale
from api.dependencies import Dependencies, Deps
from api.money_view import MoneyView
from api.route import ApiRoute
from billing.discount import (
    MOST_DISCOUNTS,
    Coupon,
    CouponDuration,
    RedeemedDiscount,
    check_redeemable,
    redeemed,
)
from billing.errors import InvalidInput, NotFound
from billing.subscription import SubscriptionState

router = APIRouter(prefix="/v1", tags=["catalog"], route_class=ApiRoute)

CouponId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Coupons = Annotated[
    tuple[CouponId, ...],
    Field(
        max_length=MOST_DISCOUNTS,
        description="Coupons to redeem, in the order in which they discount",
        examples=[["SPRING"]],
    ),
]


class CouponView(BaseModel):
    """A discount that can be redeemed."""

    id: str = Field(examples=["SPRING"])
    name: str = Field(examples=["Spring sale"])
    percent: str | None = Field(description="As a decimal", examples=["20"])
    amount: MoneyView | None = Field(description="Off each invoice; without tax")
    duration: CouponDuration
    invoices: int | None = Field(description="How many are discounted, where it is `repeating`")
    products: list[str] = Field(description="Those that it discounts; none is all")
    redeem_by: datetime | None = Field(description="Until when it can be redeemed; exclusive")
    redemption_limit: int | None
    redemptions: int = Field(description="How many subscriptions have redeemed it")
    carries_over: bool = Field(description="Whether the next invoice gets what one left of it")

    @classmethod
    def of(cls, found: CouponOnSale) -> Self:
        """The coupon."""
        coupon = found.coupon
        return cls(
            id=coupon.id,
            name=coupon.name,
            percent=None if coupon.percent is None else f"{coupon.percent:f}",
            amount=None if coupon.amount is None else MoneyView.of(coupon.amount),
            duration=coupon.duration,
            invoices=coupon.invoices,
            products=list(coupon.products),
            redeem_by=coupon.redeem_by,
            redemption_limit=coupon.redemption_limit,
            redemptions=found.redemptions,
            carries_over=coupon.carries_over,
        )


class CouponList(BaseModel):
    """All coupons that can be redeemed."""

    data: list[CouponView]


@router.get("/coupons", operation_id="list_coupons", summary="List coupons")
async def list_coupons(deps: Deps) -> CouponList:
    """Those of the catalog in force."""
    async with reading(deps.engine) as connection:
        found = await coupons.on_sale(connection)
    return CouponList(data=[CouponView.of(each) for each in found])


@router.get("/coupons/{coupon_id}", operation_id="read_coupon", summary="Read a coupon")
async def read_coupon(coupon_id: CouponId, deps: Deps) -> CouponView:
    """One coupon, and how often it was redeemed."""
    async with reading(deps.engine) as connection:
        found = await coupons.get(connection, coupon_id)
    if found is None:
        raise NotFound("coupon_not_found", f"no coupon {coupon_id}")
    return CouponView.of(found)


async def discounts_of(
    connection: AsyncConnection, state: SubscriptionState, coupon_ids: Sequence[str]
) -> tuple[RedeemedDiscount, ...]:
    """What a subscription that is to start will have redeemed; nothing is taken yet.

    Whether a limit is reached is only known when it is. Raises `InvalidInput` (`coupon_not_found`,
    `coupon_not_applicable`) and `Conflict` (`coupon_expired`, `coupon_redeemed_already`).
    """
    discounts: tuple[RedeemedDiscount, ...] = ()
    for coupon_id in coupon_ids:
        found = await coupons.get(connection, coupon_id, now=state.created_at)
        if found is None:
            raise InvalidInput("coupon_not_found", f"no coupon {coupon_id} can be redeemed")
        check_redeemable(
            found.coupon,
            product_ids=state.product_ids,
            currency=state.terms.currency,
            at=state.created_at,
        )
        discounts = redeemed(discounts, found.coupon, state.created_at)
    return discounts


async def take_redemptions(deps: Dependencies, state: SubscriptionState) -> SubscriptionState:
    """The state with what its coupons say in the moment in which they are taken.

    All of them or none. They are given back if the subscription expires without going live. Raises
    as `discounts_of` does, and `Conflict` (`coupon_exhausted`).
    """
    if not state.discounts:
        return state
    discounts: tuple[RedeemedDiscount, ...] = ()
    async with transactions(deps.engine)() as tx:
        # In one order for all, so that no two wait for each other.
        taken: dict[str, Coupon] = {}
        for coupon_id in sorted(discount.coupon.id for discount in state.discounts):
            taken[coupon_id] = await tx.coupons.redeem(
                coupon_id,
                subscription_id=state.subscription_id,
                product_ids=state.product_ids,
                currency=state.terms.currency,
                at=state.created_at,
            )
    for discount in state.discounts:
        discounts = redeemed(discounts, taken[discount.coupon.id], state.created_at)
    return state.model_copy(update={"discounts": discounts})
