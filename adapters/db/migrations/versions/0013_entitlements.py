"""What customers may do: features, what sources give, and operators' grants.

Subscriptions that run already were sold without entitlements and give none until they are changed.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "features",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("unit", sa.String(), nullable=True),
        _created_at(default=True),
    )
    op.create_table(
        "entitlements",
        sa.Column("customer_id", sa.String(), sa.ForeignKey("customers.id"), primary_key=True),
        sa.Column("source_id", sa.String(), primary_key=True),
        sa.Column("feature", sa.String(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("entitlement", JSONB(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("source IN ('subscription', 'grant')", name="source"),
        sa.CheckConstraint("entitlement ->> 'feature' = feature", name="entitlement"),
    )
    op.create_index(
        "entitlements_feature_customer_id_idx", "entitlements", ["feature", "customer_id"]
    )
    op.create_table(
        "entitlement_grants",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("customer_id", sa.String(), sa.ForeignKey("customers.id"), nullable=False),
        sa.Column("feature", sa.String(), sa.ForeignKey("features.id"), nullable=False),
        sa.Column("entitlement", JSONB(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        _created_at(default=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "actor_kind IN ('api_key', 'customer', 'operator', 'system')", name="actor_kind"
        ),
    )
    op.create_index(
        "entitlement_grants_customer_id_created_at_id_idx",
        "entitlement_grants",
        ["customer_id", "created_at", "id"],
    )
    op.create_index(
        "entitlement_grants_until_idx",
        "entitlement_grants",
        ["until"],
        postgresql_where=sa.text("ended_at IS NULL AND until IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("entitlement_grants")
    op.drop_table("entitlements")
    op.drop_table("features")


def _created_at(*, default: bool) -> "sa.Column[object]":
    return sa.Column(
        "created_at",
        sa.DateTime(timezone=True),
        server_default=sa.text("now()") if default else None,
        nullable=False,
    )
