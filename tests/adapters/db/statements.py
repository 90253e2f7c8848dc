"""What is asked of the database, whoever asks the driver: for tests that count round trips."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine


@asynccontextmanager
async def noted(engine: AsyncEngine) -> AsyncIterator[list[str]]:
    """The statements of the block, on connections of its own; complete after it."""
    statements: list[str] = []

    def listen(connection: DBAPIConnection, *_: object) -> None:
        connection.driver_connection.add_query_logger(lambda said: statements.append(said.query))

    event.listen(engine.sync_engine, "connect", listen)
    await engine.dispose()
    async with engine.connect():
        await asyncio.sleep(0)  # what connecting itself asks is told in the loop's next turn
    statements.clear()
    try:
        yield statements
        await asyncio.sleep(0)
    finally:
        event.remove(engine.sync_engine, "connect", listen)
