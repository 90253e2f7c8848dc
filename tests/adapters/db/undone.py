"""A transaction of a test's that leaves nothing behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.db.engine import begun


@asynccontextmanager
async def undone(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Rolled back at the end of the block; the database's deferred checks are not made."""
    async with begun(engine) as connection:
        yield connection
        await connection.execute(text("ROLLBACK"))
