"""Telling subscriptions' workflows of another price, many at once but not too many.

Implements `billing.ports.migration.SubscriptionTelling` by updates. Each is once by its command id;
the update's id has the subscription's version beside it, because one that was refused for another
version is answered the same for ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

import structlog
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from billing.migration import SkipReason
from billing.ports.migration import Announcement, Answer, Told, Withdrawal
from workflows.messages import (
    UPDATES,
    CommandReceipt,
    PlanMigration,
    UndoMigration,
    subscription_workflow_id,
)

_AT_ONCE: Final = 16
"""Each takes about 5 ms of the server's time, and checkouts come first."""
_PATIENCE: Final = timedelta(seconds=20)
_SETTLED: Final = frozenset({"already_migrated", "no_planned_migration"})
_ENDED: Final = "subscription_ended"

AskedT = TypeVar("AskedT")

log = structlog.get_logger(__name__)


class TemporalTelling:
    """Asks workflows.

    Raises `temporalio.service.RPCError` where Temporal is out of reach: tell them again.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def announce(self, announcements: Sequence[Announcement]) -> tuple[Told, ...]:
        """See the port."""
        return await _bounded(self._announce, announcements)

    async def withdraw(self, withdrawals: Sequence[Withdrawal]) -> tuple[Told, ...]:
        """See the port."""
        return await _bounded(self._withdraw, withdrawals)

    async def _announce(self, announcement: Announcement) -> Told:
        command = PlanMigration(
            command_id=announcement.command_id,
            actor=announcement.actor,
            reason=announcement.reason,
            expected_version=announcement.version,
            migration_id=announcement.migration_id,
            target=announcement.target,
            migrates_at=announcement.migrates_at,
            notice_days=announcement.notice_days,
        )
        update_id = f"{announcement.command_id}:{announcement.version}"
        return await self._told(announcement.subscription_id, command, update_id=update_id)

    async def _withdraw(self, withdrawal: Withdrawal) -> Told:
        command = UndoMigration(
            command_id=withdrawal.command_id,
            actor=withdrawal.actor,
            reason=withdrawal.reason,
            migration_id=withdrawal.migration_id,
        )
        return await self._told(
            withdrawal.subscription_id, command, update_id=withdrawal.command_id
        )

    async def _told(
        self, subscription_id: str, command: PlanMigration | UndoMigration, *, update_id: str
    ) -> Told:
        handle = self._client.get_workflow_handle(subscription_workflow_id(subscription_id))
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                await handle.execute_update(
                    UPDATES[type(command)], command, id=update_id, result_type=CommandReceipt
                )
        except WorkflowUpdateFailedError as refused:
            return _refused(subscription_id, refused)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            log.warning("migration.unanswered", subscription_id=subscription_id)
            return Told(subscription_id=subscription_id, answer=Answer.ASK_AGAIN)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            log.warning("migration.not_running", subscription_id=subscription_id)
            return Told(subscription_id=subscription_id, answer=Answer.ASK_AGAIN)
        return Told(subscription_id=subscription_id, answer=Answer.TAKEN)


def _refused(subscription_id: str, refused: WorkflowUpdateFailedError) -> Told:
    code = refused.cause.type if isinstance(refused.cause, ApplicationError) else None
    if code == _ENDED:
        code = SkipReason.ENDED
    if code in set(SkipReason):
        reason = SkipReason(code)
        return Told(subscription_id=subscription_id, answer=Answer.REFUSED, reason=reason)
    answer = Answer.REFUSED if code in _SETTLED else Answer.ASK_AGAIN
    return Told(subscription_id=subscription_id, answer=answer)


async def _bounded(
    ask: Callable[[AskedT], Awaitable[Told]], asked: Sequence[AskedT]
) -> tuple[Told, ...]:
    """All of them, a few at a time; one that fails fails all, and they are asked again."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(each: AskedT) -> Told:
        async with places:
            return await ask(each)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(in_turn(each)) for each in asked]
    return tuple(task.result() for task in tasks)
