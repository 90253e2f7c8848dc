"""Pages: every item once, newest first, whatever is written meanwhile."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading
from adapters.db.queries import customers as queries
from adapters.db.queries import subscriptions
from adapters.db.tables.customer import customers
from billing.errors import InvalidInput
from tests.adapters.db.company import START


async def _add(engine: AsyncEngine, *created: tuple[str, int]) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            insert(customers),
            [
                {"id": name, "email": "a@example.com", "created_at": START + timedelta(seconds=at)}
                for name, at in created
            ],
        )


async def _all(engine: AsyncEngine, *, limit: int, cursor: str | None = None) -> list[str]:
    seen: list[str] = []
    async with reading(engine) as connection:
        while True:
            page = await queries.page_of(connection, cursor=cursor, limit=limit)
            assert len(page.items) <= limit
            seen += [customer.id for customer in page.items]
            if page.next_cursor is None:
                return seen
            cursor = page.next_cursor


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    instants=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    limit=st.integers(1, 5),
)
async def test_pages_show_every_item_once_newest_first(
    engine: AsyncEngine, instants: list[int], limit: int
) -> None:
    async with engine.begin() as connection:
        await connection.execute(delete(customers))
    created = [(f"cus_{number:02}", at) for number, at in enumerate(instants)]
    await _add(engine, *created)
    expected = sorted(created, key=lambda item: (item[1], item[0]), reverse=True)
    assert await _all(engine, limit=limit) == [name for name, _ in expected]


async def test_what_is_written_meanwhile_neither_repeats_nor_hides_others(
    engine: AsyncEngine,
) -> None:
    await _add(engine, *((f"cus_{number}", number) for number in range(6)))
    async with reading(engine) as connection:
        first = await queries.page_of(connection, limit=3)
    assert [customer.id for customer in first.items] == ["cus_5", "cus_4", "cus_3"]
    await _add(engine, ("cus_new", 10), ("cus_between", 4))
    async with engine.begin() as connection:
        await connection.execute(delete(customers).where(customers.c.id == "cus_3"))
    assert await _all(engine, limit=3, cursor=first.next_cursor) == ["cus_2", "cus_1", "cus_0"]


@given(cursor=st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.hex()))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_cursor_of_ones_own_making_is_invalid_input(
    engine: AsyncEngine, cursor: str
) -> None:
    async with reading(engine) as connection:
        with pytest.raises(InvalidInput) as refused:
            await queries.page_of(connection, cursor=cursor, limit=3)
    assert refused.value.code in {"invalid_cursor", "unstorable_text"}


@pytest.mark.parametrize(
    "position",
    [
        "2026-01-31T09:30:00+00:00 many",
        "2026-01-31T09:30:00 1",
        "2026-01-31T09:30:00+00:00 99999999999999999999",
        "0001-01-01T00:00:00+14:00 1",
        "9999-12-31T23:59:59-14:00 1",
    ],
)
async def test_a_cursor_beyond_the_list_is_refused_or_empty(
    engine: AsyncEngine, position: str
) -> None:
    from base64 import urlsafe_b64encode  # noqa: PLC0415 - a forger's tool, used here alone

    cursor = urlsafe_b64encode(position.encode()).decode()
    async with reading(engine) as connection:
        try:
            page = await subscriptions.timeline(connection, "sub_1", cursor=cursor, limit=3)
        except InvalidInput as refused:
            assert refused.code in {"invalid_cursor", "value_out_of_range"}  # noqa: PT017
        else:
            assert page.items == ()


@pytest.mark.parametrize("limit", [0, -1, 101])
async def test_a_page_has_a_size(engine: AsyncEngine, limit: int) -> None:
    async with reading(engine) as connection:
        with pytest.raises(InvalidInput) as refused:
            await queries.page_of(connection, limit=limit)
    assert refused.value.code == "limit_out_of_range"
