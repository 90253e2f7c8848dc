"""What is sold once may cost nothing, as what recurs may."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _least(0)


def downgrade() -> None:
    """Refused by the database where an item costs nothing."""
    _least(1)


def _least(minor: int) -> None:
    op.execute(
        "ALTER TABLE invoice_items DROP CONSTRAINT invoice_items_amount_minor_check,"
        f" ADD CONSTRAINT invoice_items_amount_minor_check CHECK (amount_minor >= {minor})"
    )
