"""The reconciliation that a Temporal Schedule runs every hour."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.reconciliation import Reconciliation, ReconciliationReport
    from workflows import timeouts
    from workflows.messages import RECONCILIATION_WORKFLOW


@workflow.defn(name=RECONCILIATION_WORKFLOW)
class ReconciliationWorkflow:
    """One comparison of what is recorded with what runs."""

    @workflow.run
    async def run(self) -> ReconciliationReport:
        """Returns what was found of subscriptions; refunds are named in the history."""
        if workflow.patched("refunds"):
            await workflow.execute_activity_method(
                Reconciliation.start_missing_refunds,
                summary="start refunds without a workflow",
                **timeouts.RECONCILIATION,
            )
        if workflow.patched("migrations"):
            await workflow.execute_activity_method(
                Reconciliation.start_missing_migrations,
                summary="start price migrations without a workflow",
                **timeouts.RECONCILIATION,
            )
        if workflow.patched("grants"):
            await workflow.execute_activity_method(
                Reconciliation.end_expired_grants,
                summary="tell of grants that ran out",
                **timeouts.RECONCILIATION,
            )
        if workflow.patched("addons"):
            await workflow.execute_activity_method(
                Reconciliation.end_orphaned_addons,
                summary="end add-ons whose parent has ended",
                **timeouts.RECONCILIATION,
            )
        if workflow.patched("payments"):
            await workflow.execute_activity_method(
                Reconciliation.look_at_waiting_payments,
                summary="look at payments whose news is overdue",
                **timeouts.RECONCILIATION,
            )
        return await workflow.execute_activity_method(
            Reconciliation.restart_missing_subscriptions,
            summary="restart subscriptions without a workflow",
            **timeouts.RECONCILIATION,
        )
