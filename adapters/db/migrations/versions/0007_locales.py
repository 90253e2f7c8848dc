"""Customers have a locale: how amounts and days are written for them.

A constant default: existing rows are not rewritten.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "customers", sa.Column("locale", sa.String(), server_default="en-US", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("customers", "locale")
