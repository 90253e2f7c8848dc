"""Waiting until somebody waits, so that tests of locks need no sleep."""

import asyncio

from sqlalchemy import text

from adapters.db.engine import Transactions

_WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
""")


async def somebody_waits(transaction: Transactions) -> None:
    """Until the database says that one of its transactions waits for another."""
    async with asyncio.timeout(10):
        waiting = 0
        while not waiting:
            # In a transaction of its own each time: within one, the answer stays what it was.
            async with transaction() as tx:
                waiting = await tx.connection.scalar(_WAITING) or 0
