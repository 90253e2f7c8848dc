"""Lines say the tax category of what they are for; those from before do not."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("invoice_lines", "credit_note_lines"):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN tax_category VARCHAR"
            f" CONSTRAINT {table}_tax_category_check"
            " CHECK (tax_category IS NULL OR tax_rate IS NOT NULL)"
        )
