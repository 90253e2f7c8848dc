"""Versions of prices that were read before: a version never changes.

Owns the reading of one version, and that it is read once. What is asked for has been committed, as
what somebody has bought or what is on sale has.
"""

from typing import Final

from sqlalchemy import Engine, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.catalog import as_price
from adapters.db.remembered import Remembered
from adapters.db.tables.catalog import prices
from billing.errors import NotFound
from billing.price import Price

Version = tuple[str, int]
"""The id of a price and the number of its version."""

_GET: Final = select(prices).where(
    prices.c.id == bindparam("price_id"), prices.c.version == bindparam("price_version")
)
_remembered: Final = Remembered[Version, Price]()


def remembered(engine: Engine, version: Version) -> Price | None:
    """None where it was not read yet."""
    return _remembered.get(engine, version)


async def price_of_version(connection: AsyncConnection, version: Version) -> Price:
    """Costs nothing from the second time on. Raises `NotFound` (`price_not_found`)."""
    engine = connection.engine.sync_engine
    known = remembered(engine, version)
    if known is not None:
        return known
    found = await read_version(connection, version)
    _remembered.put(engine, version, found)
    return found


async def read_version(connection: AsyncConnection, version: Version) -> Price:
    """Read now and not remembered: it may not be committed. Raises `NotFound` as above."""
    price_id, number = version
    found = await connection.execute(_GET, {"price_id": price_id, "price_version": number})
    row = found.one_or_none()
    if row is None:
        raise NotFound("price_not_found", f"no version {number} of a price {price_id!r}")
    return as_price(row)
