"""What the database knows of the subscriptions on a test clock.

Owns the queries that moving a clock needs (`adapters.temporal.clock_driver.ClockBook`).
"""

from datetime import datetime
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading, transactions
from adapters.db.tables.subscription import subscriptions

_state: Final = subscriptions.c.state
_LEFT_TO_DO: Final = (
    _state["open_invoices"],
    _state["promised_back"]["paid"],
    _state["addons"],
    _state["messages"],
    _state["accrued"],
)
"""What may keep a subscription that has ended from being over."""


class SqlClockBook:
    """Implements `ClockBook`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._transactions = transactions(engine)

    async def subscription_ids(self, test_clock_id: str) -> tuple[str, ...]:
        """Subscriptions that have not ended, or that may have something left to do; oldest first.

        What an ended one has told since is not recorded: it may be over by now.
        """
        left_to_do = (func.jsonb_array_length(each) > 0 for each in _LEFT_TO_DO)
        query = (
            select(subscriptions.c.id)
            .where(subscriptions.c.test_clock_id == test_clock_id)
            .where(or_(subscriptions.c.ended_at.is_(None), *left_to_do))
            .order_by(subscriptions.c.created_at, subscriptions.c.id)
        )
        async with reading(self._engine) as connection:
            return tuple(await connection.scalars(query))

    async def arrived(self, test_clock_id: str, at: datetime) -> None:
        """The clock is ready at `at`; saying it again changes nothing."""
        async with self._transactions() as tx:
            await tx.test_clocks.finish_advance(test_clock_id, at=at)
