"""Starting and steering migrations' workflows, with bounded patience.

Owns how Temporal's answers and silences become errors with codes. Does not own what is asked
(`workflows.messages`).
"""

import asyncio
from datetime import timedelta
from typing import Self

import structlog
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from adapters.temporal.migration_workflows import TemporalMigrations
from api.dependencies import Dependencies
from api.problems import Unavailable
from api.workflow_calls import NotRunning, bounded
from billing.errors import Conflict
from billing.migration_account import RecordedMigration
from workflows.messages import (
    MIGRATION_UPDATES,
    AnyMigrationCommand,
    MigrationReport,
    migration_workflow_id,
)

log = structlog.get_logger(__name__)


class MigrationWorkflows:
    """Of one task queue."""

    def __init__(self, client: Client, *, task_queue: str, patience: timedelta) -> None:
        self._client = client
        self._task_queue = task_queue
        self._patience = patience

    @classmethod
    def of(cls, deps: Dependencies) -> Self:
        """Those that the application was created for."""
        return cls(deps.temporal, task_queue=deps.task_queue, patience=deps.caller_patience)

    async def start(self, migration: RecordedMigration) -> None:
        """What is recorded is carried out: now, or by the hourly reconciliation."""
        workflows = TemporalMigrations(self._client, task_queue=self._task_queue)
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await workflows.start(migration)
        except (TimeoutError, RPCError) as error:
            log.warning(
                "migration.start_postponed",
                migration_id=migration.migration_id,
                error=type(error).__name__,
            )

    async def command(
        self, migration: RecordedMigration, command: AnyMigrationCommand
    ) -> MigrationReport:
        """Has the command applied.

        Raises `Conflict` (`migration_finished`) and `Unavailable` (`temporarily_unavailable`).
        """
        handle: WorkflowHandle[object, object] = self._client.get_workflow_handle(
            migration_workflow_id(migration.migration_id)
        )
        try:
            async with bounded(self._patience):
                report: MigrationReport = await handle.execute_update(
                    MIGRATION_UPDATES[type(command)],
                    command,
                    id=command.command_id,
                    result_type=MigrationReport,
                )
        except NotRunning:
            if migration.finished_at is not None:
                raise Conflict(
                    "migration_finished", f"the migration is {migration.phase}"
                ) from None
            raise Unavailable(
                "temporarily_unavailable",
                "its workflow does not run; the hourly reconciliation starts it again",
            ) from None
        return report
