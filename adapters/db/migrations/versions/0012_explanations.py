"""Invoice lines say how their amounts came about; what was written before says nothing."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invoice_lines", sa.Column("explanation", JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("invoice_lines", "explanation")
