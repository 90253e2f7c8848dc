"""API keys that are remembered are never known longer than they are good."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import transactions
from adapters.db.known_keys import KnownKeys, hearing
from adapters.db.repositories.api_keys import new_secret
from tests.adapters.db.waiting import somebody_waits

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_SECRET = new_secret()
_KEY = "key_1"


class _Remembered(KnownKeys):
    """Counts how often nothing was heard any more."""

    losses = 0

    def lose(self, reason: str) -> None:
        super().lose(reason)
        self.losses += 1


class _Watch:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> _Watch:
    return _Watch()


@pytest.fixture
async def keys(engine: AsyncEngine, watch: _Watch) -> _Remembered:
    """One key is stored; what changes it tells nobody unless a test listens."""
    async with transactions(engine)() as tx:
        await tx.api_keys.put(_SECRET, key_id=_KEY, name="", scopes=(), created_at=_NOW)
    return _Remembered(engine, seconds=watch)


@pytest.fixture
async def silence(engine: AsyncEngine, keys: KnownKeys) -> KnownKeys:
    """The keys, and a database that never tells of a change."""
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE api_keys DISABLE TRIGGER USER"))
    return keys


@pytest.fixture
async def told(keys: _Remembered, database_url: str) -> AsyncIterator[_Remembered]:
    """The keys, which hear of changes."""
    async with hearing(keys, database_url, pause=timedelta(seconds=0.01)):
        yield keys


async def _is_known(keys: KnownKeys) -> bool:
    return await keys.authenticate(_SECRET) is not None


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the news comes with the loop's next turns
            await asyncio.sleep(0)


async def _revoke(engine: AsyncEngine) -> None:
    async with transactions(engine)() as tx:
        await tx.api_keys.revoke(_KEY, revoked_at=_NOW)


async def test_who_does_not_hear_reads(silence: KnownKeys, engine: AsyncEngine) -> None:
    assert await _is_known(silence)
    await _revoke(engine)
    assert not await _is_known(silence)


async def test_who_hears_remembers_for_seconds_and_no_longer(
    silence: KnownKeys, engine: AsyncEngine, watch: _Watch
) -> None:
    silence.hear()
    assert await _is_known(silence)
    await _revoke(engine)
    watch.seconds = 9.9
    assert await _is_known(silence)
    watch.seconds = 10
    assert not await _is_known(silence)


async def test_unknown_secrets_are_not_remembered(keys: KnownKeys, engine: AsyncEngine) -> None:
    keys.hear()
    late = new_secret()
    assert await keys.authenticate(late) is None
    async with transactions(engine)() as tx:
        await tx.api_keys.put(late, key_id="key_2", name="", scopes=(), created_at=_NOW)
    assert await keys.authenticate(late) is not None


async def test_who_loses_the_connection_forgets(silence: KnownKeys, engine: AsyncEngine) -> None:
    silence.hear()
    assert await _is_known(silence)
    silence.lose("ConnectionResetError")
    await _revoke(engine)
    assert not await _is_known(silence)


async def test_what_changes_while_it_is_read_is_not_remembered(
    silence: KnownKeys, engine: AsyncEngine
) -> None:
    silence.hear()
    async with engine.begin() as connection:
        await connection.execute(text("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE"))
        reading = asyncio.create_task(_is_known(silence))
        await somebody_waits(transactions(engine))
        silence.hear()
    assert await reading
    await _revoke(engine)
    assert not await _is_known(silence)


async def test_a_revoked_key_is_forgotten_as_soon_as_it_is_heard_of(
    told: KnownKeys, engine: AsyncEngine
) -> None:
    await _until(lambda: told.hears)
    assert await _is_known(told)
    await _revoke(engine)
    async with asyncio.timeout(10):
        while await _is_known(told):  # noqa: ASYNC110 - the news comes with the loop's next turns
            await asyncio.sleep(0)


async def test_a_listener_that_the_server_cut_off_listens_again(
    told: _Remembered, engine: AsyncEngine
) -> None:
    cut = text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query ILIKE 'LISTEN%'"
    )
    await _until(lambda: told.hears)
    async with engine.begin() as connection:
        await connection.execute(cut)
    await _until(lambda: told.losses > 0 and told.hears)
    assert await _is_known(told)
