"""Connections to PostgreSQL, and the transactions and readings made of them.

Owns the pool, and how a transaction begins and ends. Does not own statements (`repositories/`,
`queries/`) nor what a refusal of the database's means (`refusal`).
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from adapters.db import dialect
from adapters.db.notifications import DATABASE_LOST
from adapters.db.refusal import refusal_of
from adapters.db.statement import driver_of, translated
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
        json_serializer=dialect.as_json,
        json_deserializer=dialect.read_json,
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
        async with begun(self.engine) as connection:
            transaction = SqlTransaction(connection)
            yield transaction
            await transaction.finish()


@asynccontextmanager
async def begun(engine: AsyncEngine, beginning: str = "BEGIN") -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction, which is committed when the block ends without an exception.

    The transaction is the driver's, so that it is there for statements that the driver runs alone
    (`adapters.db.statement`) as for SQLAlchemy's, to which each seems to be a transaction of its
    own. Whoever wants it undone raises: SQLAlchemy's `rollback` knows nothing of it.
    """
    async with single_statements(engine) as connection:
        driver = driver_of(connection)
        try:
            with translated(driver):
                await driver.execute(beginning)
            yield connection
            with translated(driver):
                ended_by = await driver.execute("COMMIT")
        except Exception:
            await _roll_back(connection, driver)
            raise
        except BaseException:
            # Given up in the middle of something, which the server may still be doing.
            await connection.invalidate()
            raise
        if ended_by != "COMMIT":
            raise RuntimeError("a statement had failed: all of the transaction is rolled back")


async def _roll_back(connection: AsyncConnection, driver: asyncpg.Connection) -> None:
    """Or leaves it to the server, by closing the connection."""
    try:
        if not driver.is_closed() and driver.is_in_transaction():
            await driver.execute("ROLLBACK")
    except DATABASE_LOST:
        await connection.invalidate()


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
    async with begun(engine, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
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
