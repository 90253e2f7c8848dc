"""Price versions and what is on sale, as billing reads them."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.price_versions import price_of_version, read_version
from adapters.db.queries import catalog, catalog_versions
from billing.errors import NotFound
from billing.offer import Offer, price_as_sold
from billing.price import Price
from billing.replacement import Retirement, retirements
from billing.subscription import Terms


class SqlPrices:
    """Implements `billing.ports.storage.Prices`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, terms: Terms) -> Price:
        """What was sold. Raises `NotFound` (`price_not_found`)."""
        version = (terms.price_id, terms.price_version)
        return price_as_sold(await price_of_version(self._connection, version), terms)

    async def version_offered(self, price_id: str, version: int) -> Offer:
        """A version with its product, on sale or not. Raises `NotFound` (`price_not_found`)."""
        price = await read_version(self._connection, (price_id, version))
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
