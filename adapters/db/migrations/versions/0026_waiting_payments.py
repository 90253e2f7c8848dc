"""Payments that wait for a bank or a customer are found, however many are over."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX payment_attempts_started_at_idx ON payment_attempts (started_at)"
        " WHERE outcome_kind IN ('processing', 'action_required')"
    )
