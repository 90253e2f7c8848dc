"""Tax from the table of rates in the catalog that is in force: the default (policy P4).

Owns the reading of a customer and of that table, in one statement. Does not own which of the rates
applies (`billing.tax`) nor how the table is written (`adapters.catalog_forms.tax`).
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import DateTime, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.queries.catalog import in_force
from adapters.db.single_row import read_row
from adapters.db.tables.catalog_version import catalog_versions
from adapters.db.tables.customer import customers
from billing.tax import UNTAXED, Taxation, Taxpayer, TaxTable

_READ: Final[Select[Any]] = (
    select(
        customers.c.address["country"].astext.label("country"),
        customers.c.address["region"].astext.label("region"),
        customers.c.vat_id,
        customers.c.tax_exempt,
        catalog_versions.c.sections["tax"].label("tax"),
    )
    .join_from(
        customers,
        catalog_versions,
        catalog_versions.c.number == in_force(bindparam("at", type_=DateTime(timezone=True))),
    )
    .where(customers.c.id == bindparam("customer_id"), customers.c.address.is_not(None))
)


class SqlTaxRates:
    """Implements `billing.ports.tax.TaxRates`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def taxation(self, customer_id: str, at: datetime) -> Taxation:
        """How the customer is taxed at `at`; customers without a country are not."""
        row = await read_row(self._engine, _READ, {"customer_id": customer_id, "at": at})
        if row is None or row.tax is None:
            return UNTAXED
        taxpayer = Taxpayer(
            country=row.country, region=row.region, vat_id=row.vat_id, is_exempt=row.tax_exempt
        )
        return TaxTable.model_validate(row.tax).taxation(taxpayer, at)
