"""The worker: what it runs, and with which parts.

Owns the wiring of activities to adapters and the worker's settings. Does not own what they do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import (
    PollerBehaviorAutoscaling,
    Replayer,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
)

from activities.addons import Addons
from activities.catalog_migration import CatalogMigration
from activities.change import Changing
from activities.charging import Charging
from activities.collection import Collection
from activities.coupons import Coupons
from activities.notification import Notification
from activities.one_off_charge import OneOffCharges
from activities.period_billing import PeriodBilling
from activities.receiving import Receiving
from activities.reconciliation import Reconciliation
from activities.records import Records
from activities.refunding import Refunding
from activities.test_clock import TestClocks
from activities.unused_time import UnusedTime
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.ports.clock import ClockDriver
from billing.ports.gateway import PaymentGateway
from billing.ports.migration import SubscriptionTelling
from billing.ports.post import Post
from billing.ports.storage import UnitOfWork
from billing.ports.tax import TaxRates
from worker.build import build_id
from workflows.catalog_migration import CatalogMigrationWorkflow
from workflows.messages import SUBSCRIPTION_TASK_QUEUE
from workflows.reconciliation import ReconciliationWorkflow
from workflows.refund import RefundWorkflow
from workflows.subscription import SubscriptionWorkflow
from workflows.test_clock import TestClockWorkflow

MOST_CACHED_WORKFLOWS: Final = 1_000
"""About 60 KiB each; a sleeping subscription beyond them is replayed when it wakes."""

MOST_CONCURRENT_WORKFLOW_TASKS: Final = 60
"""Twice as many as can do something at once where they run. Further ones would wait here for a
place, with seconds to go (ADR 0033, 0035); in Temporal's queue they have time. With as many as
places, more of them wait there longer than a worker's cache is waited for, and are replayed."""

MOST_CONCURRENT_ACTIVITIES: Final = 50

MOST_CONCURRENT_LOCAL_ACTIVITIES: Final = 30
"""Each holds one connection to the database at most, and has seconds (ADR 0033, 0035)."""

DATABASE_CONNECTIONS: Final = 15
"""Kept open; twice as many under load: what is done at once must not wait for one. Two workers and
an API still fit into the hundred that PostgreSQL allows by default."""

_WORKFLOWS: Final = (
    SubscriptionWorkflow,
    RefundWorkflow,
    TestClockWorkflow,
    ReconciliationWorkflow,
    CatalogMigrationWorkflow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """What the activities are given."""

    open_transaction: UnitOfWork
    gateway: PaymentGateway
    post: Post
    clock_driver: ClockDriver | None
    """None with a live key: test clocks exist in sandbox mode only."""
    return_url: Callable[[str], str]
    """Where a customer returns to after authenticating, by invoice id."""
    taxes: TaxRates | None = None
    """Who knows which tax is charged; None where none is: in most tests."""
    payment_page: Callable[[str], str] | None = None
    """Where a customer pays, by invoice id; None where no page is served: in most tests."""
    telling: SubscriptionTelling | None = None
    """None where no price migration runs: in most tests."""
    reconciliation: Reconciliation | None = None
    """None where nothing is to be brought back: in most tests."""


def create_worker(
    client: Client, parts: WorkerParts, *, task_queue: str = SUBSCRIPTION_TASK_QUEUE
) -> Worker:
    """A worker for everything on the task queue; the caller runs and stops it."""
    addons = Addons(news=SubscriptionSignals(client))
    return Worker(
        client,
        task_queue=task_queue,
        workflows=_WORKFLOWS,
        activities=[*_activities(parts), addons.tell_addons],
        workflow_runner=UnsandboxedWorkflowRunner(),
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name="perennial", build_id=build_id()),
            use_worker_versioning=False,
        ),
        max_cached_workflows=MOST_CACHED_WORKFLOWS,
        max_concurrent_workflow_tasks=MOST_CONCURRENT_WORKFLOW_TASKS,
        max_concurrent_activities=MOST_CONCURRENT_ACTIVITIES,
        max_concurrent_local_activities=MOST_CONCURRENT_LOCAL_ACTIVITIES,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )


def create_replayer() -> Replayer:
    """Runs recorded histories through today's workflows exactly as a worker would.

    It raises where a running subscription with that history would break.
    """
    return Replayer(
        workflows=_WORKFLOWS,
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=pydantic_data_converter,
    )


def _activities(parts: WorkerParts) -> Sequence[Callable[..., object]]:
    billing = PeriodBilling(open_transaction=parts.open_transaction, taxes=parts.taxes)
    changing = Changing(open_transaction=parts.open_transaction, taxes=parts.taxes)
    records = Records(open_transaction=parts.open_transaction)
    notification = Notification(
        open_transaction=parts.open_transaction,
        post=parts.post,
        taxes=parts.taxes,
        payment_page=parts.payment_page,
    )
    collection = Collection(
        open_transaction=parts.open_transaction,
        gateway=parts.gateway,
        real_now=_machine_now,
        return_url=parts.return_url,
    )
    refunding = Refunding(
        open_transaction=parts.open_transaction, gateway=parts.gateway, real_now=_machine_now
    )
    receiving = Receiving(
        open_transaction=parts.open_transaction,
        charging=Charging(
            open_transaction=parts.open_transaction,
            gateway=parts.gateway,
            real_now=_machine_now,
            return_url=parts.return_url,
        ),
    )
    activities: list[Callable[..., object]] = [
        OneOffCharges(open_transaction=parts.open_transaction, taxes=parts.taxes).charge_item,
        billing.bill_period,
        billing.start_trial,
        collection.collect,
        collection.void_invoices,
        receiving.receive_payment,
        refunding.advance_refund,
        notification.notify,
        records.record,
        changing.begin_change,
        changing.find_fallback,
        Coupons(open_transaction=parts.open_transaction).take_redemption,
        UnusedTime(open_transaction=parts.open_transaction).give_back,
    ]
    if parts.clock_driver is not None:
        activities.append(TestClocks(driver=parts.clock_driver).move_test_clock)
    if parts.telling is not None:
        migration = CatalogMigration(open_transaction=parts.open_transaction, telling=parts.telling)
        activities += [
            migration.tell_some,
            migration.withdraw_some,
            migration.look_at,
            migration.enter_phase,
        ]
    if parts.reconciliation is not None:
        activities += [
            parts.reconciliation.restart_missing_subscriptions,
            parts.reconciliation.end_expired_grants,
            parts.reconciliation.start_missing_refunds,
            parts.reconciliation.start_missing_migrations,
            parts.reconciliation.end_orphaned_addons,
            parts.reconciliation.look_at_waiting_payments,
        ]
    return activities


def _machine_now() -> datetime:
    return datetime.now(UTC)
