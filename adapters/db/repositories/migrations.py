"""Migrations of subscriptions to other prices, and where each subscription stands (policy P33).

Owns every statement about them but one: what a subscription did itself is followed by a trigger in
the transaction that stores its state.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Row,
    Select,
    Text,
    bindparam,
    cast,
    exists,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.price_versions import price_of_version
from adapters.db.tables.catalog import prices
from adapters.db.tables.customer import customers
from adapters.db.tables.migration import migration_subscriptions, migrations
from adapters.db.tables.subscription import subscriptions
from adapters.db.tables.test_clock import test_clocks
from billing.actor import Actor, ActorKind
from billing.migration import (
    FINISHED_PHASES,
    UNSETTLED,
    MigrationCounts,
    MigrationPhase,
    MigrationPlan,
    MigrationProgress,
    PriceVersion,
    SkipReason,
)
from billing.migration_account import (
    Candidate,
    Decision,
    MigrationRehearsal,
    RecordedMigration,
    version_of,
)
from billing.subscription import SubscriptionState

_PAGE: Final = 1_000
_ONE_AT_A_TIME: Final = text("LOCK TABLE migrations IN SHARE ROW EXCLUSIVE MODE")
_other: Final = migration_subscriptions.alias("other")
_CANDIDATES: Final[Select[Any]] = (
    select(
        subscriptions.c.id,
        subscriptions.c.state,
        customers.c.segment,
        test_clocks.c.frozen_at,
        exists()
        .where(
            _other.c.subscription_id == subscriptions.c.id,
            _other.c.migration_id != bindparam("migration_id"),
            _other.c.state.in_(UNSETTLED),
        )
        .label("is_told_elsewhere"),
    )
    .join(customers, customers.c.id == subscriptions.c.customer_id)
    .outerjoin(test_clocks, test_clocks.c.id == subscriptions.c.test_clock_id)
    .order_by(subscriptions.c.id)
)
_ENROL: Final = (
    insert(migration_subscriptions)
    .values(
        {
            name: bindparam(name)
            for name in (
                "migration_id",
                "subscription_id",
                "state",
                "reason",
                "old_price_id",
                "old_version",
                "quantity",
                "currency",
                "before_minor",
                "after_minor",
                "settled_at",
            )
        }
    )
    .on_conflict_do_nothing(
        index_elements=[
            migration_subscriptions.c.migration_id,
            migration_subscriptions.c.subscription_id,
        ]
    )
)


class SqlMigrations:
    """Implements `billing.ports.storage.Migrations`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def wait_for_others(self) -> None:
        """Until this transaction ends, no other migration begins."""
        await self._connection.execute(_ONE_AT_A_TIME)

    async def create(self, migration: RecordedMigration) -> bool:
        """Once per id; False where it exists."""
        created = await self._connection.execute(
            insert(migrations)
            .values(
                id=migration.migration_id,
                plan=migration.plan,
                rehearsal=migration.rehearsal,
                target_price_id=migration.plan.target.price_id,
                target_version=migration.plan.target.version,
                phase=migration.phase,
                actor_kind=migration.actor.kind,
                actor_id=migration.actor.id,
                reason=migration.reason,
                created_at=migration.created_at,
            )
            .on_conflict_do_nothing()
        )
        return created.rowcount > 0

    async def get(self, migration_id: str) -> RecordedMigration | None:
        """One migration."""
        found = await self._connection.execute(
            select(migrations).where(migrations.c.id == migration_id)
        )
        row = found.one_or_none()
        return None if row is None else as_migration(row)

    async def unfinished(self) -> tuple[RecordedMigration, ...]:
        """Those with something left to do, oldest first."""
        found = await self._connection.execute(
            select(migrations)
            .where(migrations.c.finished_at.is_(None))
            .order_by(migrations.c.created_at, migrations.c.id)
        )
        return tuple(as_migration(row) for row in found)

    async def versions_of(self, price_id: str) -> tuple[PriceVersion, ...]:
        """Every version of a price, sold or not."""
        found = await self._connection.scalars(
            select(prices.c.version).where(prices.c.id == price_id).order_by(prices.c.version)
        )
        return tuple(PriceVersion(price_id=price_id, version=version) for version in found)

    async def candidates(
        self, migration_id: str, sources: Sequence[PriceVersion]
    ) -> AsyncIterator[tuple[Candidate, ...]]:
        """Pages of the subscriptions at these prices that have not ended, in the order of ids.

        One statement, streamed: asked page by page, a database that does not know how many there
        are sorts all of them for each page.
        """
        wanted = [(source.price_id, source.version) for source in sources]
        query = _CANDIDATES.where(
            subscriptions.c.ended_at.is_(None),
            subscriptions.c.is_purchase.is_(False),
            tuple_(subscriptions.c.price_id, subscriptions.c.price_version).in_(wanted),
        )
        async with self._connection.stream(
            _as_text(query), {"migration_id": migration_id}, execution_options={"yield_per": _PAGE}
        ) as rows:
            async for page in rows.partitions(_PAGE):
                yield tuple([await self._candidate(row) for row in page])

    async def candidates_of(
        self, migration_id: str, subscription_ids: Sequence[str]
    ) -> tuple[Candidate, ...]:
        """These as they are now, whatever their price, in the order of ids."""
        query = _CANDIDATES.where(subscriptions.c.id.in_(subscription_ids))
        found = await self._connection.execute(_as_text(query), {"migration_id": migration_id})
        return tuple([await self._candidate(row) for row in found])

    async def enrol(
        self, migration_id: str, decisions: Sequence[Decision], *, now: datetime
    ) -> None:
        """Remembers what is to become of each, once."""
        if decisions:
            await self._connection.execute(
                _ENROL, [_row_of(migration_id, decision, now) for decision in decisions]
            )

    async def next_in(
        self, migration_id: str, state: MigrationProgress, *, after: str, limit: int
    ) -> tuple[str, ...]:
        """Up to so many subscriptions in a state, in the order of ids."""
        known = migration_subscriptions.c
        found = await self._connection.scalars(
            select(known.subscription_id)
            .where(
                known.migration_id == migration_id,
                known.state == state,
                known.subscription_id > after,
            )
            .order_by(known.subscription_id)
            .limit(limit)
        )
        return tuple(found)

    async def settle(
        self,
        migration_id: str,
        subscription_id: str,
        state: MigrationProgress,
        *,
        reason: SkipReason | None,
        now: datetime,
    ) -> None:
        """A subscription that was not told stays; one that is settled keeps what it came to."""
        known = migration_subscriptions.c
        await self._connection.execute(
            update(migration_subscriptions)
            .where(
                known.migration_id == migration_id,
                known.subscription_id == subscription_id,
                known.state.in_(UNSETTLED),
            )
            .values(state=state, reason=reason, settled_at=now)
        )

    async def settle_untold(self, migration_id: str, *, now: datetime) -> None:
        """Nobody else is told: whoever is pending is rolled back."""
        known = migration_subscriptions.c
        await self._connection.execute(
            update(migration_subscriptions)
            .where(known.migration_id == migration_id, known.state == MigrationProgress.PENDING)
            .values(state=MigrationProgress.ROLLED_BACK, settled_at=now)
        )

    async def counts(self, migration_id: str) -> MigrationCounts:
        """How many stand where."""
        known = migration_subscriptions.c
        found = await self._connection.execute(
            select(known.state, func.count().label("subscriptions"))
            .where(known.migration_id == migration_id)
            .group_by(known.state)
        )
        return MigrationCounts.model_validate({row.state: row.subscriptions for row in found})

    async def next_move_at(self, migration_id: str) -> datetime | None:
        """When the first of those who were told renews; None where nobody waits."""
        known = migration_subscriptions.c
        found: datetime | None = await self._connection.scalar(
            select(func.min(func.greatest(known.not_before, subscriptions.c.period_end)))
            .join(subscriptions, subscriptions.c.id == known.subscription_id)
            .where(known.migration_id == migration_id, known.state == MigrationProgress.SCHEDULED)
        )
        return found

    async def _candidate(self, row: Row[Any]) -> Candidate:
        """The state is read from its text at once: a migration reads tens of thousands."""
        state = SubscriptionState.model_validate_json(row.state)
        versions = dict.fromkeys(
            (part.terms.price_id, part.terms.price_version) for part in state.accrued
        )
        return Candidate(
            state=state,
            segment=row.segment,
            clock_at=row.frozen_at,
            is_told_elsewhere=row.is_told_elsewhere,
            accrued_at=tuple(
                [await price_of_version(self._connection, version) for version in versions]
            ),
        )

    async def enter(self, migration_id: str, phase: MigrationPhase, *, now: datetime) -> None:
        """Where it stands from now on; a finished one stays finished."""
        finished_at = now if phase in FINISHED_PHASES else None
        await self._connection.execute(
            update(migrations)
            .where(migrations.c.id == migration_id, migrations.c.finished_at.is_(None))
            .values(phase=phase, finished_at=finished_at)
        )


def as_migration(row: Row[Any]) -> RecordedMigration:
    """The value of a row of `migrations`."""
    return RecordedMigration(
        plan=MigrationPlan.model_validate(row.plan),
        rehearsal=MigrationRehearsal.model_validate(row.rehearsal),
        phase=MigrationPhase(row.phase),
        actor=Actor(kind=ActorKind(row.actor_kind), id=row.actor_id),
        reason=row.reason,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _as_text(query: Select[Any]) -> Select[Any]:
    """The states as text, which they become after they are sorted: before it they are smaller."""
    found = query.offset(0).subquery()
    others = [column for column in found.c if column.name != "state"]
    return select(*others, cast(found.c.state, Text).label("state")).order_by(found.c.id)


def _row_of(migration_id: str, decision: Decision, now: datetime) -> dict[str, object]:
    state, effect = decision.candidate.state, decision.effect
    moves = effect is not None
    before = state.terms.period_amount if effect is None else effect.before
    after = before if effect is None else effect.after
    sold = version_of(state.terms)
    return {
        "migration_id": migration_id,
        "subscription_id": state.subscription_id,
        "state": MigrationProgress.PENDING if moves else MigrationProgress.SKIPPED,
        "reason": decision.reason,
        "old_price_id": sold.price_id,
        "old_version": sold.version,
        "quantity": state.terms.quantity,
        "currency": state.terms.currency,
        "before_minor": before.amount_minor,
        "after_minor": after.amount_minor,
        "settled_at": None if moves else now,
    }
