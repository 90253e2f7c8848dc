"""Who buys, as somebody who computes taxes asks: where they are, and what there is to be taxed.

Owns one statement. Does not own what follows from it (`billing.tax`, `adapters.stripe.tax`).
"""

from typing import Final

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.single_row import read_row
from adapters.db.statement import Statement
from adapters.db.tables.catalog_version import catalog_products
from adapters.db.tables.customer import customers
from billing.address import Address
from billing.ports.tax import Buyer

_CATEGORY: Final = catalog_products.c.document["tax_category"].astext
_CATEGORIES: Final = (
    select(func.array_agg(_CATEGORY.distinct())).where(_CATEGORY.is_not(None)).scalar_subquery()
)
"""Of every version: what was sold under an old one is still to be taxed."""
_READ: Final = Statement(
    select(
        customers.c.address,
        customers.c.vat_id,
        customers.c.tax_exempt,
        _CATEGORIES.label("categories"),
    ).where(customers.c.id == bindparam("customer_id"), customers.c.address.is_not(None))
)


async def buyer(engine: AsyncEngine, customer_id: str) -> Buyer | None:
    """None for unknown customers and for those without an address."""
    row = await read_row(engine, _READ, {"customer_id": customer_id})
    if row is None:
        return None
    return Buyer(
        address=Address.model_validate(row.address),
        vat_id=row.vat_id,
        is_exempt=row.tax_exempt,
        categories=tuple(row.categories or ()),
    )
