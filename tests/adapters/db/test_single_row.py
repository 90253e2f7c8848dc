"""Readings of one row by the driver alone mean what those of a connection do."""

import asyncio

import pytest
from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.single_row import read_row
from adapters.db.statement import Statement
from adapters.db.tables.customer import customers
from billing.errors import InvalidInput
from tests.adapters.db.company import open_shop

_ONE = Statement(select(customers).where(customers.c.id == bindparam("customer_id")))
_SEVERAL = Statement(select(customers.c.id).where(customers.c.id != bindparam("customer_id")))
_HANGING_UP = Statement(select(func.pg_terminate_backend(func.pg_backend_pid()).label("hung_up")))
_SLEEPING = Statement(select(func.pg_sleep(5).label("slept")))


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=3)


async def test_a_row_is_the_one_that_was_asked_for(engine: AsyncEngine) -> None:
    found = await read_row(engine, _ONE, {"customer_id": "cus_2"})
    assert found is not None
    assert found.id == "cus_2"


async def test_there_is_no_row_under_an_unknown_id(engine: AsyncEngine) -> None:
    assert await read_row(engine, _ONE, {"customer_id": "cus_unknown"}) is None


async def test_several_rows_are_a_defect_and_not_the_first_of_them(engine: AsyncEngine) -> None:
    with pytest.raises(ValueError, match="2 rows"):
        await read_row(engine, _SEVERAL, {"customer_id": "cus_1"})


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_text_that_cannot_be_stored_is_the_callers_mistake(
    engine: AsyncEngine, text: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await read_row(engine, _ONE, {"customer_id": text})
    assert refused.value.code == "unstorable_text"
    assert await read_row(engine, _ONE, {"customer_id": "cus_1"}) is not None


@pytest.mark.parametrize("given", [{}, {"customer": "cus_1"}])
async def test_a_parameter_that_is_missing_is_a_defect_and_not_null(
    engine: AsyncEngine, given: dict[str, object]
) -> None:
    with pytest.raises(TypeError, match="customer_id"):
        await read_row(engine, _ONE, given)


async def test_a_reading_that_is_given_up_ends_no_other(engine: AsyncEngine) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await read_row(engine, _SLEEPING, {})
    for _ in range(3):
        assert await read_row(engine, _ONE, {"customer_id": "cus_1"}) is not None


async def test_a_connection_that_the_server_closed_is_replaced(engine: AsyncEngine) -> None:
    await read_row(engine, _ONE, {"customer_id": "cus_1"})
    connection = await engine.raw_connection()
    driver = connection.driver_connection
    assert driver is not None
    connection.close()
    await driver.close()
    assert await read_row(engine, _ONE, {"customer_id": "cus_1"}) is not None


async def test_a_connection_that_is_lost_meanwhile_is_an_outage(engine: AsyncEngine) -> None:
    with pytest.raises(DisconnectionError):
        await read_row(engine, _HANGING_UP, {})
    assert await read_row(engine, _ONE, {"customer_id": "cus_1"}) is not None
