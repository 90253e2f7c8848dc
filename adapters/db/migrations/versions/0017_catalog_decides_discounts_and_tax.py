"""Coupons and tax rates come from the catalog in force, not from the one published last.

Every version has them in its document; what remains of a coupon is how often it is held.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE coupons DROP COLUMN terms, DROP COLUMN active")
    op.execute("DROP TABLE tax_rates")
    op.execute("DROP TABLE tax_sellers")
