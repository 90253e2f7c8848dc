"""What time it is for a customer.

Owns the present of a request: the machine's clock for live customers, the test clock's for the
others. The only place of the API that reads the machine's clock.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import test_clocks
from adapters.db.tables.test_clock import TestClockStatus
from billing.errors import Conflict, InvalidInput
from billing.subscription import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A moment, and the clock of a subscription that begins at it."""

    now: datetime
    clock: Clock


def machine_now() -> datetime:
    """The real present."""
    return datetime.now(UTC)


async def present_on(connection: AsyncConnection, test_clock_id: str | None) -> Present:
    """The present of a customer who lives by this test clock, or by none.

    Raises `InvalidInput` (`test_clock_not_found`), and `Conflict` (`test_clock_advancing`) while
    the clock moves: what is written then would belong to no moment.
    """
    if test_clock_id is None:
        return Present(now=machine_now(), clock=Clock())
    clock = await test_clocks.get(connection, test_clock_id)
    if clock is None:
        raise InvalidInput("test_clock_not_found", f"no test clock {test_clock_id}")
    return present_by(clock)


def present_by(clock: test_clocks.TestClock) -> Present:
    """The present on a test clock.

    Raises `InvalidInput` (`test_clock_not_found`) where the clock is deleted, and `Conflict`
    (`test_clock_advancing`).
    """
    machine = machine_now()
    if clock.status is TestClockStatus.DELETED:
        raise InvalidInput("test_clock_not_found", f"no test clock {clock.id}")
    if clock.status is not TestClockStatus.READY:
        raise Conflict("test_clock_advancing", "wait until the customer's test clock is ready")
    return Present(
        now=clock.frozen_at,
        clock=Clock(offset=clock.frozen_at - machine, frozen_at=clock.frozen_at),
    )
