"""Price versions and what is on sale, as billing reads them.

A version never changes: what was read of one is remembered for as long as the process talks to that
database, and costs the next renewal nothing.
"""

from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import catalog, catalog_versions
from adapters.db.queries.catalog import as_price
from adapters.db.tables.catalog import prices
from billing.errors import NotFound
from billing.offer import Offer, price_as_sold
from billing.price import Price
from billing.replacement import Retirement, retirements
from billing.subscription import Terms

_GET: Final = select(prices).where(
    prices.c.id == bindparam("price_id"), prices.c.version == bindparam("price_version")
)
_MOST_REMEMBERED: Final = 10_000
_remembered: Final[WeakKeyDictionary[Engine, dict[tuple[str, int], Price]]] = WeakKeyDictionary()


class SqlPrices:
    """Implements `billing.ports.storage.Prices`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, terms: Terms) -> Price:
        """What was sold. Raises `NotFound` (`price_not_found`)."""
        return price_as_sold(await self._sold_version(terms), terms)

    async def version_offered(self, price_id: str, version: int) -> Offer:
        """A version with its product, on sale or not. Raises `NotFound` (`price_not_found`)."""
        price = await self._version(price_id, version)
        product = await catalog.product(self._connection, price.product_id)
        if product is None:
            raise NotFound("price_not_found", f"price {price_id!r} has no product")
        return Offer(product=product, price=price)

    async def offer(self, price_id: str, *, now: datetime | None = None) -> Offer:
        """What is on sale under the id; see the port."""
        found = await catalog.offer(self._connection, price_id, now=now)
        if found is None:
            raise await catalog.not_offered(self._connection, price_id, now=now)
        return found

    async def retirements(self, now: datetime) -> tuple[Retirement, ...]:
        """Those of the version in force."""
        version = await catalog_versions.in_force(self._connection, now)
        number = None if version is None else version.number
        return retirements(await catalog_versions.catalog_of(self._connection, number))

    async def _sold_version(self, terms: Terms) -> Price:
        """What somebody has bought is committed, and stays as it is."""
        known = _remembered.setdefault(self._connection.engine.sync_engine, {})
        version = (terms.price_id, terms.price_version)
        if version not in known:
            if len(known) == _MOST_REMEMBERED:
                known.clear()
            known[version] = await self._version(*version)
        return known[version]

    async def _version(self, price_id: str, version: int) -> Price:
        found = await self._connection.execute(
            _GET, {"price_id": price_id, "price_version": version}
        )
        row = found.one_or_none()
        if row is None:
            raise NotFound("price_not_found", f"no version {version} of a price {price_id!r}")
        return as_price(row)
