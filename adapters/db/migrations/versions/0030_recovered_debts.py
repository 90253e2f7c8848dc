"""A bad debt may be paid after all, by what reached the seller outside the gateway.

What was written off stays known of an invoice that is paid after that. The guards are seen by no
comparison of schemas; tests are.
"""

from typing import Final

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_CHECKS: Final = (
    "ALTER TABLE invoices DROP CONSTRAINT invoices_uncollectible_check",
    """
    ALTER TABLE invoices ADD CONSTRAINT invoices_uncollectible_check
        CHECK ((status <> 'uncollectible' OR uncollectible_at IS NOT NULL)
        AND (uncollectible_at IS NULL OR status IN ('uncollectible', 'paid')))
    """,
)

_INVOICE_CHANGE: Final = """
    CREATE OR REPLACE FUNCTION check_invoice_change() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        movable text[] := ARRAY['status', 'paid_minor', 'paid_at', 'voided_at', 'uncollectible_at'];
        is_changed boolean := NEW IS DISTINCT FROM OLD;
    BEGIN
        IF to_jsonb(NEW) - movable IS DISTINCT FROM to_jsonb(OLD) - movable
            OR NEW.paid_minor < OLD.paid_minor
            OR (is_changed AND OLD.status NOT IN ('open', 'uncollectible'))
            OR (OLD.status = 'open' AND NEW.status = 'paid' AND NEW.uncollectible_at IS NOT NULL)
            OR (is_changed AND OLD.status = 'uncollectible' AND (
                NEW.status NOT IN ('uncollectible', 'paid')
                OR NEW.paid_minor = OLD.paid_minor
                OR NEW.uncollectible_at IS DISTINCT FROM OLD.uncollectible_at
            ))
        THEN
            RAISE EXCEPTION 'invoice % is finalised: only an open one may be closed', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
"""

# What a card pays closes an open invoice: whatever else was paid of it was received. Of a bad debt,
# everything was.
_RECEIVED: Final = """
    CREATE OR REPLACE FUNCTION check_received_payments() RETURNS trigger LANGUAGE plpgsql AS $$
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
            OR ((invoice.status <> 'paid' OR invoice.uncollectible_at IS NOT NULL)
                AND received <> invoice.paid_minor)
            OR (invoice.status IN ('open', 'uncollectible') AND received > 0
                AND received + invoice.balance_minor >= invoice.total_minor)
        THEN
            RAISE EXCEPTION 'invoice % (%) has % paid, of which % was received', paid_invoice,
                invoice.status, invoice.paid_minor, received
                USING ERRCODE = 'check_violation', CONSTRAINT = 'invoices_received_check';
        END IF;
        RETURN NULL;
    END $$
"""

_TRIGGER: Final = (
    "DROP TRIGGER received ON invoices",
    """
    CREATE CONSTRAINT TRIGGER received AFTER UPDATE ON invoices
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (
        NEW.paid_minor <> OLD.paid_minor
        AND (NEW.status <> 'paid' OR OLD.status = 'uncollectible')
    )
    EXECUTE FUNCTION check_received_payments('id')
    """,
)


def upgrade() -> None:
    for statement in (*_CHECKS, _INVOICE_CHANGE, _RECEIVED, *_TRIGGER):
        op.execute(statement)
