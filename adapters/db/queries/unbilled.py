"""What was had in arrears and is not invoiced yet, of every subscription that has something of it.

Owns reading the states that tell it. Does not own what of it is earned (`billing.unbilled`), nor
the sums (`adapters.db.queries.revenue`).
"""

from collections.abc import AsyncIterator, Collection
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import catalog_versions
from billing.recognition import EarnedLine
from billing.subscription import SubscriptionState
from billing.unbilled import unbilled_lines

_PAGE: Final = 1_000
_ACCRUING: Final = text("""
    SELECT subscription.state
    FROM subscriptions AS subscription
    JOIN prices AS price
        ON price.id = subscription.price_id AND price.version = subscription.price_version
    WHERE price.billing = 'in_arrears'
        AND (subscription.state ->> 'accrues_from' IS NOT NULL
            OR jsonb_array_length(coalesce(subscription.state -> 'accrued', '[]')) > 0)
        AND (CAST(:customers AS text[]) IS NULL OR subscription.customer_id = ANY (:customers))
""").execution_options(yield_per=_PAGE)


async def lines(
    connection: AsyncConnection, *, customer_ids: Collection[str] | None = None
) -> AsyncIterator[EarnedLine]:
    """Of everybody, or of some customers; every state is read."""
    published = await catalog_versions.published(connection)
    parameters = {"customers": None if customer_ids is None else list(customer_ids)}
    async with connection.stream(_ACCRUING, parameters) as found:
        async for (document,) in found:
            state = SubscriptionState.model_validate(document)
            for line in unbilled_lines(state, price_of=published.price_of):
                yield line
