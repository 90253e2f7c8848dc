"""Migrations, read: lists, and what was applied so far."""

from typing import Any, Final

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.repositories.migrations import SqlMigrations, as_migration
from adapters.db.tables.catalog import prices
from adapters.db.tables.migration import migration_subscriptions, migrations
from billing.interval import Interval, IntervalUnit
from billing.migration import MigrationCounts, MigrationProgress, SkippedCount, SkipReason
from billing.migration_account import Applied, AppliedGroup, RecordedMigration
from billing.money import Money
from billing.value import Instant, Value

_ORDER: Final = Order(at=migrations.c.created_at, id=migrations.c.id)
_ROWS: Final = Order(
    at=migration_subscriptions.c.enrolled_at, id=migration_subscriptions.c.subscription_id
)


class MigrationStanding(Value):
    """A migration and how far it is."""

    migration: RecordedMigration
    counts: MigrationCounts
    skipped: tuple[SkippedCount, ...]
    applied: tuple[Applied, ...]
    """What those that moved have changed, per currency."""


class MigratingSubscription(Value):
    """Where one subscription stands in a migration."""

    subscription_id: str
    state: MigrationProgress
    reason: SkipReason | None
    old_price_id: str
    old_version: int
    quantity: int
    before: Money
    after: Money
    not_before: Instant | None
    scheduled_at: Instant | None
    settled_at: Instant | None


async def standing(connection: AsyncConnection, migration_id: str) -> MigrationStanding | None:
    """One migration, how many stand where, and what it has changed so far."""
    found = await SqlMigrations(connection).get(migration_id)
    return None if found is None else await _standing(connection, found)


async def page_of(
    connection: AsyncConnection, *, cursor: str | None = None, limit: int
) -> Page[RecordedMigration]:
    """Migrations, newest first."""
    return await read_page(
        connection,
        select(migrations),
        order=_ORDER,
        as_item=as_migration,
        cursor=cursor,
        limit=limit,
    )


async def standings(
    connection: AsyncConnection, *, cursor: str | None = None, limit: int
) -> Page[MigrationStanding]:
    """Migrations and how far each is, newest first."""
    page = await page_of(connection, cursor=cursor, limit=limit)
    found = [await _standing(connection, migration) for migration in page.items]
    return Page(items=tuple(found), next_cursor=page.next_cursor)


async def subscriptions_of(
    connection: AsyncConnection,
    migration_id: str,
    *,
    state: MigrationProgress | None = None,
    reason: SkipReason | None = None,
    cursor: str | None = None,
    limit: int,
) -> Page[MigratingSubscription]:
    """The subscriptions of a migration, in a stable order."""
    known = migration_subscriptions.c
    query = select(migration_subscriptions).where(known.migration_id == migration_id)
    for column, wanted in ((known.state, state), (known.reason, reason)):
        if wanted is not None:
            query = query.where(column == wanted)
    return await read_page(
        connection, query, order=_ROWS, as_item=_as_subscription, cursor=cursor, limit=limit
    )


async def _standing(connection: AsyncConnection, migration: RecordedMigration) -> MigrationStanding:
    migration_id = migration.migration_id
    return MigrationStanding(
        migration=migration,
        counts=await SqlMigrations(connection).counts(migration_id),
        skipped=await _skipped(connection, migration_id),
        applied=await _applied(connection, migration),
    )


async def _skipped(connection: AsyncConnection, migration_id: str) -> tuple[SkippedCount, ...]:
    known = migration_subscriptions.c
    found = await connection.execute(
        select(known.reason, func.count().label("subscriptions"))
        .where(known.migration_id == migration_id, known.reason.is_not(None))
        .group_by(known.reason)
    )
    counted = {SkipReason(row.reason): row.subscriptions for row in found}
    return tuple(
        SkippedCount(reason=reason, subscriptions=counted[reason])
        for reason in SkipReason
        if reason in counted
    )


async def _applied(
    connection: AsyncConnection, migration: RecordedMigration
) -> tuple[Applied, ...]:
    known, target = migration_subscriptions.c, migration.plan.target
    new = prices.alias("new")
    found = await connection.execute(
        select(
            known.currency,
            prices.c.interval_unit,
            prices.c.interval_count,
            new.c.interval_unit.label("new_unit"),
            new.c.interval_count.label("new_count"),
            func.count().label("subscriptions"),
            func.sum(known.before_minor).label("before_minor"),
            func.sum(known.after_minor).label("after_minor"),
        )
        .join(prices, (prices.c.id == known.old_price_id) & (prices.c.version == known.old_version))
        .join(new, (new.c.id == target.price_id) & (new.c.version == target.version))
        .where(
            known.migration_id == migration.migration_id,
            known.state == MigrationProgress.MIGRATED,
        )
        .group_by(
            known.currency,
            prices.c.interval_unit,
            prices.c.interval_count,
            new.c.interval_unit,
            new.c.interval_count,
        )
    )
    return Applied.of(_as_group(row) for row in found)


def _as_group(row: Row[Any]) -> AppliedGroup:
    return AppliedGroup(
        currency=row.currency,
        old_interval=Interval(unit=IntervalUnit(row.interval_unit), count=row.interval_count),
        new_interval=Interval(unit=IntervalUnit(row.new_unit), count=row.new_count),
        subscriptions=row.subscriptions,
        before_minor=int(row.before_minor),
        after_minor=int(row.after_minor),
    )


def _as_subscription(row: Row[Any]) -> MigratingSubscription:
    return MigratingSubscription(
        subscription_id=row.subscription_id,
        state=MigrationProgress(row.state),
        reason=None if row.reason is None else SkipReason(row.reason),
        old_price_id=row.old_price_id,
        old_version=row.old_version,
        quantity=row.quantity,
        before=Money(amount_minor=row.before_minor, currency=row.currency),
        after=Money(amount_minor=row.after_minor, currency=row.currency),
        not_before=row.not_before,
        scheduled_at=row.scheduled_at,
        settled_at=row.settled_at,
    )
