"""Connections: transactions are whole, and bad input is told from a broken database."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from asyncpg import ReadOnlySQLTransactionError
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import (
    Transactions,
    create_engine,
    reading,
    snapshot,
    snapshots,
    unit_of_work,
)
from adapters.db.tables.customer import customers
from adapters.db.tables.domain_event import domain_events
from billing.errors import InvalidInput
from billing.event import DomainEvent
from billing.ports.storage import UnitOfWork
from tests.adapters.db.company import START, open_shop


def _event(key: str) -> DomainEvent:
    return DomainEvent(key=key, type="customer.created", at=START, customer_id="cus_1")


async def test_a_transaction_is_kept_whole_or_not_at_all(engine: AsyncEngine) -> None:
    await open_shop(engine)
    work: UnitOfWork = unit_of_work(engine)
    async with work() as tx:
        await tx.events.append(_event("kept"))

    async def fail() -> None:
        async with work() as tx:
            await tx.events.append(_event("lost"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with engine.connect() as connection:
        assert list(await connection.scalars(select(domain_events.c.key))) == ["kept"]


async def test_what_happened_where_nothing_may_be_written_is_refused_and_not_lost(
    engine: AsyncEngine,
) -> None:
    await open_shop(engine)
    with pytest.raises(ReadOnlySQLTransactionError, match="read-only transaction"):
        async with snapshots(engine)() as tx:
            await tx.events.append(_event("lost"))


@pytest.mark.parametrize("text_", ["nul \0 inside", "lone \ud800 surrogate"])
async def test_text_that_cannot_be_stored_is_invalid_input(
    transaction: Transactions, text_: str
) -> None:
    async def in_a_column() -> None:
        async with transaction() as tx:
            await tx.customers.get(text_)

    async def in_a_document() -> None:
        async with transaction() as tx:
            await tx.subscriptions.set_metadata("sub_1", {"note": text_})

    async def in_what_happened() -> None:
        async with transaction() as tx:
            await tx.events.append(_event("a").model_copy(update={"details": {"note": text_}}))

    for write in (in_a_column, in_a_document, in_what_happened):
        with pytest.raises(InvalidInput) as refused:
            await write()
        assert refused.value.code == "unstorable_text"


async def test_a_mistake_of_ours_is_not_blamed_on_the_caller(engine: AsyncEngine) -> None:
    with pytest.raises(Exception, match="no_such_table") as failed:
        async with reading(engine) as connection:
            await connection.execute(text("SELECT * FROM no_such_table"))
    assert not isinstance(failed.value, InvalidInput)


async def test_instants_are_aware_and_in_utc(engine: AsyncEngine) -> None:
    await open_shop(engine)
    async with reading(engine) as connection:
        created_at = await connection.scalar(select(customers.c.created_at))
    assert created_at == START
    assert isinstance(created_at, datetime)
    assert created_at.utcoffset() == datetime.now(UTC).utcoffset()


async def test_a_snapshot_sees_one_moment(engine: AsyncEngine) -> None:
    await open_shop(engine)
    count = text("SELECT count(*) FROM customers")
    async with snapshot(engine) as still, reading(engine) as moving:
        assert (await still.scalar(count), await moving.scalar(count)) == (1, 1)
        async with engine.begin() as writing:
            await writing.execute(
                text("INSERT INTO customers (id, email, created_at) VALUES ('x', 'y', now())")
            )
        assert (await still.scalar(count), await moving.scalar(count)) == (1, 2)


async def test_a_pool_survives_a_server_that_cut_its_connections(
    engine: AsyncEngine, database_url: str
) -> None:
    async with reading(engine) as connection:
        backend = await connection.scalar(text("SELECT pg_backend_pid()"))
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (backend,))
    async with asyncio.timeout(10):
        while not driver.is_closed():  # noqa: ASYNC110 - the news comes with the loop's next turns
            await asyncio.sleep(0)
    async with reading(engine) as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_libpq_parameters_of_the_url_are_understood(database_url: str) -> None:
    engine = create_engine(f"{database_url}?sslmode=disable&application_name=books")
    async with reading(engine) as connection:
        assert await connection.scalar(text("SHOW TimeZone")) == "UTC"
    await engine.dispose()
