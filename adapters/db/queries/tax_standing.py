"""What of the books decides a customer's tax: the customer, and which version of the catalog.

Owns the columns, for statements that read more than that, and the statement that reads nothing
else. Does not own the table of rates (`adapters.db.tax_rates`).
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, DateTime, Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.queries.catalog import in_force
from adapters.db.single_row import read_row
from adapters.db.statement import Statement
from adapters.db.tables.catalog_version import catalog_versions
from adapters.db.tables.customer import customers
from billing.ports.tax import TaxStanding
from billing.tax import Taxpayer

COLUMNS: Final[tuple[ColumnElement[Any], ...]] = (
    customers.c.address["country"].astext.label("country"),
    customers.c.address["region"].astext.label("region"),
    customers.c.vat_id,
    customers.c.tax_exempt,
    catalog_versions.c.number.label("catalog_number"),
    catalog_versions.c.digest.label("catalog_digest"),
)
"""Of a customer joined with the version of the catalog that is in force; NULLs where none is."""
_READ: Final = Statement(
    select(*COLUMNS)
    .join_from(
        customers,
        catalog_versions,
        catalog_versions.c.number == in_force(bindparam("at", type_=DateTime(timezone=True))),
    )
    .where(customers.c.id == bindparam("customer_id"))
)


async def read(engine: AsyncEngine, customer_id: str, at: datetime) -> TaxStanding | None:
    """As it is at `at`; None for unknown customers and before anything was on sale."""
    row = await read_row(engine, _READ, {"customer_id": customer_id, "at": at})
    return None if row is None else as_standing(row)


def as_standing(row: Row[Any]) -> TaxStanding | None:
    """The value of a row with `COLUMNS`; None where no version of the catalog is in force."""
    if row.catalog_number is None:
        return None
    return TaxStanding(
        taxpayer=Taxpayer(
            country=row.country, region=row.region, vat_id=row.vat_id, is_exempt=row.tax_exempt
        ),
        catalog_number=row.catalog_number,
        catalog_digest=row.catalog_digest,
    )
