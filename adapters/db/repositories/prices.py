"""Price versions, as billing reads them."""

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.catalog import prices
from billing.catalog import Price
from billing.errors import NotFound
from billing.interval import Interval, IntervalUnit

_GET: Final = select(prices).where(
    prices.c.id == bindparam("price_id"), prices.c.version == bindparam("price_version")
)


class SqlPrices:
    """Implements `billing.ports.storage.Prices`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, price_id: str, version: int) -> Price:
        """Raises `NotFound` (`price_not_found`)."""
        found = await self._connection.execute(
            _GET, {"price_id": price_id, "price_version": version}
        )
        row = found.one_or_none()
        if row is None:
            raise NotFound("price_not_found", f"no version {version} of a price {price_id!r}")
        return as_price(row)


def as_price(row: Row[Any]) -> Price:
    """The value of a row of `prices`."""
    return Price(
        id=row.id,
        version=row.version,
        product_id=row.product_id,
        currency=row.currency,
        unit_amount_minor=_without_padding(row.unit_amount_minor),
        interval=Interval(unit=IntervalUnit(row.interval_unit), count=row.interval_count),
        unit_name=row.unit_name,
        minimum_quantity=row.minimum_quantity,
        maximum_quantity=row.maximum_quantity,
    )


def _without_padding(stored: Decimal) -> Decimal:
    """The column's twelve decimals without those that are zero."""
    whole = stored.to_integral_value()
    return whole if whole == stored else stored.normalize()
