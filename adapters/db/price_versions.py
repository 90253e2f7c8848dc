"""Versions of prices that were read before: a version never changes.

Owns what a process remembers of one database, and the reading of one version. What is asked for has
been committed, as what somebody has bought or what is on sale has.
"""

from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.catalog import as_price
from adapters.db.tables.catalog import prices
from billing.errors import NotFound
from billing.price import Price

Version = tuple[str, int]
"""The id of a price and the number of its version."""

_GET: Final = select(prices).where(
    prices.c.id == bindparam("price_id"), prices.c.version == bindparam("price_version")
)
_MOST_REMEMBERED: Final = 10_000
_remembered: Final[WeakKeyDictionary[Engine, dict[Version, Price]]] = WeakKeyDictionary()


def remembered(engine: Engine, version: Version) -> Price | None:
    """None where it was not read yet."""
    return _remembered.get(engine, {}).get(version)


async def price_of_version(connection: AsyncConnection, version: Version) -> Price:
    """Costs nothing from the second time on. Raises `NotFound` (`price_not_found`)."""
    engine = connection.engine.sync_engine
    known = remembered(engine, version)
    if known is not None:
        return known
    found = await read_version(connection, version)
    kept = _remembered.setdefault(engine, {})
    if len(kept) >= _MOST_REMEMBERED:
        kept.clear()
    kept[version] = found
    return found


async def read_version(connection: AsyncConnection, version: Version) -> Price:
    """Read now and not remembered: it may not be committed. Raises `NotFound` as above."""
    price_id, number = version
    found = await connection.execute(_GET, {"price_id": price_id, "price_version": number})
    row = found.one_or_none()
    if row is None:
        raise NotFound("price_not_found", f"no version {number} of a price {price_id!r}")
    return as_price(row)
