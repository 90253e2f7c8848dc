"""What the database knows of the subscriptions on a test clock.

Owns the queries that moving a clock needs (`adapters.temporal.clock_driver.ClockBook`).
"""

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading, transactions
from adapters.db.tables.subscription import subscriptions


class SqlClockBook:
    """Implements `ClockBook`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._transactions = transactions(engine)

    async def subscription_ids(self, test_clock_id: str) -> tuple[str, ...]:
        """Subscriptions that have not ended, or that ended and still owe; oldest first."""
        still_owes = func.jsonb_array_length(subscriptions.c.state["open_invoices"]) > 0
        query = (
            select(subscriptions.c.id)
            .where(subscriptions.c.test_clock_id == test_clock_id)
            .where(or_(subscriptions.c.ended_at.is_(None), still_owes))
            .order_by(subscriptions.c.created_at, subscriptions.c.id)
        )
        async with reading(self._engine) as connection:
            return tuple(await connection.scalars(query))

    async def arrived(self, test_clock_id: str, at: datetime) -> None:
        """The clock is ready at `at`; saying it again changes nothing."""
        async with self._transactions() as tx:
            await tx.test_clocks.finish_advance(test_clock_id, at=at)
