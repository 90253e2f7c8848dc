"""Bringing back what nobody looks after any more (policy P34), and telling what time has ended.

Owns the comparison of subscriptions and refunds with what runs, of payments with what the gateway
has told, and the events of grants that ran out. Whatever an operator terminated or cancelled by
mistake, and whatever a crash kept from being started, goes on from what was last recorded; every
effect is keyed by business ids, so nothing is charged, refunded or told twice.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from temporalio import activity

from activities import retirement
from billing.actor import Actor, ActorKind
from billing.errors import GatewayRefused, GatewayUnavailable
from billing.ids import effect_key
from billing.ports.addons import AddonNews
from billing.ports.reconciliation import (
    MigrationWorkflows,
    PaymentLooks,
    RecordedSubscriptions,
    RefundWorkflows,
    RunningSubscriptions,
)
from billing.ports.storage import UnitOfWork
from billing.value import Value

_log = structlog.get_logger(__name__)

_MOST_NAMED: Final = 1000
"""A report travels through the workflow's history."""

_GRANTS_AT_ONCE: Final = 100

_NEWS_ARRIVES_WITHIN: Final = timedelta(days=3)
"""For so long Stripe repeats its webhooks (https://docs.stripe.com/webhooks)."""

_SYSTEM: Final = Actor(kind=ActorKind.SYSTEM, id="perennial")


class ReconciliationReport(Value):
    """How many subscriptions were looked at, and which had to be restarted."""

    checked: int
    restarted_subscription_ids: tuple[str, ...]


class RefundReconciliationReport(Value):
    """How many refunds are pending, and which had to be started."""

    checked: int
    started_refund_ids: tuple[str, ...]


class MigrationReconciliationReport(Value):
    """How many price migrations are unfinished, and which had to be started."""

    checked: int
    started_migration_ids: tuple[str, ...]


class Reconciliation:
    """Activities that compare what is recorded with what runs."""

    def __init__(
        self,
        *,
        recorded: RecordedSubscriptions,
        running: RunningSubscriptions,
        open_transaction: UnitOfWork,
        refunds: RefundWorkflows,
        migrations: MigrationWorkflows,
        addons: AddonNews,
        payments: PaymentLooks,
    ) -> None:
        self._recorded = recorded
        self._running = running
        self._open_transaction = open_transaction
        self._refunds = refunds
        self._migrations = migrations
        self._addons = addons
        self._payments = payments

    @activity.defn
    async def restart_missing_subscriptions(self) -> ReconciliationReport:
        """Restarts every unfinished subscription without a workflow; repeating it is harmless."""
        checked = 0
        restarted: list[str] = []
        async for page in self._recorded.unfinished():
            for state in page:
                activity.heartbeat()
                checked += 1
                if await self._running.is_running(state.subscription_id):
                    continue
                if await self._running.restart(state):
                    restarted.append(state.subscription_id)
                    _log.warning("subscription.restarted", subscription_id=state.subscription_id)
        return ReconciliationReport(
            checked=checked, restarted_subscription_ids=tuple(restarted[:_MOST_NAMED])
        )

    @activity.defn
    async def end_expired_grants(self) -> int:
        """Tells of entitlements that were granted until now; returns of how many grants."""
        ended = 0
        while True:
            async with self._open_transaction() as tx:
                found = await tx.entitlements.end_expired_grants(limit=_GRANTS_AT_ONCE)
            ended += found
            if found < _GRANTS_AT_ONCE:
                return ended
            activity.heartbeat()

    @activity.defn
    async def start_missing_refunds(self) -> RefundReconciliationReport:
        """Starts every pending refund without a workflow; repeating it is harmless."""
        async with self._open_transaction() as tx:
            pending = await tx.refunds.unfinished()
        started: list[str] = []
        for refund_id in pending:
            activity.heartbeat()
            if await self._refunds.start(refund_id):
                started.append(refund_id)
                _log.warning("refund.started_late", refund_id=refund_id)
        return RefundReconciliationReport(
            checked=len(pending), started_refund_ids=tuple(started[:_MOST_NAMED])
        )

    @activity.defn
    async def look_at_waiting_payments(self) -> int:
        """Looks at payments whose news is overdue (policy P21); returns at how many.

        In an outage the rest waits for the next time, and a payment that the gateway does not show
        holds up no other.
        """
        overdue = _real_now() - _NEWS_ARRIVES_WITHIN
        async with self._open_transaction() as tx:
            waiting = await tx.attempts.waiting(started_before=overdue)
        for looked_at, payment_id in enumerate(waiting):
            activity.heartbeat()
            try:
                await self._payments.follow(payment_id)
            except GatewayUnavailable as outage:
                _log.warning("payments.not_looked_at", reason=outage.code)
                return looked_at
            except GatewayRefused as refusal:
                _log.error("payment.unreadable", payment_id=payment_id, reason=refusal.code)
        return len(waiting)

    @activity.defn
    async def end_orphaned_addons(self) -> int:
        """Tells add-ons of their parent's end where its own word was lost; returns how many."""
        orphaned = await self._recorded.orphaned_addons()
        for addon in orphaned:
            activity.heartbeat()
            end, parent = addon.parent.end_for_addons, addon.parent
            fact = effect_key("parent_lost", parent.subscription_id, parent.revision)
            if await self._addons.parent_news(addon.subscription_id, end, fact=fact):
                _log.warning("addon.told_late", subscription_id=addon.subscription_id)
        return len(orphaned)

    @activity.defn
    async def start_missing_migrations(self) -> MigrationReconciliationReport:
        """Starts every unfinished migration without a workflow; repeating it is harmless.

        What a catalog asks for that came into force later than it was published begins here.
        """
        async with self._open_transaction() as tx:
            await retirement.start_due(
                tx, actor=_SYSTEM, reason="the catalog replaces the price", now=_real_now()
            )
            unfinished = await tx.migrations.unfinished()
        started: list[str] = []
        for migration in unfinished:
            activity.heartbeat()
            if await self._migrations.start(migration):
                started.append(migration.migration_id)
                _log.warning("migration.started_late", migration_id=migration.migration_id)
        return MigrationReconciliationReport(
            checked=len(unfinished), started_migration_ids=tuple(started)
        )


def _real_now() -> datetime:
    """As with every migration: each subscription's own time follows from it and its clock."""
    return datetime.now(UTC)
