"""Test clocks, written: one move at a time."""

from datetime import datetime
from enum import StrEnum
from typing import assert_never

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.test_clocks import TestClock, as_test_clock
from adapters.db.tables.customer import customers
from adapters.db.tables.test_clock import TestClockStatus, test_clocks
from billing.errors import Conflict, InvalidInput, NotFound


class _Lock(StrEnum):
    """What others must not do with a clock meanwhile; referring to it is always free."""

    STANDING = "standing"
    """Neither move nor delete it."""
    ALONE = "alone"
    """Nor keep it standing themselves."""


class SqlTestClocks:
    """Makes, moves and deletes clocks."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self, *, test_clock_id: str, name: str | None, frozen_at: datetime, created_at: datetime
    ) -> TestClock:
        """A clock that stands at `frozen_at`; the same id again is the clock made first."""
        await self._connection.execute(
            insert(test_clocks)
            .values(
                id=test_clock_id,
                name=name,
                frozen_at=frozen_at,
                status=TestClockStatus.READY,
                created_at=created_at,
            )
            .on_conflict_do_nothing()
        )
        return await self._get(test_clock_id)

    async def begin_advance(self, test_clock_id: str, *, to: datetime) -> TestClock:
        """Ready to advancing, for one caller; the others are refused.

        Raises `NotFound` (`test_clock_not_found`), `Conflict` (`test_clock_advancing`) and
        `InvalidInput` (`test_clock_goes_forward`).
        """
        advanced = await self._connection.execute(
            update(test_clocks)
            .where(
                test_clocks.c.id == test_clock_id,
                test_clocks.c.status == TestClockStatus.READY,
                test_clocks.c.frozen_at < to,
            )
            .values(status=TestClockStatus.ADVANCING, target_at=to)
            .returning(*test_clocks.c)
        )
        row = advanced.one_or_none()
        if row is not None:
            return as_test_clock(row)
        clock = await self._get(test_clock_id)
        if clock.status is TestClockStatus.ADVANCING:
            raise Conflict("test_clock_advancing", "the test clock is being moved already")
        raise InvalidInput(
            "test_clock_goes_forward", f"the test clock stands at {clock.frozen_at.isoformat()}"
        )

    async def hold(self, test_clock_id: str, *, at: datetime) -> None:
        """Keeps a ready clock where it is until the transaction ends, for any number at once.

        Raises `NotFound` (`test_clock_not_found`) and `Conflict` (`test_clock_advancing`) where it
        does not stand at `at`, or not any more.
        """
        clock = await self._get(test_clock_id, lock=_Lock.STANDING)
        if clock.status is not TestClockStatus.READY or clock.frozen_at != at:
            raise Conflict("test_clock_advancing", "the test clock moved meanwhile: try again")

    async def claim_for_deletion(self, test_clock_id: str) -> TestClock:
        """The clock, which nobody holds, moves or deletes until the transaction ends.

        Raises `NotFound` (`test_clock_not_found`) and `Conflict` (`test_clock_advancing`).
        """
        clock = await self._get(test_clock_id, lock=_Lock.ALONE)
        if clock.status is TestClockStatus.ADVANCING:
            raise Conflict("test_clock_advancing", "wait until the test clock is ready")
        return clock

    async def finish_advance(self, test_clock_id: str, *, at: datetime) -> bool:
        """Advancing to `at`, to ready; False where the clock is not on its way there."""
        finished = await self._connection.execute(
            update(test_clocks)
            .where(
                test_clocks.c.id == test_clock_id,
                test_clocks.c.status == TestClockStatus.ADVANCING,
                test_clocks.c.target_at == at,
            )
            .values(status=TestClockStatus.READY, frozen_at=at, target_at=None)
        )
        return finished.rowcount > 0

    async def delete(self, test_clock_id: str, *, deleted_at: datetime) -> None:
        """The clock and its customers are gone for every reader; their documents stay.

        Raises `NotFound` (`test_clock_not_found`), also for one that is deleted already.
        """
        deleted = await self._connection.execute(
            update(test_clocks)
            .where(test_clocks.c.id == test_clock_id, test_clocks.c.deleted_at.is_(None))
            .values(status=TestClockStatus.DELETED, target_at=None, deleted_at=deleted_at)
        )
        if deleted.rowcount == 0:
            raise unknown_test_clock(test_clock_id)
        await self._connection.execute(
            update(customers)
            .where(customers.c.test_clock_id == test_clock_id, customers.c.deleted_at.is_(None))
            .values(deleted_at=deleted_at)
        )

    async def _get(self, test_clock_id: str, *, lock: _Lock | None = None) -> TestClock:
        query = select(test_clocks).where(
            test_clocks.c.id == test_clock_id, test_clocks.c.deleted_at.is_(None)
        )
        match lock:
            case None:
                pass
            case _Lock.STANDING:
                query = query.with_for_update(read=True)
            case _Lock.ALONE:
                query = query.with_for_update(key_share=True)
            case _:
                assert_never(lock)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise unknown_test_clock(test_clock_id)
        return as_test_clock(row)


def unknown_test_clock(test_clock_id: str) -> NotFound:
    """What asking for a clock that does not exist is answered with."""
    return NotFound("test_clock_not_found", f"no test clock {test_clock_id!r}")
