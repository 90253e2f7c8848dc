"""One-off charges, and lines of invoices that have no price in the catalog.

Columns that may be empty and constraints that every present row satisfies: nothing is rewritten.
"""

from typing import Final

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ITEMS: Final = (
    """
    CREATE TABLE invoice_items (
        id VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        description VARCHAR NOT NULL,
        quantity INTEGER NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency CHAR(3) NOT NULL,
        period_start TIMESTAMP WITH TIME ZONE NOT NULL,
        period_end TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        status VARCHAR NOT NULL,
        invoice_id VARCHAR,
        closed_at TIMESTAMP WITH TIME ZONE,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT invoice_items_pkey PRIMARY KEY (id),
        CONSTRAINT invoice_items_customer_id_fkey
        FOREIGN KEY (customer_id) REFERENCES customers (id),
        CONSTRAINT invoice_items_subscription_id_fkey
        FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
        CONSTRAINT invoice_items_invoice_id_fkey
        FOREIGN KEY (invoice_id) REFERENCES invoices (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT invoice_items_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT invoice_items_status_check
        CHECK (status IN ('pending', 'invoiced', 'canceled', 'lapsed')),
        CONSTRAINT invoice_items_quantity_check CHECK (quantity >= 1),
        CONSTRAINT invoice_items_amount_minor_check CHECK (amount_minor >= 1),
        CONSTRAINT invoice_items_period_check CHECK (period_start < period_end),
        CONSTRAINT invoice_items_invoiced_check
        CHECK ((status = 'invoiced') = (invoice_id IS NOT NULL)),
        CONSTRAINT invoice_items_closed_check CHECK ((status = 'pending') = (closed_at IS NULL))
    )
    """,
    """
    CREATE INDEX invoice_items_customer_id_created_at_id_idx
        ON invoice_items (customer_id, created_at, id)
    """,
    """
    CREATE INDEX invoice_items_subscription_id_idx
        ON invoice_items (subscription_id) WHERE status = 'pending'
    """,
    """
    CREATE INDEX invoice_items_invoice_id_idx
        ON invoice_items (invoice_id) WHERE invoice_id IS NOT NULL
    """,
)

_CHANGED: Final = (
    """
    ALTER TABLE invoice_lines
        ALTER COLUMN price_id DROP NOT NULL,
        ALTER COLUMN price_version DROP NOT NULL,
        ADD COLUMN item_id VARCHAR,
        ADD CONSTRAINT invoice_lines_item_id_fkey
        FOREIGN KEY (item_id) REFERENCES invoice_items (id) DEFERRABLE INITIALLY DEFERRED,
        ADD CONSTRAINT invoice_lines_price_check
        CHECK ((price_id IS NULL) = (price_version IS NULL)
        AND (price_id IS NOT NULL OR item_id IS NOT NULL))
    """,
    """
    ALTER TABLE operator_tasks
        DROP CONSTRAINT operator_tasks_kind_check,
        ADD CONSTRAINT operator_tasks_kind_check
        CHECK (kind IN ('refund_failed', 'dispute_opened', 'unknown_refund', 'items_lapsed'))
    """,
)

_CHANGED_BACK: Final = (
    "DELETE FROM operator_tasks WHERE kind = 'items_lapsed'",
    """
    ALTER TABLE operator_tasks
        DROP CONSTRAINT operator_tasks_kind_check,
        ADD CONSTRAINT operator_tasks_kind_check
        CHECK (kind IN ('refund_failed', 'dispute_opened', 'unknown_refund'))
    """,
    """
    ALTER TABLE invoice_lines
        DROP CONSTRAINT invoice_lines_price_check,
        DROP COLUMN item_id,
        ALTER COLUMN price_version SET NOT NULL,
        ALTER COLUMN price_id SET NOT NULL
    """,
    "DROP TABLE invoice_items",
)


def upgrade() -> None:
    for statement in (*_ITEMS, *_CHANGED):
        op.execute(statement)


def downgrade() -> None:
    """Refused by the database where an invoice has charged something once."""
    for statement in _CHANGED_BACK:
        op.execute(statement)
