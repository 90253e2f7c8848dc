"""Coupons, read."""

from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.coupon import coupons
from billing.discount import Coupon
from billing.value import Value

_SELECT: Final = select(coupons).where(coupons.c.active)


class CouponOnSale(Value):
    """A coupon that can be redeemed, and how often it was."""

    coupon: Coupon
    redemptions: int


async def on_sale(connection: AsyncConnection) -> tuple[CouponOnSale, ...]:
    """Those of the catalog loaded last, by id."""
    found = await connection.execute(_SELECT.order_by(coupons.c.id))
    return tuple(_as_coupon(row) for row in found)


async def get(connection: AsyncConnection, coupon_id: str) -> CouponOnSale | None:
    """One coupon of the catalog loaded last."""
    found = await connection.execute(_SELECT.where(coupons.c.id == coupon_id))
    row = found.one_or_none()
    return None if row is None else _as_coupon(row)


def _as_coupon(row: Row[Any]) -> CouponOnSale:
    return CouponOnSale(coupon=Coupon.model_validate(row.terms), redemptions=row.redemptions)
