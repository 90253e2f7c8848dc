"""A rehearsal over many subscriptions: read from the database, compared and added up.

Owns the synthetic subscriptions and the timing. They differ in quantity, status and price as those
of a real company do; their states are no more than what the columns need.
"""

import time
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import snapshot, transactions
from adapters.db.queries import running_subscriptions
from bench import customers
from billing.price_model import PerUnit
from billing.rehearsal import Rehearsal, Tally, Total

_CUSTOMER = text(
    "INSERT INTO customers (id, email, created_at) VALUES ('cus_many', 'many@example.com', now())"
)
_SUBSCRIPTIONS = text("""
    INSERT INTO subscriptions (id, customer_id, product_id, price_id, price_version, family,
        quantity, currency, status, period_start, period_end, cancel_at, revision, created_at,
        state)
    SELECT 'sub_' || n, 'cus_many', :product, :price, 1, 'bench', 1 + n % 250, 'USD',
        CASE WHEN n % 33 = 0 THEN 'past_due' ELSE 'active' END,
        now() - n % 28 * interval '1 day', now() + (28 - n % 28) * interval '1 day',
        CASE WHEN n % 25 = 0 THEN now() + (28 - n % 28) * interval '1 day' END,
        1, now() - n * interval '1 second', jsonb_build_object('subscription_id', 'sub_' || n)
    FROM generate_series(1, :count) AS n
""")
_SOLD = text("SELECT count(*) FROM subscriptions WHERE price_id = :price AND price_version = 1")
_BARE = text(
    "SELECT sum(quantity * (model ->> 'unit_amount_minor')::numeric) FROM subscriptions"
    " JOIN prices ON prices.id = price_id AND prices.version = price_version"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """How long it took, the database's own sum beside it, and what came of it."""

    seconds: float
    bare_seconds: float
    total: Total


async def fill(engine: AsyncEngine, count: int) -> int:
    """Sells one price to so many, in one statement; how many have it then.

    Other parts of the benchmark may have sold it before.
    """
    async with transactions(engine)() as tx:
        await tx.catalog.put_on_sale(customers.CATALOG)
        await tx.connection.execute(_CUSTOMER)
        await tx.connection.execute(text("SET LOCAL statement_timeout = '300s'"))
        await tx.connection.execute(
            _SUBSCRIPTIONS,
            {"product": customers.PAID.product_id, "price": customers.PAID.id, "count": count},
        )
        sold = await tx.connection.scalar(_SOLD, {"price": customers.PAID.id})
    return int(sold or 0)


async def rehearse(engine: AsyncEngine) -> Rehearsed:
    """A price a quarter dearer for everybody."""
    dearer = customers.PAID.model_copy(
        update={"version": 2, "model": PerUnit(unit_amount_minor=Decimal(2000))},
    )
    rehearsal, tally = Rehearsal(old=customers.PAID, new=dearer), Tally()
    async with snapshot(engine) as connection:
        began = time.perf_counter()
        await connection.execute(_BARE)
        read = time.perf_counter()
        versions = [(customers.PAID.id, customers.PAID.version)]
        async for subscription in running_subscriptions.at_prices(connection, versions):
            tally.add(rehearsal.effect_on(subscription))
        ended = time.perf_counter()
    [total] = tally.totals
    return Rehearsed(seconds=ended - read, bare_seconds=read - began, total=total)
