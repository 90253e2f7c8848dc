"""Moving subscriptions' clocks by skipping their workflows' time.

Owns the use of the server's time skipping. A subscription on a test clock runs `offset` away from
its workflow's time and stops at `frozen_at`: moving it raises that limit and then skips the
workflow's time just past it, so that the very timers fire that fire in production. The limit makes
overshooting harmless: the subscription's time is the limit, exactly, until the next move.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from billing.ports.clock import ClockStanding
from workflows.messages import ClockMoved, SubscriptionReport, subscription_workflow_id

_log = structlog.get_logger(__name__)

_MARGIN: Final = timedelta(seconds=1)
_MOST_SKIPS: Final = 1_000_000
_PATIENCE_SECONDS: Final = 20
_MOST_LOOKS: Final = 100
_LOOK_AGAIN_SECONDS: Final = 0.02


class ClockBook(Protocol):
    """What storage knows of test clocks."""

    async def subscription_ids(self, test_clock_id: str) -> tuple[str, ...]:
        """Subscriptions of the clock's customers that have not ended."""
        ...

    async def arrived(self, test_clock_id: str, at: datetime) -> None:
        """The clock stands at `at` and is ready; saying it again changes nothing."""
        ...


class TemporalClockDriver:
    """Implements `billing.ports.clock.ClockDriver`."""

    def __init__(self, client: Client, book: ClockBook) -> None:
        self._client = client
        self._book = book
        self._skipper = TimeSkipper(
            client, config=TimeSkippingConfig(max_session_skip_count=_MOST_SKIPS)
        )

    async def subscription_ids(self, test_clock_id: str) -> tuple[str, ...]:
        """See the port."""
        return await self._book.subscription_ids(test_clock_id)

    async def standing(self, subscription_id: str) -> ClockStanding | None:
        """See the port."""
        report = await self._report(self._handle(subscription_id))
        if report is None:
            return None
        if report.waits_for_operator:
            # The clock goes on without it, and it catches up afterwards.
            return ClockStanding(is_idle=True, next_due_at=None)
        due = report.next_actions[0].at if report.next_actions else None
        return ClockStanding(is_idle=report.is_idle, next_due_at=due)

    async def move(self, subscription_id: str, to: datetime) -> None:
        """See the port. Raises `TimeoutError` where the server does not get there."""
        handle = self._handle(subscription_id)
        report = await self._report(handle)
        if report is None:
            return
        try:
            await handle.signal("clock_moved", ClockMoved(frozen_at=to))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return
            raise
        present = await self._skipper.get_current_time(handle) + report.state.clock.offset
        if present < to + _MARGIN:
            await self._skip(handle, to + _MARGIN - present)

    async def arrived(self, test_clock_id: str, at: datetime) -> None:
        """See the port."""
        await self._book.arrived(test_clock_id, at)

    async def _skip(self, handle: WorkflowHandle[object, object], by: timedelta) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._skipper.fast_forward(handle, by)
        except RuntimeError:
            # Another move of the same workflow took over; the caller looks where things stand.
            _log.info("clock.move_overridden", workflow_id=handle.id)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    def _handle(self, subscription_id: str) -> WorkflowHandle[object, object]:
        return self._client.get_workflow_handle(subscription_workflow_id(subscription_id))

    async def _report(self, handle: WorkflowHandle[object, object]) -> SubscriptionReport | None:
        """None where the workflow is over or was never there.

        Asked again while its run is too young to answer: it continued as new a moment ago.
        """
        for _ in range(_MOST_LOOKS):
            try:
                description = await handle.describe()
                if description.close_time is not None:
                    return None
                return await _query(handle)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return await _query(handle)


async def _query(handle: WorkflowHandle[object, object]) -> SubscriptionReport:
    report: SubscriptionReport = await handle.query("status", result_type=SubscriptionReport)
    return report
