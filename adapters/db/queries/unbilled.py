"""What was had in arrears and is not invoiced yet, of every subscription that has something of it.

Owns reading the states that tell it. Does not own what of it is earned (`billing.unbilled`), nor
the sums (`adapters.db.queries.revenue`).
"""

from collections.abc import AsyncIterator, Collection
from typing import Any, Final

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import catalog_versions
from adapters.db.queries.catalog import in_force
from adapters.db.tables.catalog_version import catalog_versions as catalog_version_rows
from billing.recognition import EarnedLine
from billing.subscription import SubscriptionState
from billing.tax import Taxpayer, TaxTable
from billing.unbilled import unbilled_lines

_PAGE: Final = 1_000
_ACCRUING: Final = text("""
    SELECT subscription.state, customer.address ->> 'country' AS country,
        customer.address ->> 'region' AS region, customer.vat_id, customer.tax_exempt
    FROM subscriptions AS subscription
    JOIN customers AS customer ON customer.id = subscription.customer_id
    JOIN prices AS price
        ON price.id = subscription.price_id AND price.version = subscription.price_version
    WHERE price.billing = 'in_arrears'
        AND (subscription.state ->> 'accrues_from' IS NOT NULL
            OR jsonb_array_length(coalesce(subscription.state -> 'accrued', '[]')) > 0)
        AND (CAST(:customers AS text[]) IS NULL OR subscription.customer_id = ANY (:customers))
""").execution_options(yield_per=_PAGE)


_TAX_TABLE: Final = select(catalog_version_rows.c.sections["tax"].label("tax")).where(
    catalog_version_rows.c.number == in_force(func.now())
)


async def lines(
    connection: AsyncConnection, *, customer_ids: Collection[str] | None = None
) -> AsyncIterator[EarnedLine]:
    """Of everybody, or of some customers; every state is read.

    Tax in prices that include it is by the table of the catalog in force: with Stripe Tax there is
    none, and it is a part of what is accrued until it is invoiced.
    """
    published = await catalog_versions.published(connection)
    found = (await connection.execute(_TAX_TABLE)).one_or_none()
    table = TaxTable.model_validate({} if found is None or found.tax is None else found.tax)
    parameters = {"customers": None if customer_ids is None else list(customer_ids)}
    async with connection.stream(_ACCRUING, parameters) as rows:
        async for row in rows:
            state = SubscriptionState.model_validate(row.state)
            taxation = table.taxation(_taxpayer(row), state.running_period.end)
            for line in unbilled_lines(state, price_of=published.price_of, taxation=taxation):
                yield line


def _taxpayer(row: Row[Any]) -> Taxpayer:
    return Taxpayer(
        country=row.country, region=row.region, vat_id=row.vat_id, is_exempt=row.tax_exempt
    )
