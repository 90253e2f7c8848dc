"""Hearing at once of what another process has written.

Owns a connection that listens, made anew whenever it is lost. Does not own who notifies (triggers
of the database, the repositories), nor what is done about it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, NoReturn

import asyncpg
from asyncpg.exceptions import InternalClientError

DATABASE_LOST: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    InternalClientError,
)
"""What the driver raises when the database is out of reach: the last in the middle of a failover,
where none of several hosts writes."""

_KEEPALIVE: Final = timedelta(seconds=30)


async def listen(
    database_url: str,
    channel: str,
    *,
    heard: Callable[[], None],
    lost: Callable[[str], None],
    pause: timedelta,
) -> NoReturn:
    """Calls `heard` on every notification, and once per connection for what came before it.

    Calls `lost` with the reason when the connection is gone, and connects again after `pause`.
    """
    while True:
        try:
            async with _subscribed(database_url, channel, heard) as connection:
                heard()
                await _until_closed(connection)
            lost("closed by the server")
        except DATABASE_LOST as error:
            lost(type(error).__name__)
        await asyncio.sleep(pause.total_seconds())


async def rings(bell: asyncio.Event, *, within: timedelta) -> bool:
    """Whether the bell rang in time."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            return await bell.wait()
    except TimeoutError:
        return False


async def _until_closed(connection: asyncpg.Connection) -> None:
    """Returns when the server closes the connection; a network that went silent raises."""
    closed = asyncio.Event()
    connection.add_termination_listener(lambda *_: closed.set())
    while not await rings(closed, within=_KEEPALIVE):
        await connection.execute("SELECT 1", timeout=_KEEPALIVE.total_seconds())


@asynccontextmanager
async def _subscribed(
    database_url: str, channel: str, heard: Callable[[], None]
) -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own: a notification reaches only who listens when it is sent."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await connection.add_listener(channel, lambda *_: heard())
        yield connection
    finally:
        await connection.close(timeout=5)
