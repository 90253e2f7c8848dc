"""Tax from the table of rates in the catalog that is in force: the default (policy P4).

Owns the reading of that table, once per version of the catalog, which never changes. Does not own
what decides about a customer (`adapters.db.queries.tax_standing`), which of the rates applies
(`billing.tax`) nor how the table is written (`adapters.catalog_forms.tax`).
"""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.queries import tax_standing
from adapters.db.single_row import read_row
from adapters.db.statement import Statement
from adapters.db.tables.catalog_version import catalog_versions
from billing.ports.tax import TaxStanding
from billing.tax import UNTAXED, Taxation, TaxTable

_READ: Final = Statement(
    select(catalog_versions.c.sections["tax"].label("tax")).where(
        catalog_versions.c.number == bindparam("number")
    )
)
_MOST_REMEMBERED: Final = 20
"""One is in force; test clocks may be ahead of it."""


class SqlTaxRates:
    """Implements `billing.ports.tax.TaxRates`; remembers the tables that it has read."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._tables: dict[tuple[int, str], TaxTable] = {}

    async def taxation(
        self, customer_id: str, at: datetime, *, standing: TaxStanding | None = None
    ) -> Taxation:
        """How the customer is taxed at `at`; customers without a country are not."""
        if standing is None:
            standing = await tax_standing.read(self._engine, customer_id, at)
        if standing is None or standing.taxpayer.country is None:
            return UNTAXED
        table = await self._table(standing.catalog_number, standing.catalog_digest)
        return table.taxation(standing.taxpayer, at)

    async def _table(self, number: int, digest: str) -> TaxTable:
        """The digest is asked for too: a database may have been emptied and filled anew."""
        known = self._tables.get((number, digest))
        if known is not None:
            return known
        row = await read_row(self._engine, _READ, {"number": number})
        table = TaxTable.model_validate({} if row is None or row.tax is None else row.tax)
        if len(self._tables) >= _MOST_REMEMBERED:
            self._tables.clear()
        self._tables[number, digest] = table
        return table
