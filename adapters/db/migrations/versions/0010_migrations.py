"""Migrations of running subscriptions to other prices (policy P33).

A subscription's state says what became of the migration that it was told of. A trigger follows it
in the transaction that stores the state: the list is as true as the state, whoever wrote it. Like
those of 0002, the trigger is not seen by Alembic; a test is.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TIME: Final = sa.DateTime(timezone=True)
_PHASES: Final = (
    "'telling', 'watching', 'paused', 'renewing', 'rolling_back', 'rolled_back', 'completed'"
)
_STATES: Final = "'pending', 'scheduled', 'migrated', 'skipped', 'rolled_back'"
_REASONS: Final = (
    "'ended', 'not_started', 'trialing', 'paused', 'past_due', 'unpaid', 'cancel_pending',"
    " 'change_pending', 'contract_locked', 'other_migration', 'changed', 'currency', 'quantity'"
)

# A state without the migration that an earlier one was told of comes from a run before a reset: the
# subscription is told again.
_FOLLOW: Final = """
    CREATE FUNCTION follow_migration() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        told jsonb := nullif(NEW.state -> 'migration', 'null'::jsonb);
        known jsonb := nullif(OLD.state -> 'migration', 'null'::jsonb);
        progress text := told ->> 'progress';
    BEGIN
        IF known ->> 'progress' = 'scheduled'
            AND (told ->> 'migration_id') IS DISTINCT FROM (known ->> 'migration_id')
        THEN
            UPDATE migration_subscriptions
            SET state = 'pending', reason = NULL, settled_at = NULL
            WHERE migration_id = known ->> 'migration_id' AND subscription_id = NEW.id
                AND state = 'scheduled';
        END IF;
        IF told IS NOT NULL THEN
            UPDATE migration_subscriptions
            SET state = progress,
                reason = told ->> 'reason',
                not_before = (told ->> 'not_before')::timestamptz,
                scheduled_at = (told ->> 'planned_at')::timestamptz,
                settled_at = (told ->> 'settled_at')::timestamptz,
                quantity = (told #>> '{target,quantity}')::integer,
                before_minor = coalesce(
                    (told #>> '{replaced,period_amount,amount_minor}')::bigint,
                    before_minor
                ),
                after_minor = (told #>> '{target,period_amount,amount_minor}')::bigint
            WHERE migration_id = told ->> 'migration_id' AND subscription_id = NEW.id
                AND (settled_at IS NULL OR progress <> 'scheduled' OR NOT EXISTS (
                    SELECT FROM migration_subscriptions AS other
                    WHERE other.subscription_id = NEW.id AND other.settled_at IS NULL
                ));
        END IF;
        RETURN NULL;
    END $$
"""

_TRIGGERS: Final = (
    """
    CREATE TRIGGER migration_followed AFTER UPDATE OF state ON subscriptions
    FOR EACH ROW WHEN (OLD.state -> 'migration' IS DISTINCT FROM NEW.state -> 'migration')
    EXECUTE FUNCTION follow_migration()
    """,
    *(
        f"""
        CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
        for table in ("migrations", "migration_subscriptions")
    ),
    """
    CREATE TRIGGER immutable BEFORE UPDATE ON migrations
    FOR EACH ROW EXECUTE FUNCTION check_changed_columns('phase finished_at')
    """,
)


def upgrade() -> None:
    _create_migrations()
    _create_migration_subscriptions()
    for statement in (_FOLLOW, *_TRIGGERS):
        op.execute(statement)


def _create_migrations() -> None:
    op.create_table(
        "migrations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("plan", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("rehearsal", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("target_price_id", sa.String(), nullable=False),
        sa.Column("target_version", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.CheckConstraint(f"phase IN ({_PHASES})", name="phase"),
        sa.CheckConstraint(
            "actor_kind IN ('api_key', 'customer', 'operator', 'system')",
            name="actor_kind",
        ),
        sa.CheckConstraint(
            "(phase IN ('completed', 'rolled_back')) = (finished_at IS NOT NULL)",
            name="finished",
        ),
        sa.ForeignKeyConstraint(
            ["target_price_id", "target_version"],
            ["prices.id", "prices.version"],
            name="migrations_target_price_id_target_version_fkey",
        ),
        sa.PrimaryKeyConstraint("id", name="migrations_pkey"),
    )
    op.create_index("migrations_created_at_id_idx", "migrations", ["created_at", "id"])


def _create_migration_subscriptions() -> None:
    table = "migration_subscriptions"
    op.create_table(
        table,
        sa.Column("migration_id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("old_price_id", sa.String(), nullable=False),
        sa.Column("old_version", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("before_minor", sa.BigInteger(), nullable=False),
        sa.Column("after_minor", sa.BigInteger(), nullable=False),
        sa.Column("not_before", _TIME, nullable=True),
        sa.Column("scheduled_at", _TIME, nullable=True),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("enrolled_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"state IN ({_STATES})", name="state"),
        sa.CheckConstraint(f"reason IN ({_REASONS})", name="reason"),
        sa.CheckConstraint("(state = 'skipped') = (reason IS NOT NULL)", name="skipped"),
        sa.CheckConstraint(
            "(state IN ('pending', 'scheduled')) = (settled_at IS NULL)",
            name="settled",
        ),
        sa.CheckConstraint("quantity >= 1", name="quantity"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        sa.ForeignKeyConstraint(
            ["migration_id"],
            ["migrations.id"],
            name=f"{table}_migration_id_fkey",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=f"{table}_subscription_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["old_price_id", "old_version"],
            ["prices.id", "prices.version"],
            name=f"{table}_old_price_id_old_version_fkey",
        ),
        sa.PrimaryKeyConstraint("migration_id", "subscription_id", name=f"{table}_pkey"),
    )
    op.create_index(
        f"{table}_listed_idx",
        table,
        ["migration_id", "enrolled_at", "subscription_id"],
    )
    op.create_index(
        f"{table}_standing_idx",
        table,
        ["migration_id", "state", "subscription_id"],
    )
    op.create_index(
        f"{table}_unsettled_key",
        table,
        ["subscription_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('pending', 'scheduled')"),
    )
