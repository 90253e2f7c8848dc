"""Products as versions of the catalog have them: a version never changes.

Owns the reading of one, and that it is read once. What is asked for has been committed, as what is
on sale has.
"""

from typing import Final

from sqlalchemy import Engine, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.remembered import Remembered
from adapters.db.tables.catalog_version import catalog_products
from billing.catalog import Product

_GET: Final = select(catalog_products.c.document).where(
    catalog_products.c.catalog_number == bindparam("catalog_number"),
    catalog_products.c.product_id == bindparam("product_id"),
)
_remembered: Final = Remembered[tuple[int, str], Product]()


def remembered(engine: Engine, catalog_number: int, product_id: str) -> Product | None:
    """None where it was not read yet."""
    return _remembered.get(engine, (catalog_number, product_id))


async def read(connection: AsyncConnection, catalog_number: int, product_id: str) -> Product:
    """The product, remembered from now on; that version has it."""
    found = await connection.execute(
        _GET, {"catalog_number": catalog_number, "product_id": product_id}
    )
    product = Product.model_validate(found.scalar_one())
    _remembered.put(connection.engine.sync_engine, (catalog_number, product_id), product)
    return product
