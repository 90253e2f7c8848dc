"""Coupons, read: what can be redeemed at a moment, by the version of the catalog in force then."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import DateTime, Row, Select, bindparam, column, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.catalog import in_force
from adapters.db.tables.catalog_version import catalog_versions
from adapters.db.tables.coupon import coupons
from adapters.db.tables.schema import DOCUMENT
from billing.discount import Coupon
from billing.value import Value

_NOW: Final = bindparam("now", type_=DateTime(timezone=True))
_terms: Final = (
    func.jsonb_array_elements(catalog_versions.c.sections["coupons"])
    .table_valued(column("value", DOCUMENT))
    .lateral("listed")
)
_coupon_id: Final = _terms.c.value["id"].astext
_SELECT: Final[Select[Any]] = (
    select(_terms.c.value.label("terms"), coupons.c.redemptions)
    .select_from(catalog_versions)
    .join(_terms, true())
    .join(coupons, coupons.c.id == _coupon_id)
    .where(catalog_versions.c.number == in_force(_NOW))
)


class CouponOnSale(Value):
    """A coupon that can be redeemed, and how often it was."""

    coupon: Coupon
    redemptions: int


async def on_sale(
    connection: AsyncConnection, *, now: datetime | None = None
) -> tuple[CouponOnSale, ...]:
    """All of them, by id."""
    found = await connection.execute(_SELECT.order_by(coupons.c.id), {"now": now})
    return tuple(_as_coupon(row) for row in found)


async def get(
    connection: AsyncConnection, coupon_id: str, *, now: datetime | None = None
) -> CouponOnSale | None:
    """One coupon; None for those that cannot be redeemed."""
    found = await connection.execute(_SELECT.where(_coupon_id == coupon_id), {"now": now})
    row = found.one_or_none()
    return None if row is None else _as_coupon(row)


def _as_coupon(row: Row[Any]) -> CouponOnSale:
    return CouponOnSale(coupon=Coupon.model_validate(row.terms), redemptions=row.redemptions)
