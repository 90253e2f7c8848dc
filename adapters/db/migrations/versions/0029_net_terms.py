"""Customers may have net terms, and an invoice says whether it was sent on some."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("customers", "invoices"):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN net_days INTEGER"
            f" CONSTRAINT {table}_net_days_check CHECK (net_days BETWEEN 1 AND 365)"
        )
