"""Starting migrations' workflows, one per migration.

Implements `billing.ports.reconciliation.MigrationWorkflows`. Does not own what they do
(`workflows.catalog_migration`).
"""

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from billing.migration_account import RecordedMigration
from workflows.messages import (
    CATALOG_MIGRATION_WORKFLOW,
    MigrationStart,
    migration_workflow_id,
)
from workflows.migration_page import migration_name
from workflows.search_attributes import NEEDS_OPERATOR, PLAN
from workflows.wording import summary


class TemporalMigrations:
    """Looks after workflows on one task queue.

    Raises `temporalio.service.RPCError` where Temporal is out of reach: ask again.
    """

    def __init__(self, client: Client, *, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def start(self, migration: RecordedMigration) -> bool:
        """See the port. One that was lost goes on from what is recorded: nobody is told twice."""
        name = summary(migration_name(migration.plan))
        try:
            await self._client.start_workflow(
                CATALOG_MIGRATION_WORKFLOW,
                MigrationStart(
                    plan=migration.plan,
                    migrates=migration.rehearsal.migrates,
                    phase=migration.phase,
                ),
                id=migration_workflow_id(migration.migration_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(PLAN, migration.plan.target.price_id),
                        SearchAttributePair(NEEDS_OPERATOR, False),
                    ]
                ),
                static_summary=name,
                memo={"name": name},
            )
        except WorkflowAlreadyStartedError:
            return False
        return True
