"""Idempotent requests: one execution, one answer, for ever."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.repositories import idempotency
from adapters.db.repositories.idempotency import Begun, Mismatch, New, Replay, Running
from adapters.db.tables.idempotency import idempotency_requests
from tests.adapters.db.company import START

_ANSWER = Replay(status=201, headers={"content-type": "application/json"}, body=b'{"id": "x"}')


@pytest.fixture(autouse=True)
async def keys(transaction: Transactions) -> None:
    async with transaction() as tx:
        for number in (1, 2):
            await tx.api_keys.put(
                f"pk_{number}", key_id=f"key_{number}", name="", scopes=(), created_at=START
            )


async def _begin(
    engine: AsyncEngine,
    *,
    api_key_id: str = "key_1",
    request_hash: str = "a",
    takeover_after: timedelta = idempotency.TAKEOVER_AFTER,
) -> Begun:
    return await idempotency.begin(
        engine,
        api_key_id=api_key_id,
        key="order-1",
        request_hash=request_hash,
        takeover_after=takeover_after,
    )


async def _finish(engine: AsyncEngine, lease: datetime, answer: Replay = _ANSWER) -> bool:
    return await idempotency.finish(
        engine,
        api_key_id="key_1",
        key="order-1",
        lease=lease,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
    )


async def test_the_first_answer_is_replayed_for_ever(engine: AsyncEngine) -> None:
    begun = await _begin(engine)
    assert isinstance(begun, New)
    assert await _begin(engine) == Running()
    assert await _begin(engine, request_hash="b") == Mismatch()
    assert await _finish(engine, begun.lease)
    for _ in range(2):
        assert await _begin(engine, takeover_after=timedelta(0)) == _ANSWER
    assert await _begin(engine, request_hash="b") == Mismatch()


async def test_a_key_belongs_to_one_caller(engine: AsyncEngine) -> None:
    assert isinstance(await _begin(engine), New)
    assert isinstance(await _begin(engine, api_key_id="key_2", request_hash="b"), New)


async def test_of_requests_at_once_one_is_executed(engine: AsyncEngine) -> None:
    answers = await asyncio.gather(*(_begin(engine) for _ in range(50)))
    assert sum(isinstance(answer, New) for answer in answers) == 1
    assert sum(answer == Running() for answer in answers) == 49


async def test_a_request_of_a_dead_process_is_taken_over_by_one(engine: AsyncEngine) -> None:
    dead = await _begin(engine)
    assert isinstance(dead, New)
    mismatch = await _begin(engine, request_hash="b", takeover_after=timedelta(0))
    assert mismatch == Mismatch()
    heir = await _begin(engine, takeover_after=timedelta(0))
    assert isinstance(heir, New)
    assert heir.lease > dead.lease
    assert await _begin(engine) == Running()
    late = Replay(status=500, headers={}, body=b"")
    assert not await _finish(engine, dead.lease, late)
    assert not await idempotency.release(
        engine, api_key_id="key_1", key="order-1", lease=dead.lease
    )
    assert await _finish(engine, heir.lease)
    assert not await _finish(engine, dead.lease, late)
    assert await _begin(engine) == _ANSWER


async def test_a_request_without_an_answer_may_be_tried_again(engine: AsyncEngine) -> None:
    begun = await _begin(engine)
    assert isinstance(begun, New)
    assert await idempotency.release(engine, api_key_id="key_1", key="order-1", lease=begun.lease)
    again = await _begin(engine, request_hash="b")
    assert isinstance(again, New)
    assert await _finish(engine, again.lease)
    assert not await idempotency.release(
        engine, api_key_id="key_1", key="order-1", lease=again.lease
    )
    async with engine.connect() as connection:
        [row] = await connection.execute(select(idempotency_requests))
    assert (row.state, row.response_status) == ("done", 201)
