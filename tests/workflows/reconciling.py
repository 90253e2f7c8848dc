"""The hourly reconciliation of a test's company, as the worker has it."""

from activities.reconciliation import Reconciliation
from adapters.db.engine import unit_of_work
from adapters.db.recorded_subscriptions import SqlRecordedSubscriptions
from adapters.temporal.migration_workflows import TemporalMigrations
from adapters.temporal.payment_news import PaymentNewsDesk
from adapters.temporal.refund_workflows import TemporalRefunds
from adapters.temporal.running_subscriptions import TemporalSubscriptions
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.ports.reconciliation import PaymentLooks
from tests.workflows.company import Company


def reconciliation_of(company: Company, *, payments: PaymentLooks | None = None) -> Reconciliation:
    """Its activities, which run in an `ActivityEnvironment`; `payments` is who looks at them."""
    client, task_queue = company.client, company.task_queue
    signals = SubscriptionSignals(client)
    return Reconciliation(
        recorded=SqlRecordedSubscriptions(company.engine),
        running=TemporalSubscriptions(client, task_queue=task_queue),
        open_transaction=unit_of_work(company.engine),
        refunds=TemporalRefunds(client, task_queue=task_queue),
        migrations=TemporalMigrations(client, task_queue=task_queue),
        addons=signals,
        payments=payments
        or PaymentNewsDesk(engine=company.engine, gateway=company.gateway, signals=signals),
    )
