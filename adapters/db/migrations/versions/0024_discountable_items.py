"""Coupons are for whatever is charged once; amounts that were named before stay undiscounted."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE invoice_items ADD COLUMN discountable BOOLEAN DEFAULT true NOT NULL")
    op.execute(
        "UPDATE invoice_items SET discountable = false WHERE sold IS NULL AND status = 'pending'"
    )
