"""Tax from the table of rates that was loaded last: the default (policy P4).

Owns the reading of a customer and of the rates of their country, in one statement. Does not own
which of them applies (`billing.tax`) nor loading the table (`repositories.tax_table`).
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.line_tax import without_padding
from adapters.db.single_row import read_row
from adapters.db.tables.tax import ISSUER
from billing.tax import UNTAXED, Taxation, Taxpayer, TaxRate, TaxTable

_READ: Final = text("""
    SELECT address ->> 'country' AS country, address ->> 'region' AS region, vat_id, tax_exempt,
        (SELECT country FROM tax_sellers WHERE issuer = :issuer) AS seller_country,
        (
            SELECT jsonb_agg(jsonb_build_object(
                'country', country, 'region', region, 'category', category, 'name', name,
                'rate', CAST(rate AS text), 'effective_from', effective_from
            ))
            FROM tax_rates
            WHERE country = customers.address ->> 'country' AND effective_from <= :at
        ) AS rates
    FROM customers WHERE id = :customer_id AND address IS NOT NULL
""")


class SqlTaxRates:
    """Implements `billing.ports.tax.TaxRates`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def taxation(self, customer_id: str, at: datetime) -> Taxation:
        """How the customer is taxed at `at`; customers without a country are not."""
        row = await read_row(
            self._engine, _READ, {"customer_id": customer_id, "at": at, "issuer": ISSUER}
        )
        if row is None:
            return UNTAXED
        table = TaxTable(
            seller_country=row.seller_country,
            rates=tuple(_as_rate(rate) for rate in row.rates or ()),
        )
        taxpayer = Taxpayer(
            country=row.country, region=row.region, vat_id=row.vat_id, is_exempt=row.tax_exempt
        )
        return table.taxation(taxpayer, at)


def _as_rate(rate: Mapping[str, Any]) -> TaxRate:
    return TaxRate.model_validate({**rate, "rate": without_padding(Decimal(rate["rate"]))})
