"""What invoices say, the PDFs that say it, and invoices that nobody will pay.

Constant defaults: existing rows are not rewritten. Invoices of before have no particulars: what
they would have said then is not known.
"""

from typing import Final

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES: Final = (
    """
    CREATE TABLE sellers (
        issuer VARCHAR NOT NULL,
        name VARCHAR,
        address VARCHAR,
        tax_id VARCHAR,
        changed_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT sellers_pkey PRIMARY KEY (issuer)
    )
    """,
    """
    CREATE TABLE invoice_settings (
        subject VARCHAR NOT NULL,
        memo VARCHAR,
        purchase_order VARCHAR,
        footer VARCHAR,
        changed_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT invoice_settings_pkey PRIMARY KEY (subject),
        CONSTRAINT invoice_settings_said_check
        CHECK (memo IS NOT NULL OR purchase_order IS NOT NULL OR footer IS NOT NULL)
    )
    """,
    """
    CREATE TABLE documents (
        document VARCHAR NOT NULL,
        subject_id VARCHAR NOT NULL,
        content BYTEA NOT NULL,
        sha256 VARCHAR NOT NULL,
        made_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT documents_pkey PRIMARY KEY (document, subject_id),
        CONSTRAINT documents_document_check CHECK (document IN ('invoice', 'credit_note')),
        CONSTRAINT documents_sha256_check CHECK (sha256 = encode(sha256(content), 'hex'))
    )
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON documents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)

_INVOICES: Final = """
    ALTER TABLE invoices
        ADD COLUMN particulars JSONB DEFAULT '{}'::jsonb NOT NULL,
        ADD COLUMN uncollectible_at TIMESTAMPTZ,
        DROP CONSTRAINT invoices_status_check,
        ADD CONSTRAINT invoices_status_check
        CHECK (status IN ('open', 'paid', 'void', 'uncollectible')),
        ADD CONSTRAINT invoices_uncollectible_check
        CHECK ((status = 'uncollectible') = (uncollectible_at IS NOT NULL))
"""

_ACCOUNTS: Final = (
    "ALTER TABLE postings DROP CONSTRAINT postings_account_check",
    """
    ALTER TABLE postings ADD CONSTRAINT postings_account_check
        CHECK (account IN ('receivable', 'cash', 'deferred_revenue', 'customer_balance',
        'refunds_payable', 'disputes', 'dispute_losses', 'bad_debt'))
    """,
)

_INVOICE_CHANGE: Final = """
    CREATE OR REPLACE FUNCTION check_invoice_change() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        movable text[] := ARRAY['status', 'paid_minor', 'paid_at', 'voided_at', 'uncollectible_at'];
    BEGIN
        IF to_jsonb(NEW) - movable IS DISTINCT FROM to_jsonb(OLD) - movable
            OR (OLD.status <> 'open' AND NEW IS DISTINCT FROM OLD)
        THEN
            RAISE EXCEPTION 'invoice % is finalised: only an open one may be closed', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
"""


def upgrade() -> None:
    for statement in (*_TABLES, _INVOICES, *_ACCOUNTS, _INVOICE_CHANGE):
        op.execute(statement)
