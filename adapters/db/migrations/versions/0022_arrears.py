"""Prices are billed in advance or in arrears; no migration goes between the two."""

from typing import Final

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_REASONS: Final = (
    "'ended', 'not_started', 'trialing', 'paused', 'past_due', 'unpaid', 'cancel_pending',"
    " 'change_pending', 'contract_locked', 'other_migration', 'changed', 'currency', 'billing',"
    " 'quantity'"
)


def upgrade() -> None:
    op.execute(
        "ALTER TABLE prices ADD COLUMN billing VARCHAR DEFAULT 'in_advance' NOT NULL"
        " CONSTRAINT prices_billing_check CHECK (billing IN ('in_advance', 'in_arrears'))"
    )
    op.execute(
        "ALTER TABLE migration_subscriptions"
        " DROP CONSTRAINT migration_subscriptions_reason_check,"
        " ADD CONSTRAINT migration_subscriptions_reason_check"
        f" CHECK (reason IN ({_REASONS}))"
    )
