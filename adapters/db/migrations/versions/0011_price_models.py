"""Prices have a model instead of an amount per unit, bounds of what they cost, and a step.

The amounts of stored prices become exact decimals in text, whose meaning does not change. The
column is converted in place: no row is updated, which the guard of prices would refuse.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("unit_amount_minor", "prices", type_="check")
    op.execute(
        """
        ALTER TABLE prices ALTER COLUMN unit_amount_minor TYPE jsonb USING jsonb_build_object(
            'kind', 'per_unit', 'unit_amount_minor', trim_scale(unit_amount_minor)::text
        )
        """
    )
    op.alter_column("prices", "unit_amount_minor", new_column_name="model")
    op.create_check_constraint("model", "prices", "model ? 'kind'")
    op.add_column("prices", sa.Column("minimum_amount_minor", sa.BigInteger(), nullable=True))
    op.add_column("prices", sa.Column("maximum_amount_minor", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        "amounts",
        "prices",
        "0 < minimum_amount_minor AND minimum_amount_minor <= maximum_amount_minor",
    )
    op.add_column(
        "prices",
        sa.Column("quantity_step", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    op.create_check_constraint("quantity_step", "prices", "quantity_step >= 1")


def downgrade() -> None:
    """Fails where a price has another model than an amount per unit: nothing could replace it."""
    op.drop_column("prices", "quantity_step")
    op.drop_constraint("amounts", "prices", type_="check")
    op.drop_column("prices", "maximum_amount_minor")
    op.drop_column("prices", "minimum_amount_minor")
    op.drop_constraint("model", "prices", type_="check")
    op.alter_column("prices", "model", new_column_name="unit_amount_minor")
    op.execute(
        """
        ALTER TABLE prices ALTER COLUMN unit_amount_minor TYPE numeric(38, 12)
        USING (unit_amount_minor ->> 'unit_amount_minor')::numeric(38, 12)
        """
    )
    op.create_check_constraint(
        "unit_amount_minor",
        "prices",
        "unit_amount_minor >= 0 AND unit_amount_minor <> 'NaN'::numeric",
    )
