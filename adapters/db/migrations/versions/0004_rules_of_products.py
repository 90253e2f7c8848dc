"""Products have more rules, and customers a segment that decides between them.

Constant defaults: existing rows are not rewritten. A product without rules has the defaults of
`billing.catalog.Product` until the catalog is put on sale again.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "products",
        sa.Column("rules", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    )
    op.create_check_constraint("rules", "products", "jsonb_typeof(rules) = 'object'")
    _trials_without_payment_method("'cancel', 'pause', 'invoice'")
    op.add_column("customers", sa.Column("segment", sa.String(), nullable=True))
    op.create_check_constraint("segment", "customers", "segment ~ '^[a-z][a-z0-9_]{1,62}$'")


def downgrade() -> None:
    op.drop_column("customers", "segment")
    op.execute(
        "UPDATE products SET trial_without_payment_method = 'cancel'"
        " WHERE trial_without_payment_method IS NOT NULL"
    )
    _trials_without_payment_method("'cancel'")
    op.drop_column("products", "rules")


def _trials_without_payment_method(choices: str) -> None:
    op.drop_constraint("trial_without_payment_method", "products", type_="check")
    op.create_check_constraint(
        "trial_without_payment_method",
        "products",
        f"trial_without_payment_method IN ({choices})",
    )
