"""Whatever an operator does to a workflow, its subscription lives on (policy P34)."""

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import ActivityEnvironment

from activities.reconciliation import Reconciliation, ReconciliationReport
from adapters.db.engine import unit_of_work
from adapters.db.recorded_subscriptions import SqlRecordedSubscriptions
from adapters.temporal.migration_workflows import TemporalMigrations
from adapters.temporal.refund_workflows import TemporalRefunds
from adapters.temporal.running_subscriptions import TemporalSubscriptions
from adapters.temporal.subscription_signals import SubscriptionSignals
from tests.workflows.company import Company, Subscription, at
from workflows.messages import CancelMode


async def reconcile(company: Company) -> ReconciliationReport:
    """The hourly comparison, now."""
    reconciliation = Reconciliation(
        recorded=SqlRecordedSubscriptions(company.engine),
        running=TemporalSubscriptions(company.client, task_queue=company.task_queue),
        open_transaction=unit_of_work(company.engine),
        refunds=TemporalRefunds(company.client, task_queue=company.task_queue),
        migrations=TemporalMigrations(company.client, task_queue=company.task_queue),
        addons=SubscriptionSignals(company.client),
    )
    return await ActivityEnvironment().run(reconciliation.restart_missing_subscriptions)


async def active_in_march(company: Company) -> Subscription:
    subscription = await company.subscribe(await company.customer())
    await subscription.activated()
    await company.advance("2026-03-01T00:00")
    return subscription


async def test_a_terminated_subscription_comes_back_and_renews_on_its_anchor(
    company: Company,
) -> None:
    async with company.working():
        subscription = await active_in_march(company)
        await subscription.handle.terminate("an operator's mistake")

        report = await reconcile(company)
        await company.advance("2026-03-20T00:00")

        assert report.restarted_subscription_ids == (subscription.id,)
        assert [(i["period_start"], i["status"]) for i in await company.invoices()] == [
            (at("2026-01-17T09:30"), "paid"),
            (at("2026-02-17T09:30"), "paid"),
            (at("2026-03-17T09:30"), "paid"),
        ]


async def test_a_cancelled_workflow_comes_back_as_well(company: Company) -> None:
    async with company.working():
        subscription = await active_in_march(company)
        await subscription.handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await subscription.handle.result()

        assert (await reconcile(company)).restarted_subscription_ids == (subscription.id,)
        await company.settle()
        assert await subscription.status() == "active"


async def test_what_runs_or_has_ended_is_left_alone(company: Company) -> None:
    async with company.working():
        await active_in_march(company)
        other = await company.subscribe(await company.customer())
        await other.activated()
        await other.cancel()
        await company.advance("2026-06-01T00:00")

        report = await reconcile(company)

        assert (report.checked, report.restarted_subscription_ids) == (1, ())


async def test_one_that_ended_with_its_last_message_told_is_left_alone(company: Company) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await subscription.cancel(CancelMode.NOW)
        await subscription.handle.result()
        assert company.mailbox.kinds() == ["subscription_canceled"]

        report = await reconcile(company)

        assert (report.checked, report.restarted_subscription_ids) == (0, ())
