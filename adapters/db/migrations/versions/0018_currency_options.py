"""Prices may be sold in several currencies, each with amounts of its own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "prices",
        sa.Column(
            "currency_options", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
    )
    op.create_check_constraint(
        "currency_options", "prices", "jsonb_typeof(currency_options) = 'object'"
    )


def downgrade() -> None:
    """What was sold in another currency cannot be billed any more."""
    op.drop_constraint("currency_options", "prices", type_="check")
    op.drop_column("prices", "currency_options")
