"""The inbox: every stored event is processed, however it comes and whatever the others do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import create_engine, transactions
from adapters.db.repositories.webhooks import SqlWebhooks
from adapters.db.tables.webhook import webhook_inbox
from adapters.stripe.client import API_VERSION
from worker.gateway_events import Handling
from worker.inbox import Inbox, backoff

_NEVER = timedelta(hours=1)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


async def _store(engine: AsyncEngine, *event_ids: str, object_id: str | None = "pi_1") -> None:
    async with transactions(engine)() as tx:
        for event_id in event_ids:
            await SqlWebhooks(tx.connection).store(
                event_id,
                event_type="payment_intent.succeeded",
                api_version=API_VERSION,
                payload={"id": event_id, "data": {"object": {"id": object_id}}},
            )


async def _row(engine: AsyncEngine, event_id: str) -> Row[Any]:
    async with engine.connect() as connection:
        found = await connection.execute(
            select(webhook_inbox).where(webhook_inbox.c.event_id == event_id)
        )
        return found.one()


class _Ledger:
    """Remembers what was applied; fails for the objects it is told to."""

    def __init__(self, *, failing: str = "") -> None:
        self.applied: list[str | None] = []
        self.failing = failing

    async def apply(self, event_type: str, object_id: str | None) -> Handling:
        assert event_type == "payment_intent.succeeded"
        if object_id == self.failing:
            raise ValueError("this one is poison\ud800\x00")
        self.applied.append(object_id)
        return Handling.APPLIED


def _inbox(
    engine: AsyncEngine,
    database_url: str,
    apply: Callable[[str, str | None], Awaitable[Handling]],
    *,
    poll_interval: timedelta = _NEVER,
) -> Inbox:
    return Inbox(engine=engine, database_url=database_url, apply=apply, poll_interval=poll_interval)


@asynccontextmanager
async def _running(inbox: Inbox) -> AsyncIterator[None]:
    task = asyncio.create_task(inbox.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - what is watched is in the database
            await asyncio.sleep(0.02)


async def test_an_event_is_processed_once(engine: AsyncEngine, database_url: str) -> None:
    ledger = _Ledger()
    inbox = _inbox(engine, database_url, ledger.apply)
    await _store(engine, "evt_1")
    assert [await inbox.process_due(), await inbox.process_due()] == [1, 0]
    assert ledger.applied == ["pi_1"]
    assert (await _row(engine, "evt_1")).processed_at is not None


async def test_an_object_without_an_id_is_none_of_the_inbox_s_business(
    engine: AsyncEngine, database_url: str
) -> None:
    ledger = _Ledger()
    await _store(engine, "evt_1", object_id=None)
    await _inbox(engine, database_url, ledger.apply).process_due()
    assert ledger.applied == [None]


async def test_a_poisoned_event_holds_up_no_other_and_is_kept_with_its_error(
    engine: AsyncEngine, database_url: str
) -> None:
    ledger = _Ledger(failing="pi_poison")
    inbox = _inbox(engine, database_url, ledger.apply)
    await _store(engine, "evt_0", object_id="pi_poison")
    await _store(engine, "evt_1", "evt_2")
    await inbox.process_due()
    assert ledger.applied == ["pi_1", "pi_1"]
    poisoned = await _row(engine, "evt_0")
    assert (poisoned.processed_at, poisoned.attempts) == (None, 1)
    assert poisoned.last_error == "ValueError: this one is poison?"
    assert poisoned.next_attempt_at > poisoned.received_at
    assert await inbox.process_due() == 0


async def test_what_failed_is_processed_once_it_can_be(
    engine: AsyncEngine, database_url: str
) -> None:
    ledger = _Ledger(failing="pi_1")
    inbox = _inbox(engine, database_url, ledger.apply)
    await _store(engine, "evt_1")
    await inbox.process_due()
    ledger.failing = ""
    await _make_due(engine)
    await inbox.process_due()
    assert ledger.applied == ["pi_1"]
    assert (await _row(engine, "evt_1")).processed_at is not None


async def _make_due(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE webhook_inbox SET next_attempt_at = now()"))


async def test_what_a_killed_worker_held_comes_back(engine: AsyncEngine, database_url: str) -> None:
    reached = asyncio.Event()

    async def hang(_type: str, _object_id: str | None) -> Handling:
        reached.set()
        await asyncio.Event().wait()
        return Handling.APPLIED

    await _store(engine, "evt_1")
    async with _running(_inbox(engine, database_url, hang)):
        await reached.wait()
    ledger = _Ledger()
    survivor = _inbox(engine, database_url, ledger.apply)
    assert await survivor.process_due() == 0, "it is left alone while it might be processed"
    await _make_due(engine)
    await survivor.process_due()
    assert ledger.applied == ["pi_1"]


async def test_two_workers_share_the_events(engine: AsyncEngine, database_url: str) -> None:
    ledger = _Ledger()
    await _store(engine, *(f"evt_{number}" for number in range(50)))
    workers = [_inbox(engine, database_url, ledger.apply) for _ in range(2)]
    while sum(await asyncio.gather(*(worker.process_due() for worker in workers))):
        pass
    assert len(ledger.applied) == 50


async def test_a_stored_event_wakes_the_inbox_at_once(
    engine: AsyncEngine, database_url: str
) -> None:
    ledger = _Ledger()
    async with _running(_inbox(engine, database_url, ledger.apply, poll_interval=_NEVER)):
        await _store(engine, "evt_1")
        await _until(lambda: _is(bool(ledger.applied)))
        await _store(engine, "evt_2")
        await _until(lambda: _is(len(ledger.applied) == 2))


async def test_without_a_notification_the_inbox_looks_by_itself(
    engine: AsyncEngine, database_url: str
) -> None:
    ledger = _Ledger()
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE webhook_inbox DISABLE TRIGGER USER"))
    brief = timedelta(seconds=0.1)
    async with _running(_inbox(engine, database_url, ledger.apply, poll_interval=brief)):
        await _until(lambda: _listens(engine))
        await _store(engine, "evt_1")
        await _until(lambda: _is(bool(ledger.applied)))


async def test_the_inbox_outlives_its_connections(engine: AsyncEngine, database_url: str) -> None:
    ledger = _Ledger()
    brief = timedelta(seconds=0.1)
    pool = create_engine(database_url)
    async with _running(_inbox(pool, database_url, ledger.apply, poll_interval=brief)):
        await _until(lambda: _listens(engine))
        async with engine.connect() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        await engine.dispose()
        await _store(engine, "evt_1")
        await _until(lambda: _is(bool(ledger.applied)))
        await _until(lambda: _listens(engine))
    await pool.dispose()


async def _listens(engine: AsyncEngine) -> bool:
    async with engine.connect() as connection:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query ILIKE 'LISTEN%'"
        )
        return bool((await connection.execute(text(query))).scalar_one())


async def _is(value: bool) -> bool:  # noqa: FBT001 - a condition that is known already
    return value


def test_waiting_doubles_up_to_an_hour() -> None:
    waits = [backoff(attempts).total_seconds() for attempts in (0, 1, 2, 3, 10, 12, 13, 1000)]
    assert waits == [1, 1, 2, 4, 512, 2048, 3600, 3600]
