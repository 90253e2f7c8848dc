"""Moving a test clock: everything that falls due on the way happens, in order.

Owns the stepping. Does not own how a subscription's time is moved (`adapters/temporal`).
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from temporalio import activity

from billing.ports.clock import ClockDriver, ClockStanding
from billing.value import Instant, Value

_LOOK_AGAIN_SECONDS = 0.02


class MoveTestClock(Value):
    """Move every subscription on the clock to `target_at`."""

    test_clock_id: str
    target_at: Instant


class TestClocks:
    """Activities of test clocks; sandbox mode only."""

    __test__ = False
    """Not a test class, whatever its name looks like to a test collector."""

    def __init__(self, *, driver: ClockDriver) -> None:
        self._driver = driver

    @activity.defn
    async def move_test_clock(self, request: MoveTestClock) -> None:
        """Steps from due time to due time; started again, it goes on from where things stand."""
        async for subscription_id, due_at in self._due_until(request):
            await self._driver.move(subscription_id, due_at)
        for subscription_id in await self._driver.subscription_ids(request.test_clock_id):
            await self._driver.move(subscription_id, request.target_at)
        await self._settled(request.test_clock_id)
        await self._driver.arrived(request.test_clock_id, request.target_at)

    async def _due_until(self, request: MoveTestClock) -> AsyncIterator[tuple[str, datetime]]:
        while True:
            standings = await self._settled(request.test_clock_id)
            due = [
                (standing.next_due_at, subscription_id)
                for subscription_id, standing in standings.items()
                if standing.next_due_at is not None and standing.next_due_at <= request.target_at
            ]
            if not due:
                return
            due_at, subscription_id = min(due)
            yield subscription_id, due_at

    async def _settled(self, test_clock_id: str) -> dict[str, ClockStanding]:
        """Where every subscription stands once nothing is under way."""
        while True:
            activity.heartbeat()
            standings: dict[str, ClockStanding] = {}
            for subscription_id in await self._driver.subscription_ids(test_clock_id):
                standing = await self._driver.standing(subscription_id)
                if standing is not None:
                    standings[subscription_id] = standing
            if all(standing.is_idle for standing in standings.values()):
                return standings
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
