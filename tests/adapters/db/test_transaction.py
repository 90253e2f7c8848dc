"""Billing a period as one transaction: cheap, whole, and the same when it is repeated."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, snapshot
from adapters.db.queries import books
from adapters.db.tables import metadata
from billing.event import DomainEvent
from billing.ports.storage import Transaction
from tests.adapters.db.company import START, bill, draft, open_shop, subscribe, subscription

_STATEMENTS_OF_A_PERIOD = 6
_WRITTEN = ("invoices", "invoice_lines", "journal_entries", "postings", "domain_events")


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine)
    await subscribe(engine)


async def _bill(tx: Transaction, number: int) -> None:
    await tx.prices.of(subscription().terms)
    await bill(tx, draft(number))
    await tx.subscriptions.save(subscription().model_copy(update={"revision": number + 2}))
    await tx.events.append(
        *(
            DomainEvent(
                key=f"{kind}:{number}",
                type=kind,
                at=START,
                customer_id="cus_1",
                subscription_id="sub_1",
            )
            for kind in ("invoice.finalized", "subscription.renewed")
        )
    )


@contextmanager
def _counted(engine: AsyncEngine) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_connection: object, _cursor: DBAPICursor, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", count)


async def _rows(engine: AsyncEngine) -> dict[str, int]:
    async with engine.connect() as connection:
        return {
            table: await connection.scalar(select(func.count()).select_from(metadata.tables[table]))
            or 0
            for table in _WRITTEN
        }


async def test_a_period_is_billed_in_few_statements(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    with _counted(engine) as statements:
        async with transaction() as tx:
            await _bill(tx, 0)
    assert len(statements) <= _STATEMENTS_OF_A_PERIOD, statements
    assert await _rows(engine) == {
        "invoices": 1,
        "invoice_lines": 1,
        "journal_entries": 1,
        "postings": 2,
        "domain_events": 2,
    }


async def test_a_period_billed_by_many_at_once_is_billed_once(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async def bill(number: int) -> None:
        async with transaction() as tx:
            await _bill(tx, number)

    await asyncio.gather(*(bill(repetition % 3) for repetition in range(24)))
    assert await _rows(engine) == {
        "invoices": 3,
        "invoice_lines": 3,
        "journal_entries": 3,
        "postings": 6,
        "domain_events": 6,
    }
    async with snapshot(engine) as connection:
        assert (await books.read(connection)).balance
