"""Migrations of running subscriptions to other prices, and where each subscription stands (P33)."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    DOCUMENT,
    INSTANT,
    MINOR_UNITS,
    NOW,
    Row,
    currency_code,
    index,
    one_of,
    references,
    table_of,
)
from billing.actor import ActorKind
from billing.migration import MigrationPhase, MigrationProgress, SkipReason


class MigrationRow(Row, table=True):
    """One migration: what was asked for, what was rehearsed, and where it stands."""

    __tablename__ = "migrations"
    __table_args__ = (
        references("target_price_id target_version", "prices.id prices.version"),
        one_of("phase", MigrationPhase),
        one_of("actor_kind", ActorKind),
        CheckConstraint(
            "(phase IN ('completed', 'rolled_back')) = (finished_at IS NOT NULL)", name="finished"
        ),
        index("migrations", "created_at id"),
    )

    id: str = Field(primary_key=True)
    plan: dict[str, object] = Field(sa_type=DOCUMENT)
    rehearsal: dict[str, object] = Field(sa_type=DOCUMENT)
    target_price_id: str
    target_version: int
    phase: str
    actor_kind: str
    actor_id: str
    reason: str
    created_at: datetime = Field(sa_type=INSTANT)
    finished_at: datetime | None = Field(sa_type=INSTANT)


class MigrationSubscriptionRow(Row, table=True):
    """One subscription in one migration, once. What it did itself is followed by a trigger."""

    __tablename__ = "migration_subscriptions"
    __table_args__ = (
        references("migration_id", "migrations.id", deferred=True),
        references("subscription_id", "subscriptions.id"),
        references("old_price_id old_version", "prices.id prices.version"),
        one_of("state", MigrationProgress),
        one_of("reason", SkipReason),
        CheckConstraint("(state = 'skipped') = (reason IS NOT NULL)", name="skipped"),
        CheckConstraint(
            "(state IN ('pending', 'scheduled')) = (settled_at IS NULL)", name="settled"
        ),
        CheckConstraint("quantity >= 1", name="quantity"),
        currency_code(),
        index(
            "migration_subscriptions",
            "migration_id enrolled_at subscription_id",
            name="migration_subscriptions_listed_idx",
        ),
        index(
            "migration_subscriptions",
            "migration_id state subscription_id",
            name="migration_subscriptions_standing_idx",
        ),
        index(
            "migration_subscriptions",
            "subscription_id",
            unique=True,
            where="state IN ('pending', 'scheduled')",
            name="migration_subscriptions_unsettled_key",
        ),
    )

    migration_id: str = Field(primary_key=True)
    subscription_id: str = Field(primary_key=True)
    state: str
    reason: str | None
    old_price_id: str
    old_version: int
    quantity: int
    currency: str = Field(sa_type=CURRENCY)
    before_minor: int = Field(sa_type=MINOR_UNITS)
    """What a whole period costs; once it moved, what would have been billed instead."""
    after_minor: int = Field(sa_type=MINOR_UNITS)
    not_before: datetime | None = Field(sa_type=INSTANT)
    scheduled_at: datetime | None = Field(sa_type=INSTANT)
    settled_at: datetime | None = Field(sa_type=INSTANT)
    enrolled_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


migrations = table_of(MigrationRow)
migration_subscriptions = table_of(MigrationSubscriptionRow)
