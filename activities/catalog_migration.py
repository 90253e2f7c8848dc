"""Telling subscriptions of another price, some at a time, and seeing what becomes of them (P33).

Owns what is done in one step of a migration. Every subscription is decided about again just before
it is told, by the rule of the rehearsal. A step that is repeated tells nobody twice. Does not own
the order of steps (`workflows.catalog_migration`).
"""

from collections.abc import Iterable
from datetime import datetime

import structlog
from temporalio import activity

from activities.migration_enrolment import decisions_of
from activities.records import AuditEntry
from billing.errors import NotFound
from billing.migration import MigrationCounts, MigrationPhase, MigrationProgress, SkipReason
from billing.migration_account import Decision, RecordedMigration, version_of
from billing.ports.migration import (
    Announcement,
    Answer,
    SubscriptionTelling,
    Told,
    Withdrawal,
)
from billing.ports.storage import Transaction, UnitOfWork
from billing.value import Instant, Value

_log = structlog.get_logger(__name__)


class TellSome(Value):
    """Tell up to `limit` subscriptions whose ids come after `after`; `now` is real time."""

    migration_id: str
    after: str
    limit: int
    now: Instant


class Outlook(Value):
    """How many stand where, and when the next one renews."""

    counts: MigrationCounts
    next_move_at: Instant | None


class ToldSome(Value):
    """What came of it."""

    seen: int
    """How many were looked at; fewer than asked for: there were no more."""
    taken: int
    after: str
    """Where the next step goes on."""
    outlook: Outlook


class LookAt(Value):
    """Count a migration's subscriptions."""

    migration_id: str


class EnterPhase(Value):
    """A migration stands somewhere else from now on, and who wanted it."""

    migration_id: str
    phase: MigrationPhase
    now: Instant
    audit: AuditEntry | None = None
    tells_nobody_else: bool = False
    """Whoever was not told yet is rolled back."""


class CatalogMigration:
    """Activities of a migration."""

    def __init__(self, *, open_transaction: UnitOfWork, telling: SubscriptionTelling) -> None:
        self._open_transaction = open_transaction
        self._telling = telling

    @activity.defn
    async def tell_some(self, request: TellSome) -> ToldSome:
        """Announces the price to the next ones; who is not fit any more is skipped."""
        async with self._open_transaction() as tx:
            migration = await _required(tx, request.migration_id)
            ids = await tx.migrations.next_in(
                request.migration_id,
                MigrationProgress.PENDING,
                after=request.after,
                limit=request.limit,
            )
            decided = await _decided(tx, migration, ids, request.now)
            await _skip(tx, migration, _unfit(decided), request.now)
        told = await self._telling.announce(
            [_announcement(migration, decision) for decision in decided if _moves(decision)]
        )
        async with self._open_transaction() as tx:
            refused = [(each.subscription_id, each.reason) for each in told if each.reason]
            await _skip(tx, migration, refused, request.now)
            return await _step(tx, request, ids, told)

    @activity.defn
    async def withdraw_some(self, request: TellSome) -> ToldSome:
        """Tells the next ones of those that were told that their price stays."""
        async with self._open_transaction() as tx:
            migration = await _required(tx, request.migration_id)
            ids = await tx.migrations.next_in(
                request.migration_id,
                MigrationProgress.SCHEDULED,
                after=request.after,
                limit=request.limit,
            )
        told = await self._telling.withdraw(
            [
                Withdrawal(
                    migration_id=request.migration_id,
                    subscription_id=subscription_id,
                    actor=migration.actor,
                    reason=migration.reason,
                )
                for subscription_id in ids
            ]
        )
        async with self._open_transaction() as tx:
            return await _step(tx, request, ids, told)

    @activity.defn
    async def look_at(self, request: LookAt) -> Outlook:
        """How far it is."""
        async with self._open_transaction() as tx:
            return await _outlook(tx, request.migration_id)

    @activity.defn
    async def enter_phase(self, request: EnterPhase) -> None:
        """Records where it stands, and who wanted it (policy P34)."""
        async with self._open_transaction() as tx:
            if request.tells_nobody_else:
                await tx.migrations.settle_untold(request.migration_id, now=request.now)
            await tx.migrations.enter(request.migration_id, request.phase, now=request.now)
            if request.audit is not None:
                await tx.audit.append(
                    command_id=request.audit.command_id,
                    command=request.audit.command,
                    subject=request.migration_id,
                    actor=request.audit.actor,
                    reason=request.audit.reason,
                    at=request.audit.at,
                )


async def _required(tx: Transaction, migration_id: str) -> RecordedMigration:
    found = await tx.migrations.get(migration_id)
    if found is None:
        raise NotFound("migration_not_found", f"no migration {migration_id}")
    return found


async def _decided(
    tx: Transaction, migration: RecordedMigration, ids: tuple[str, ...], now: datetime
) -> list[Decision]:
    if not ids:
        return []
    plan = migration.plan
    decisions = await decisions_of(tx, plan)
    candidates = await tx.migrations.candidates_of(plan.migration_id, ids)
    return [
        decisions.of(candidate, now=now)
        if version_of(candidate.state.terms) in plan.sources or candidate.state.has_ended
        else decisions.changed(candidate)
        for candidate in candidates
    ]


def _moves(decision: Decision) -> bool:
    return decision.reason is None


def _unfit(decided: Iterable[Decision]) -> list[tuple[str, SkipReason | None]]:
    return [
        (decision.candidate.state.subscription_id, decision.reason)
        for decision in decided
        if not _moves(decision)
    ]


async def _skip(
    tx: Transaction,
    migration: RecordedMigration,
    skipped: Iterable[tuple[str, SkipReason | None]],
    now: datetime,
) -> None:
    for subscription_id, reason in skipped:
        await tx.migrations.settle(
            migration.migration_id,
            subscription_id,
            MigrationProgress.SKIPPED,
            reason=reason,
            now=now,
        )
        _log.info("migration.skipped", subscription_id=subscription_id, reason=reason)


def _announcement(migration: RecordedMigration, decision: Decision) -> Announcement:
    state, plan = decision.candidate.state, migration.plan
    return Announcement(
        migration_id=plan.migration_id,
        subscription_id=state.subscription_id,
        target=decision.target,
        version=state.version,
        migrates_at=plan.migrates_at,
        notice_days=plan.notice_days,
        actor=migration.actor,
        reason=migration.reason,
    )


async def _step(
    tx: Transaction, request: TellSome, ids: tuple[str, ...], told: Iterable[Told]
) -> ToldSome:
    return ToldSome(
        seen=len(ids),
        taken=sum(each.answer is Answer.TAKEN for each in told),
        after=ids[-1] if ids else request.after,
        outlook=await _outlook(tx, request.migration_id),
    )


async def _outlook(tx: Transaction, migration_id: str) -> Outlook:
    return Outlook(
        counts=await tx.migrations.counts(migration_id),
        next_move_at=await tx.migrations.next_move_at(migration_id),
    )
