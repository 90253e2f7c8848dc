"""The table of tax rates, written (policy P4)."""

from sqlalchemy import delete, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.tax import ISSUER, tax_rates, tax_sellers
from billing.tax import TaxTable

# Processes that start together store one after the other; readers are not held up.
_ONE_AT_A_TIME = text("LOCK TABLE tax_sellers IN SHARE ROW EXCLUSIVE MODE")


class SqlTaxTable:
    """Puts a table of rates in force."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put_in_force(self, table: TaxTable) -> None:
        """Exactly this is charged from now on; documents keep the rates that they have."""
        await self._connection.execute(_ONE_AT_A_TIME)
        await self._connection.execute(delete(tax_rates))
        await self._connection.execute(delete(tax_sellers))
        if table.seller_country is not None:
            await self._connection.execute(
                insert(tax_sellers).values(issuer=ISSUER, country=table.seller_country)
            )
        if table.rates:
            await self._connection.execute(
                insert(tax_rates),
                [
                    rate.model_dump() | {"position": position}
                    for position, rate in enumerate(table.rates, start=1)
                ],
            )
