"""Test clocks: moved forward by one at a time."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries import customers as customer_queries
from adapters.db.queries import test_clocks as queries
from adapters.db.repositories.customers import NewCustomer
from adapters.db.tables import test_clock as table
from billing.errors import Conflict, InvalidInput, NotFound
from tests.adapters.db.company import START

_LATER = START + timedelta(days=30)


@pytest.fixture(autouse=True)
async def clock(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.test_clocks.create(
            test_clock_id="clock_1", name="January", frozen_at=START, created_at=START
        )


async def test_a_clock_is_moved_forward(transaction: Transactions, engine: AsyncEngine) -> None:
    async with transaction() as tx:
        moving = await tx.test_clocks.begin_advance("clock_1", to=_LATER)
        assert (moving.status, moving.target_at) == (table.TestClockStatus.ADVANCING, _LATER)
        with pytest.raises(Conflict) as refused:
            await tx.test_clocks.begin_advance("clock_1", to=_LATER)
        assert refused.value.code == "test_clock_advancing"
        assert not await tx.test_clocks.finish_advance("clock_1", at=START)
    async with reading(engine) as connection:
        assert await queries.advancing(connection) == (moving,)
    async with transaction() as tx:
        assert await tx.test_clocks.finish_advance("clock_1", at=_LATER)
        assert not await tx.test_clocks.finish_advance("clock_1", at=_LATER)
    async with reading(engine) as connection:
        arrived = await queries.get(connection, "clock_1")
    assert arrived is not None
    assert (arrived.frozen_at, arrived.status, arrived.target_at) == (
        _LATER,
        table.TestClockStatus.READY,
        None,
    )


@pytest.mark.parametrize("to", [START, START - timedelta(seconds=1)])
async def test_a_clock_never_goes_back(transaction: Transactions, to: object) -> None:
    assert isinstance(to, type(START))
    async with transaction() as tx:
        with pytest.raises(InvalidInput) as refused:
            await tx.test_clocks.begin_advance("clock_1", to=to)
    assert refused.value.code == "test_clock_goes_forward"


async def test_of_concurrent_moves_one_wins(transaction: Transactions) -> None:
    async def advance(number: int) -> object:
        async with transaction() as tx:
            return await tx.test_clocks.begin_advance("clock_1", to=_LATER + timedelta(number))

    results = await asyncio.gather(*(advance(n) for n in range(20)), return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 19


async def test_a_deleted_clock_takes_its_customers_along(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        for number, clock_id in ((1, "clock_1"), (2, None)):
            await tx.customers.create(
                NewCustomer(
                    id=f"cus_{number}",
                    email="a@example.com",
                    test_clock_id=clock_id,
                    created_at=START,
                )
            )
    async with transaction() as tx:
        await tx.test_clocks.begin_advance("clock_1", to=_LATER)
        await tx.test_clocks.delete("clock_1", deleted_at=_LATER)
    async with reading(engine) as connection:
        assert await queries.get(connection, "clock_1") is None
        assert (await queries.page_of(connection, limit=5)).items == ()
        page = await customer_queries.page_of(connection, limit=5)
    assert [customer.id for customer in page.items] == ["cus_2"]
    async with transaction() as tx:
        assert not await tx.test_clocks.finish_advance("clock_1", at=_LATER)
        for refused in (
            tx.test_clocks.delete("clock_1", deleted_at=_LATER),
            tx.test_clocks.delete("clock_2", deleted_at=_LATER),
        ):
            with pytest.raises(NotFound):
                await refused
        with pytest.raises(NotFound):
            await tx.test_clocks.begin_advance("clock_1", to=_LATER)
        with pytest.raises(NotFound):
            await tx.customers.create(
                NewCustomer(
                    id="cus_3", email="a@example.com", test_clock_id="clock_1", created_at=START
                )
            )


async def test_the_same_clock_is_made_once(transaction: Transactions) -> None:
    async with transaction() as tx:
        again = await tx.test_clocks.create(
            test_clock_id="clock_1", name="other", frozen_at=_LATER, created_at=_LATER
        )
    assert (again.name, again.frozen_at) == ("January", START)


async def test_a_clock_that_is_held_is_neither_moved_nor_deleted_before(
    transaction: Transactions,
) -> None:
    done: list[str] = []

    async def move() -> None:
        async with transaction() as tx:
            await tx.test_clocks.begin_advance("clock_1", to=_LATER)
            done.append("moved")

    async with transaction() as tx, transaction() as another:
        await tx.test_clocks.hold("clock_1", at=START)
        await another.test_clocks.hold("clock_1", at=START)
        moving = asyncio.create_task(move())
        await asyncio.wait({moving}, timeout=0.2)
        done.append("released")
    await moving
    assert done == ["released", "moved"]
    async with transaction() as tx:
        for step in (
            tx.test_clocks.hold("clock_1", at=START),
            tx.test_clocks.claim_for_deletion("clock_1"),
        ):
            with pytest.raises(Conflict) as refused:
                await step
            assert refused.value.code == "test_clock_advancing"


async def test_a_clock_that_moved_on_is_not_held_where_it_was(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.test_clocks.begin_advance("clock_1", to=_LATER)
        await tx.test_clocks.finish_advance("clock_1", at=_LATER)
    with pytest.raises(Conflict):
        async with transaction() as tx:
            await tx.test_clocks.hold("clock_1", at=START)
