"""Prices may be sold once, and invoice items at such a price."""

from typing import Final

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_CHANGED: Final = (
    """
    ALTER TABLE prices
        ALTER COLUMN interval_unit DROP NOT NULL,
        ALTER COLUMN interval_count DROP NOT NULL,
        ADD CONSTRAINT prices_interval_check
        CHECK ((interval_unit IS NULL) = (interval_count IS NULL))
    """,
    """
    ALTER TABLE invoice_items
        ADD COLUMN sold JSONB,
        ADD CONSTRAINT invoice_items_sold_check CHECK (sold ? 'price_id')
    """,
)
_CHANGED_BACK: Final = (
    "ALTER TABLE invoice_items DROP COLUMN sold",
    """
    ALTER TABLE prices
        DROP CONSTRAINT prices_interval_check,
        ALTER COLUMN interval_unit SET NOT NULL,
        ALTER COLUMN interval_count SET NOT NULL
    """,
)


def upgrade() -> None:
    for statement in _CHANGED:
        op.execute(statement)


def downgrade() -> None:
    """Refused by the database where a price is sold once."""
    for statement in _CHANGED_BACK:
        op.execute(statement)
