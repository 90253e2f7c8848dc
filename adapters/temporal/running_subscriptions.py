"""Which subscriptions' workflows run, and starting those that are missing.

Implements `billing.ports.reconciliation.RunningSubscriptions`; owns the hourly schedule as well.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    WorkflowExecutionStatus,
)
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from billing.subscription import Clock, SubscriptionState
from workflows.messages import (
    RECONCILIATION_WORKFLOW,
    RENEWAL_PRIORITY,
    SUBSCRIPTION_WORKFLOW,
    SubscriptionStart,
    subscription_workflow_id,
)
from workflows.search_attributes import search_attributes

RECONCILIATION_SCHEDULE: Final = "reconciliation"
_EVERY: Final = timedelta(hours=1)


class TemporalSubscriptions:
    """Looks after workflows on one task queue."""

    def __init__(self, client: Client, *, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def is_running(self, subscription_id: str) -> bool:
        """See the port."""
        handle = self._client.get_workflow_handle(subscription_workflow_id(subscription_id))
        try:
            description = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return description.status is WorkflowExecutionStatus.RUNNING

    async def restart(self, state: SubscriptionState) -> bool:
        """See the port. A test clock goes on from where it stood: skipped time is forgotten."""
        if state.clock.frozen_at is not None:
            offset = state.clock.frozen_at - datetime.now(UTC)
            clock = Clock(offset=offset, frozen_at=state.clock.frozen_at)
            state = state.model_copy(update={"clock": clock})
        try:
            await self._client.start_workflow(
                SUBSCRIPTION_WORKFLOW,
                SubscriptionStart.of(state),
                id=subscription_workflow_id(state.subscription_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=search_attributes(state),
                priority=Priority(
                    priority_key=RENEWAL_PRIORITY, fairness_key=state.customer_id[:64]
                ),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True


async def ensure_reconciliation_schedule(client: Client, *, task_queue: str) -> None:
    """Makes sure that reconciliation runs every hour, one at a time; once per namespace."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            RECONCILIATION_WORKFLOW, id=RECONCILIATION_SCHEDULE, task_queue=task_queue
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(RECONCILIATION_SCHEDULE, schedule)
    except ScheduleAlreadyRunningError:
        return
