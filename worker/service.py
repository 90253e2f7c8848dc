"""The worker's process: polls Temporal and the webhook inbox until it is told to stop.

Owns its connections, signals and orderly end.
"""

import asyncio
import signal
from contextlib import AsyncExitStack

import structlog

from activities.reconciliation import Reconciliation
from adapters import garbage_collection
from adapters.db.clock_book import SqlClockBook
from adapters.db.engine import create_engine, unit_of_work
from adapters.db.recorded_subscriptions import SqlRecordedSubscriptions
from adapters.hosted_link import HostedLinks
from adapters.logging import configure_logging
from adapters.mail.post import post_from
from adapters.settings import Settings
from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from adapters.tax_provider import tax_rates
from adapters.temporal.clock_driver import TemporalClockDriver
from adapters.temporal.connection import connect
from adapters.temporal.migration_workflows import TemporalMigrations
from adapters.temporal.payment_news import PaymentNewsDesk
from adapters.temporal.refund_workflows import TemporalRefunds
from adapters.temporal.running_subscriptions import (
    TemporalSubscriptions,
    ensure_reconciliation_schedule,
)
from adapters.temporal.subscription_signals import SubscriptionSignals
from adapters.temporal.subscription_telling import TemporalTelling
from worker import event_loop
from worker.gateway_events import GatewayEvents
from worker.health import serving_health
from worker.inbox import Inbox
from worker.process import DATABASE_CONNECTIONS, WorkerParts, create_worker
from workflows.messages import SUBSCRIPTION_TASK_QUEUE

_log = structlog.get_logger("worker")
_HEALTH_HOST = "127.0.0.1"


async def run(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT; what is under way is finished or handed back."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    database_url = settings.database_url.get_secret_value()
    engine = create_engine(database_url, pool_size=DATABASE_CONNECTIONS)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        stripe = await stack.enter_async_context(
            connect_stripe(
                api_key=settings.stripe_api_key.get_secret_value(),
                api_base=settings.stripe_api_base,
            )
        )
        client = await connect()
        gateway = StripeGateway(stripe)
        worker = create_worker(
            client,
            WorkerParts(
                open_transaction=unit_of_work(engine),
                gateway=gateway,
                post=post_from(settings),
                telling=TemporalTelling(client),
                reconciliation=Reconciliation(
                    recorded=SqlRecordedSubscriptions(engine),
                    running=TemporalSubscriptions(client, task_queue=SUBSCRIPTION_TASK_QUEUE),
                    open_transaction=unit_of_work(engine),
                    refunds=TemporalRefunds(client, task_queue=SUBSCRIPTION_TASK_QUEUE),
                    migrations=TemporalMigrations(client, task_queue=SUBSCRIPTION_TASK_QUEUE),
                    addons=SubscriptionSignals(client),
                    payments=PaymentNewsDesk(
                        engine=engine, gateway=gateway, signals=SubscriptionSignals(client)
                    ),
                ),
                clock_driver=TemporalClockDriver(client, SqlClockBook(engine))
                if settings.is_sandbox
                else None,
                return_url=HostedLinks.of(settings).payment_return,
                payment_page=HostedLinks.of(settings).invoice,
                taxes=tax_rates(settings, engine=engine, stripe=stripe),
            ),
        )
        events = GatewayEvents(engine=engine, gateway=gateway, temporal=client)
        inbox = Inbox(engine=engine, database_url=database_url, apply=events.apply)
        await ensure_reconciliation_schedule(client, task_queue=SUBSCRIPTION_TASK_QUEUE)
        await stack.enter_async_context(worker)
        await stack.enter_async_context(
            serving_health(
                _HEALTH_HOST, settings.worker_health_port, is_working=lambda: worker.is_running
            )
        )
        garbage_collection.begin()
        await _until_stopped(inbox, stopping)


async def _until_stopped(inbox: Inbox, stopping: asyncio.Event) -> None:
    """The inbox runs beside the worker; its death is the process's death."""
    processing = asyncio.create_task(inbox.run())
    told = asyncio.create_task(stopping.wait())
    _log.info("worker.started")
    await asyncio.wait({processing, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if processing.done():
        processing.result()
    processing.cancel()
    await asyncio.gather(processing, return_exceptions=True)
    _log.info("worker.stopped")


def main() -> None:
    """Works until the process is told to stop."""
    settings = Settings.model_validate({})
    configure_logging(settings.log_format)
    event_loop.run(run(settings))
