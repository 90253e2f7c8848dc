"""Starting refunds' workflows, one per refund.

Implements `billing.ports.reconciliation.RefundWorkflows`. Does not own what they do
(`workflows.refund`).
"""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows.messages import REFUND_WORKFLOW, RefundStart, refund_workflow_id


class TemporalRefunds:
    """Looks after workflows on one task queue.

    Raises `temporalio.service.RPCError` where Temporal is out of reach: ask again.
    """

    def __init__(self, client: Client, *, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def start(self, refund_id: str) -> bool:
        """See the port. One that ended may be started again: a refund that is done stays done."""
        try:
            await self._client.start_workflow(
                REFUND_WORKFLOW,
                RefundStart(refund_id=refund_id),
                id=refund_workflow_id(refund_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"refund {refund_id}",
            )
        except WorkflowAlreadyStartedError:
            return False
        return True
