"""Idempotent requests: the first answer to a key is the only one (policy P32).

Each step is a transaction of its own, so that others see at once that a request runs. Records are
kept for ever. Does not own what makes two requests the same: callers hand over a hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.tables.idempotency import RequestState
from adapters.db.tables.idempotency import idempotency_requests as requests

TAKEOVER_AFTER: Final = timedelta(seconds=60)
"""How long a request is believed to run; afterwards its process is taken for dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """The request is the caller's to execute; `lease` proves it when it is finished."""

    lease: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The request was answered before."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Running:
    """The first request has not been answered yet."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key was used for a request with other content."""


Begun = New | Replay | Running | Mismatch


async def begin(
    engine: AsyncEngine,
    *,
    api_key_id: str,
    key: str,
    request_hash: str,
    takeover_after: timedelta = TAKEOVER_AFTER,
) -> Begun:
    """Whether to execute the request. Of several at once, one is told to."""
    wanted = insert(requests).values(
        api_key_id=api_key_id,
        key=key,
        request_hash=request_hash,
        state=RequestState.RUNNING,
        locked_at=func.clock_timestamp(),
    )
    async with engine.begin() as connection:
        while True:
            taken = await connection.execute(
                wanted.on_conflict_do_update(
                    index_elements=[requests.c.api_key_id, requests.c.key],
                    set_={"locked_at": wanted.excluded.locked_at},
                    where=(requests.c.state == RequestState.RUNNING)
                    & (requests.c.request_hash == wanted.excluded.request_hash)
                    & (requests.c.locked_at <= func.clock_timestamp() - takeover_after),
                ).returning(requests.c.locked_at)
            )
            lease = taken.scalar_one_or_none()
            if lease is not None:
                return New(lease=lease)
            found = await connection.execute(
                select(requests).where(requests.c.api_key_id == api_key_id, requests.c.key == key)
            )
            row = found.one_or_none()
            if row is None:  # released between the two statements
                continue
            if row.request_hash != request_hash:
                return Mismatch()
            if row.state == RequestState.RUNNING:
                return Running()
            return Replay(
                status=row.response_status, headers=row.response_headers, body=row.response_body
            )


async def finish(
    engine: AsyncEngine,
    *,
    api_key_id: str,
    key: str,
    lease: datetime,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> bool:
    """Keeps the answer; False where another took the request over, whose answer counts."""
    async with engine.begin() as connection:
        finished = await connection.execute(
            update(requests)
            .where(
                requests.c.api_key_id == api_key_id,
                requests.c.key == key,
                requests.c.state == RequestState.RUNNING,
                requests.c.locked_at == lease,
            )
            .values(
                state=RequestState.DONE,
                response_status=status,
                response_headers=dict(headers),
                response_body=body,
            )
        )
        return finished.rowcount > 0


async def release(engine: AsyncEngine, *, api_key_id: str, key: str, lease: datetime) -> bool:
    """Forgets a request that got no answer, so that it may be tried again under the same key."""
    async with engine.begin() as connection:
        released = await connection.execute(
            delete(requests).where(
                requests.c.api_key_id == api_key_id,
                requests.c.key == key,
                requests.c.state == RequestState.RUNNING,
                requests.c.locked_at == lease,
            )
        )
        return released.rowcount > 0
