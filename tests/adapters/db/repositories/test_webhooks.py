"""The inbox: each event stored once, handed to one, and again until it is processed."""

import asyncio
from datetime import timedelta

import asyncpg
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.repositories.webhooks import CHANNEL, ClaimedWebhook, SqlWebhooks
from adapters.db.tables.webhook import webhook_inbox

_MINUTE = timedelta(minutes=1)
_NOW = timedelta(0)


async def _store(transaction: Transactions, *event_ids: str) -> list[bool]:
    async with transaction() as tx:
        return [
            await SqlWebhooks(tx.connection).store(
                event_id,
                event_type="payment_intent.succeeded",
                api_version="2026-10-28",
                payload={"data": {"object": {"id": f"pi_{event_id}"}}},
            )
            for event_id in event_ids
        ]


async def _claim(
    transaction: Transactions, *, limit: int = 100, lease: timedelta = _MINUTE
) -> tuple[ClaimedWebhook, ...]:
    async with transaction() as tx:
        return await SqlWebhooks(tx.connection).claim(limit=limit, lease=lease)


async def test_an_event_is_stored_once(transaction: Transactions) -> None:
    assert await _store(transaction, "a", "b", "a") == [True, True, False]
    assert await _store(transaction, "b", "c") == [False, True]
    claimed = await _claim(transaction)
    assert [(event.id, event.object_id, event.attempts) for event in claimed] == [
        ("a", "pi_a", 1),
        ("b", "pi_b", 1),
        ("c", "pi_c", 1),
    ]
    assert claimed[0].type == "payment_intent.succeeded"


async def test_an_event_about_nothing_is_handed_out_too(transaction: Transactions) -> None:
    async with transaction() as tx:
        await SqlWebhooks(tx.connection).store(
            "a", event_type="ping", api_version=None, payload={"data": []}
        )
    [event] = await _claim(transaction)
    assert event.object_id is None


async def test_an_event_is_handed_to_one_of_many(transaction: Transactions) -> None:
    stored = {f"evt_{number:02}" for number in range(40)}
    await _store(transaction, *stored)
    batches = await asyncio.gather(*(_claim(transaction, limit=7) for _ in range(8)))
    claimed = [event.id for batch in batches for event in batch]
    assert len(claimed) == len(set(claimed))
    rest = [event.id for event in await _claim(transaction)]
    assert sorted([*claimed, *rest]) == sorted(stored)


async def test_who_is_claiming_keeps_nobody_waiting(transaction: Transactions) -> None:
    await _store(transaction, "a", "b")
    async with transaction() as slow:
        [first] = await SqlWebhooks(slow.connection).claim(limit=1, lease=_MINUTE)
        async with asyncio.timeout(5):
            [second] = await _claim(transaction)
    assert {first.id, second.id} == {"a", "b"}


async def test_an_event_comes_back_until_it_is_processed(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _store(transaction, "a")
    for attempt in (1, 2):
        [event] = await _claim(transaction, lease=_NOW)
        assert event.attempts == attempt
    async with transaction() as tx:
        await SqlWebhooks(tx.connection).mark_failed(
            "a", error="Timeout: \0 slow", retry_in=_MINUTE
        )
    assert await _claim(transaction) == ()
    async with transaction() as tx:
        await SqlWebhooks(tx.connection).mark_failed("a", error="Timeout: \0 slow", retry_in=_NOW)
    async with engine.connect() as connection:
        assert await connection.scalar(select(webhook_inbox.c.last_error)) == "Timeout:  slow"
    assert len(await _claim(transaction, lease=_NOW)) == 1
    async with transaction() as tx:
        await SqlWebhooks(tx.connection).mark_processed(["a"])
        await SqlWebhooks(tx.connection).mark_failed("a", error="too late", retry_in=_NOW)
    assert await _claim(transaction) == ()
    async with engine.connect() as connection:
        [row] = await connection.execute(select(webhook_inbox))
    assert row.processed_at is not None
    assert row.last_error is None


async def test_storing_an_event_wakes_whoever_listens(
    transaction: Transactions, database_url: str
) -> None:
    bell = asyncio.Event()
    listener = await asyncpg.connect(database_url)
    try:
        await listener.add_listener(CHANNEL, lambda *_: bell.set())
        await _store(transaction, "a")
        async with asyncio.timeout(10):
            await bell.wait()
    finally:
        await listener.close()


async def test_claims_use_the_index_of_what_is_due(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SET enable_seqscan = off"))
        plan = await connection.scalars(
            text(
                "EXPLAIN SELECT event_id FROM webhook_inbox WHERE processed_at IS NULL"
                " AND next_attempt_at <= clock_timestamp() ORDER BY next_attempt_at LIMIT 5"
            )
        )
        assert "webhook_inbox_due_idx" in "\n".join(plan)
