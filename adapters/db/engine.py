"""Connections to PostgreSQL, and the transactions and readings made of them.

Owns the pool and how values become JSON. Does not own statements (`repositories/`, `queries/`) nor
what a refusal of the database's means (`refusal`).
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import asyncpg
from pydantic_core import from_json, to_json
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from adapters.db import dialect
from adapters.db.refusal import refusal_of
from adapters.db.transaction import SqlTransaction
from billing.ports.storage import UnitOfWork

_POOL_SIZE: Final = 10
_SERVER_SETTINGS: Final = {
    "application_name": "perennial",
    "timezone": "UTC",
    "jit": "off",  # statements are short: compiling them costs more than running them
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}
_REPORT_PATIENCE: Final = "10min"


def create_engine(database_url: str, *, pool_size: int = _POOL_SIZE) -> AsyncEngine:
    """An engine for `postgresql://…` with libpq's parameters (`sslmode` and so on).

    Holds up to `pool_size` idle connections and as many more under load. Whoever makes it calls
    `dispose()` at the end, in the same event loop. Connects at the first use.
    """

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(database_url, timeout=10, server_settings=_SERVER_SETTINGS)

    engine = create_async_engine(
        dialect.URL,
        execution_options={"compiled_cache": dialect.COMPILED},
        connect_args={"async_creator_fn": connect, "prepared_statement_cache_size": 500},
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_recycle=1800,
        json_serializer=_as_json,
        json_deserializer=from_json,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    event.listen(engine.sync_engine, "handle_error", _name_refusal)
    return engine


def transactions(engine: AsyncEngine) -> "Transactions":
    """Opens transactions with every repository, those of the API included."""
    return Transactions(engine)


def unit_of_work(engine: AsyncEngine) -> UnitOfWork:
    """Opens transactions as the billing system's port knows them."""
    return Transactions(engine)


class Transactions:
    """Callable: `async with transactions() as transaction`."""

    __slots__ = ("engine",)

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    def __call__(self) -> AbstractAsyncContextManager[SqlTransaction]:
        """One transaction, committed when its block ends without an exception."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[SqlTransaction]:
        async with self.engine.begin() as connection:
            transaction = SqlTransaction(connection)
            yield transaction
            await transaction.finish()


@asynccontextmanager
async def single_statements(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection each of whose statements is a transaction of its own: one round trip for three.

    For what is written by one statement and has no events to tell with it.
    """
    async with engine.connect() as connection:
        yield await connection.execution_options(isolation_level="AUTOCOMMIT")


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for single queries, each seeing what is committed when it starts."""
    async with single_statements(engine) as connection:
        yield connection


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for several queries that must agree: all see the same moment."""
    async with engine.connect() as connection:
        await connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        async with connection.begin():
            yield connection


def snapshots(engine: AsyncEngine) -> UnitOfWork:
    """Opens transactions that see one moment and can only read."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[SqlTransaction]:
        async with snapshot(engine) as connection:
            transaction = SqlTransaction(connection)
            yield transaction
            await transaction.finish()  # refused by the database, and not lost without a word

    return opened


@asynccontextmanager
async def reporting(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A snapshot for statements over all documents, which may take minutes."""
    async with snapshot(engine) as connection:
        await connection.execute(text(f"SET LOCAL statement_timeout = '{_REPORT_PATIENCE}'"))
        yield connection


def _as_json(value: object) -> str:
    return to_json(value).decode()


def _refuse_closed(
    connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """A restarted server closed the pooled connections; noticing costs no round trip."""
    driver = connection.driver_connection
    if driver.is_closed():
        raise DisconnectionError("the server closed this connection")


def _name_refusal(context: ExceptionContext) -> None:
    """Raises what a refusal of the database's means, where it is no failure of the database."""
    refusal = refusal_of(context.original_exception)
    if refusal is not None:
        raise refusal from None
