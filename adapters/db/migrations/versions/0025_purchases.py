"""Purchases live where subscriptions do, and are none."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_STATUSES = (
    "'incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'unpaid', 'paused',"
    " 'canceled'"
)


def upgrade() -> None:
    op.execute("ALTER TABLE subscriptions ADD COLUMN is_purchase BOOLEAN NOT NULL DEFAULT false")
    _statuses(
        f"{_STATUSES}, 'completed'",
        ended="'canceled', 'completed', 'incomplete_expired'",
    )
    op.execute(
        "ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_completed_check"
        " CHECK (status <> 'completed' OR is_purchase)"
    )
    op.execute(
        "CREATE INDEX subscriptions_purchases_idx ON subscriptions (customer_id, created_at, id)"
        " WHERE is_purchase"
    )


def downgrade() -> None:
    """Refused by the database where anything was bought so: nobody would know it any more."""
    op.execute("ALTER TABLE subscriptions ADD CONSTRAINT nothing_bought CHECK (NOT is_purchase)")
    op.execute("DROP INDEX subscriptions_purchases_idx")
    op.execute("ALTER TABLE subscriptions DROP CONSTRAINT subscriptions_completed_check")
    _statuses(_STATUSES, ended="'canceled', 'incomplete_expired'")
    op.execute("ALTER TABLE subscriptions DROP COLUMN is_purchase")


def _statuses(known: str, *, ended: str) -> None:
    op.execute(
        "ALTER TABLE subscriptions DROP CONSTRAINT subscriptions_status_check,"
        " DROP CONSTRAINT subscriptions_ended_check,"
        f" ADD CONSTRAINT subscriptions_status_check CHECK (status IN ({known})),"
        " ADD CONSTRAINT subscriptions_ended_check"
        f" CHECK ((status IN ({ended})) = (ended_at IS NOT NULL))"
    )
