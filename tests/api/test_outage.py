"""Which failures of the database's are outages, told by the real driver and a real server."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import literal, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import Integer

from adapters.db.engine import begun, create_engine
from adapters.db.statement import Statement
from api.outage import DATABASE_ERRORS, is_outage


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url, pool_size=1)
    yield engine
    await engine.dispose()


async def test_a_failover_in_which_no_host_writes_is_an_outage(database_url: str) -> None:
    mark = "&" if "?" in database_url else "?"
    standby = create_engine(f"{database_url}{mark}target_session_attrs=standby")
    with pytest.raises(DATABASE_ERRORS) as failed:
        async with standby.connect():
            pass
    await standby.dispose()
    assert "target attribute" in str(failed.value)
    assert is_outage(failed.value)


async def test_a_connection_that_the_server_ends_is_an_outage(engine: AsyncEngine) -> None:
    with pytest.raises(DATABASE_ERRORS) as failed:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_outage(failed.value)


async def test_a_connection_that_is_closed_under_a_request_is_an_outage(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.close()
        with pytest.raises(DBAPIError) as failed:
            await connection.execute(text("SELECT 1"))
    assert is_outage(failed.value)


async def test_a_migration_under_running_processes_is_over_with_the_next_request(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE changing AS SELECT 1 AS a"))
    all_of_it = Statement("SELECT * FROM changing")
    async with begun(engine) as connection:
        assert await all_of_it.rows(connection, {}) == [(1,)]
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE changing ADD COLUMN b INTEGER"))
    with pytest.raises(DATABASE_ERRORS) as failed:
        async with begun(engine) as connection:
            await all_of_it.rows(connection, {})
    assert is_outage(failed.value)
    async with begun(engine) as connection:
        assert await all_of_it.rows(connection, {}) == [(1, None)]


async def test_a_value_of_another_type_is_a_defect_and_not_an_outage(
    engine: AsyncEngine,
) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with engine.connect() as connection:
            await connection.execute(select(literal("seven", Integer)))
    assert not is_outage(failed.value)


async def test_a_wrong_setting_is_a_defect_and_not_an_outage(database_url: str) -> None:
    mark = "&" if "?" in database_url else "?"
    misspelt = create_engine(f"{database_url}{mark}target_session_attrs=somewhere")
    with pytest.raises(DATABASE_ERRORS) as failed:
        async with misspelt.connect():
            pass
    await misspelt.dispose()
    assert not is_outage(failed.value)
