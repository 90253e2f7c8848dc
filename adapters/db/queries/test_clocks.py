"""Test clocks, read."""

from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.tables.test_clock import TestClockStatus, test_clocks
from billing.value import Instant, Value

_ORDER: Final = Order(at=test_clocks.c.created_at, id=test_clocks.c.id)


class TestClock(Value):
    """A test clock; `target_at` is where it is being moved to."""

    id: str
    name: str | None
    frozen_at: Instant
    status: TestClockStatus
    target_at: Instant | None
    created_at: Instant
    deleted_at: Instant | None


async def get(connection: AsyncConnection, test_clock_id: str) -> TestClock | None:
    """One clock; deleted ones are not there any more."""
    found = await connection.execute(
        select(test_clocks).where(
            test_clocks.c.id == test_clock_id, test_clocks.c.deleted_at.is_(None)
        )
    )
    row = found.one_or_none()
    return None if row is None else as_test_clock(row)


async def page_of(
    connection: AsyncConnection, *, cursor: str | None = None, limit: int
) -> Page[TestClock]:
    """Clocks newest first, without the deleted ones."""
    query = select(test_clocks).where(test_clocks.c.deleted_at.is_(None))
    return await read_page(
        connection, query, order=_ORDER, as_item=as_test_clock, cursor=cursor, limit=limit
    )


async def advancing(connection: AsyncConnection) -> tuple[TestClock, ...]:
    """Clocks on their way: what a restarted system must see to."""
    found = await connection.execute(
        select(test_clocks)
        .where(test_clocks.c.status == TestClockStatus.ADVANCING)
        .order_by(test_clocks.c.created_at, test_clocks.c.id)
    )
    return tuple(as_test_clock(row) for row in found)


def as_test_clock(row: Row[Any]) -> TestClock:
    """The value of a row of `test_clocks`."""
    return TestClock.model_validate(row._asdict())
