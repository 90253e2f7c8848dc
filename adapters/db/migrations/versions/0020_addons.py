"""Add-ons name the subscription that they are sold beside."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE subscriptions ADD COLUMN parent_id VARCHAR"
        " CONSTRAINT subscriptions_parent_id_fkey REFERENCES subscriptions (id)"
    )
    op.execute(
        "CREATE INDEX subscriptions_parent_id_idx ON subscriptions (parent_id)"
        " WHERE parent_id IS NOT NULL"
    )
