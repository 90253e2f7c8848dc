"""Payments that reached the seller outside the gateway, in whole or in part.

What was paid of an open invoice only grows, and is what was received of it: both guards are seen by
no comparison of schemas; tests are.
"""

from typing import Final

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_TABLE: Final = """
    CREATE TABLE received_payments (
        id VARCHAR NOT NULL,
        invoice_id VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        command_id VARCHAR NOT NULL,
        currency CHAR(3) NOT NULL,
        amount_minor BIGINT NOT NULL,
        applied_minor BIGINT NOT NULL,
        left_minor BIGINT NOT NULL,
        method VARCHAR NOT NULL,
        reference VARCHAR NOT NULL,
        received_at TIMESTAMPTZ NOT NULL,
        booked_at TIMESTAMPTZ NOT NULL,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT received_payments_pkey PRIMARY KEY (id),
        CONSTRAINT received_payments_invoice_id_fkey
        FOREIGN KEY (invoice_id) REFERENCES invoices (id),
        CONSTRAINT received_payments_customer_id_fkey
        FOREIGN KEY (customer_id) REFERENCES customers (id),
        CONSTRAINT received_payments_subscription_id_fkey
        FOREIGN KEY (subscription_id) REFERENCES subscriptions (id)
        DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT received_payments_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT received_payments_method_check
        CHECK (method IN ('bank_transfer', 'check', 'cash', 'other')),
        CONSTRAINT received_payments_reference_check CHECK (reference <> ''),
        CONSTRAINT received_payments_applied_minor_check
        CHECK (0 < applied_minor AND applied_minor <= amount_minor AND 0 <= left_minor
        AND (left_minor = 0 OR applied_minor = amount_minor))
    )
"""

_CHECKS: Final = (
    "ALTER TABLE postings DROP CONSTRAINT postings_account_check",
    """
    ALTER TABLE postings ADD CONSTRAINT postings_account_check
        CHECK (account IN ('receivable', 'cash', 'bank', 'deferred_revenue', 'tax_payable',
        'customer_balance', 'refunds_payable', 'disputes', 'dispute_losses', 'bad_debt',
        'write_offs'))
    """,
    "ALTER TABLE balance_movements DROP CONSTRAINT balance_movements_cause_check",
    """
    ALTER TABLE balance_movements ADD CONSTRAINT balance_movements_cause_check
        CHECK (cause IN ('credit_note', 'negative_invoice', 'applied', 'restored',
        'refund_failed', 'overpaid'))
    """,
)

_INVOICE_CHANGE: Final = """
    CREATE OR REPLACE FUNCTION check_invoice_change() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        movable text[] := ARRAY['status', 'paid_minor', 'paid_at', 'voided_at', 'uncollectible_at'];
    BEGIN
        IF to_jsonb(NEW) - movable IS DISTINCT FROM to_jsonb(OLD) - movable
            OR (OLD.status <> 'open' AND NEW IS DISTINCT FROM OLD)
            OR NEW.paid_minor < OLD.paid_minor
        THEN
            RAISE EXCEPTION 'invoice % is finalised: only an open one may be closed', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
"""

# What a card pays closes the invoice: whatever else was paid of it was received.
_RECEIVED: Final = """
    CREATE FUNCTION check_received_payments() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        paid_invoice text := to_jsonb(NEW) ->> TG_ARGV[0];
        invoice invoices;
        received bigint;
        currencies bigint;
    BEGIN
        SELECT * INTO invoice FROM invoices WHERE id = paid_invoice;
        SELECT coalesce(sum(applied_minor), 0), count(*) FILTER (WHERE currency <> invoice.currency)
        INTO received, currencies
        FROM received_payments WHERE invoice_id = paid_invoice;
        IF currencies > 0 OR received > invoice.paid_minor
            OR (invoice.status <> 'paid' AND received <> invoice.paid_minor)
            OR (invoice.status = 'open' AND received > 0
                AND received + invoice.balance_minor >= invoice.total_minor)
        THEN
            RAISE EXCEPTION 'invoice % (%) has % paid, of which % was received', paid_invoice,
                invoice.status, invoice.paid_minor, received
                USING ERRCODE = 'check_violation', CONSTRAINT = 'invoices_received_check';
        END IF;
        RETURN NULL;
    END $$
"""

_TRIGGERS: Final = (
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON received_payments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE CONSTRAINT TRIGGER received AFTER INSERT ON received_payments
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_received_payments('invoice_id')
    """,
    """
    CREATE CONSTRAINT TRIGGER received AFTER UPDATE ON invoices
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.paid_minor <> OLD.paid_minor AND NEW.status <> 'paid')
    EXECUTE FUNCTION check_received_payments('id')
    """,
)


def upgrade() -> None:
    op.execute(_TABLE)
    op.execute("""
        CREATE UNIQUE INDEX received_payments_invoice_id_reference_key
            ON received_payments (invoice_id, reference)
    """)
    for statement in (*_CHECKS, _INVOICE_CHANGE, _RECEIVED, *_TRIGGERS):
        op.execute(statement)
