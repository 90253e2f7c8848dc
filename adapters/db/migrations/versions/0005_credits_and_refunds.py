"""Money that goes back: balances, credit notes, refunds, disputes, and tasks for operators.

Written in SQL, as the first tables are. Attempts of before get the real time of their start as the
subscription's time, which it is but on test clocks. Two labels that grow with the code, the kinds
of messages and of next actions, are no longer checked.
"""

from typing import Final

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COUNTERS: Final = (
    "ALTER TABLE invoices DROP CONSTRAINT invoices_issuer_fkey",
    "ALTER TABLE invoice_counters RENAME TO document_counters",
    "ALTER TABLE document_counters ADD COLUMN document VARCHAR DEFAULT 'invoice' NOT NULL",
    "ALTER TABLE document_counters ALTER COLUMN document DROP DEFAULT",
    "ALTER TABLE document_counters DROP CONSTRAINT invoice_counters_pkey",
    """
    ALTER TABLE document_counters
        ADD CONSTRAINT document_counters_pkey PRIMARY KEY (issuer, document),
        ADD CONSTRAINT document_counters_document_check
        CHECK (document IN ('invoice', 'credit_note'))
    """,
    """
    ALTER TABLE document_counters
        RENAME CONSTRAINT invoice_counters_last_sequence_check
        TO document_counters_last_sequence_check
    """,
    """
    INSERT INTO document_counters (issuer, document, prefix)
    VALUES ('default', 'credit_note', 'CN-')
    """,
)

_CHANGED: Final = (
    """
    ALTER TABLE invoices
        ADD COLUMN balance_minor BIGINT DEFAULT 0 NOT NULL,
        ADD COLUMN change_id VARCHAR,
        DROP CONSTRAINT invoices_paid_minor_check,
        DROP CONSTRAINT invoices_paid_check,
        ADD CONSTRAINT invoices_paid_minor_check
        CHECK (0 <= paid_minor AND 0 <= balance_minor
        AND paid_minor + balance_minor <= greatest(total_minor, 0)),
        ADD CONSTRAINT invoices_paid_check
        CHECK ((status = 'paid') = (paid_at IS NOT NULL)
        AND (status <> 'paid' OR paid_minor + balance_minor = greatest(total_minor, 0)))
    """,
    """
    ALTER TABLE invoice_lines
        ADD COLUMN credits_invoice_id VARCHAR,
        ADD COLUMN credits_position INTEGER,
        ADD CONSTRAINT invoice_lines_credits_invoice_id_credits_position_fkey
        FOREIGN KEY (credits_invoice_id, credits_position)
        REFERENCES invoice_lines (invoice_id, position),
        ADD CONSTRAINT invoice_lines_credits_check
        CHECK ((credits_invoice_id IS NULL) = (credits_position IS NULL)
        AND (credits_invoice_id IS NULL OR amount_minor < 0))
    """,
    """
    CREATE INDEX invoice_lines_credits_invoice_id_credits_position_idx
        ON invoice_lines (credits_invoice_id, credits_position)
        WHERE credits_invoice_id IS NOT NULL
    """,
    "ALTER TABLE postings DROP CONSTRAINT postings_account_check",
    """
    ALTER TABLE postings ADD CONSTRAINT postings_account_check
        CHECK (account IN ('receivable', 'cash', 'deferred_revenue', 'customer_balance',
        'refunds_payable', 'disputes', 'dispute_losses'))
    """,
    "ALTER TABLE payment_attempts ADD COLUMN attempted_at TIMESTAMPTZ",
    "UPDATE payment_attempts SET attempted_at = started_at",
    "ALTER TABLE payment_attempts ALTER COLUMN attempted_at SET NOT NULL",
    """
    CREATE INDEX payment_attempts_payment_method_id_attempted_at_idx
        ON payment_attempts (payment_method_id, attempted_at)
    """,
    """
    ALTER TABLE subscriptions
        ADD COLUMN pending_change_at TIMESTAMPTZ,
        ADD COLUMN resumes_at TIMESTAMPTZ,
        DROP CONSTRAINT subscriptions_next_action_kind_check
    """,
    "ALTER TABLE messages DROP CONSTRAINT messages_kind_check",
)

_BALANCES: Final = (
    """
    CREATE TABLE customer_balances (
        customer_id VARCHAR NOT NULL,
        currency CHAR(3) NOT NULL,
        balance_minor BIGINT NOT NULL,
        CONSTRAINT customer_balances_pkey PRIMARY KEY (customer_id, currency),
        CONSTRAINT customer_balances_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT customer_balances_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT customer_balances_balance_minor_check CHECK (balance_minor >= 0)
    )
    """,
    """
    CREATE TABLE balance_movements (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        source_key VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        cause VARCHAR NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency CHAR(3) NOT NULL,
        at TIMESTAMPTZ NOT NULL,
        invoice_id VARCHAR,
        credit_note_id VARCHAR,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT balance_movements_pkey PRIMARY KEY (id),
        CONSTRAINT balance_movements_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT balance_movements_invoice_id_fkey
        FOREIGN KEY(invoice_id) REFERENCES invoices (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT balance_movements_credit_note_id_fkey
        FOREIGN KEY(credit_note_id) REFERENCES credit_notes (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT balance_movements_cause_check CHECK (cause IN ('credit_note',
        'negative_invoice', 'applied', 'restored', 'refund_failed')),
        CONSTRAINT balance_movements_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT balance_movements_amount_minor_check CHECK (amount_minor <> 0),
        CONSTRAINT balance_movements_source_key_key UNIQUE (source_key)
    )
    """,
    """
    CREATE INDEX balance_movements_customer_id_at_id_idx
        ON balance_movements (customer_id, at, id)
    """,
)

_CREDIT_NOTES: Final = (
    """
    CREATE TABLE credit_notes (
        id VARCHAR NOT NULL,
        issuer VARCHAR NOT NULL,
        sequence BIGINT NOT NULL,
        number VARCHAR NOT NULL,
        source VARCHAR NOT NULL,
        invoice_id VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        currency CHAR(3) NOT NULL,
        reason VARCHAR NOT NULL,
        to_balance_minor BIGINT NOT NULL,
        to_card_minor BIGINT NOT NULL,
        issued_at TIMESTAMPTZ NOT NULL,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT credit_notes_pkey PRIMARY KEY (id),
        CONSTRAINT credit_notes_invoice_id_fkey
        FOREIGN KEY(invoice_id) REFERENCES invoices (id),
        CONSTRAINT credit_notes_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT credit_notes_subscription_id_fkey
        FOREIGN KEY(subscription_id)
        REFERENCES subscriptions (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT credit_notes_reason_check CHECK (reason IN ('canceled', 'paused',
        'change_lapsed', 'requested', 'refunded_at_gateway')),
        CONSTRAINT credit_notes_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT credit_notes_amounts_check
        CHECK (to_balance_minor >= 0 AND to_card_minor >= 0)
    )
    """,
    """
    CREATE INDEX credit_notes_customer_id_issued_at_id_idx
        ON credit_notes (customer_id, issued_at, id)
    """,
    "CREATE UNIQUE INDEX credit_notes_id_invoice_id_key ON credit_notes (id, invoice_id)",
    "CREATE UNIQUE INDEX credit_notes_invoice_id_source_key ON credit_notes (invoice_id, source)",
    "CREATE INDEX credit_notes_issued_at_id_idx ON credit_notes (issued_at, id)",
    "CREATE UNIQUE INDEX credit_notes_issuer_number_key ON credit_notes (issuer, number)",
    "CREATE UNIQUE INDEX credit_notes_issuer_sequence_key ON credit_notes (issuer, sequence)",
    """
    CREATE INDEX credit_notes_subscription_id_issued_at_id_idx
        ON credit_notes (subscription_id, issued_at, id)
    """,
    """
    CREATE TABLE credit_note_lines (
        credit_note_id VARCHAR NOT NULL,
        position INTEGER NOT NULL,
        invoice_id VARCHAR NOT NULL,
        debit_position INTEGER NOT NULL,
        description VARCHAR NOT NULL,
        period_start TIMESTAMPTZ NOT NULL,
        period_end TIMESTAMPTZ NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency CHAR(3) NOT NULL,
        CONSTRAINT credit_note_lines_pkey PRIMARY KEY (credit_note_id, position),
        CONSTRAINT credit_note_lines_credit_note_id_invoice_id_fkey
        FOREIGN KEY(credit_note_id, invoice_id) REFERENCES credit_notes (id, invoice_id),
        CONSTRAINT credit_note_lines_invoice_id_debit_position_fkey
        FOREIGN KEY(invoice_id, debit_position) REFERENCES invoice_lines (invoice_id, position),
        CONSTRAINT credit_note_lines_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT credit_note_lines_period_check CHECK (period_start < period_end),
        CONSTRAINT credit_note_lines_position_check CHECK (position >= 1),
        CONSTRAINT credit_note_lines_amount_minor_check CHECK (amount_minor > 0)
    )
    """,
    """
    CREATE INDEX credit_note_lines_invoice_id_debit_position_idx
        ON credit_note_lines (invoice_id, debit_position)
    """,
    """
    CREATE VIEW line_credits AS
    SELECT line.credits_invoice_id AS invoice_id, line.credits_position AS position,
        -line.amount_minor AS amount_minor, line.currency, line.period_start, line.period_end
    FROM invoice_lines AS line JOIN invoices ON invoices.id = line.invoice_id
    WHERE line.credits_invoice_id IS NOT NULL AND invoices.status <> 'void'
    UNION ALL
    SELECT invoice_id, debit_position, amount_minor, currency, period_start, period_end
    FROM credit_note_lines
    """,
)

_REFUNDS: Final = (
    """
    CREATE TABLE refunds (
        id VARCHAR NOT NULL,
        credit_note_id VARCHAR NOT NULL,
        invoice_id VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        payment_id VARCHAR NOT NULL,
        currency CHAR(3) NOT NULL,
        amount_minor BIGINT NOT NULL,
        state VARCHAR NOT NULL,
        gateway_refund_id VARCHAR,
        failed_creations INTEGER DEFAULT 0 NOT NULL,
        failure_reason VARCHAR,
        is_external BOOLEAN DEFAULT false NOT NULL,
        requested_at TIMESTAMPTZ NOT NULL,
        started_at TIMESTAMPTZ,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT refunds_pkey PRIMARY KEY (id),
        CONSTRAINT refunds_credit_note_id_fkey
        FOREIGN KEY(credit_note_id) REFERENCES credit_notes (id),
        CONSTRAINT refunds_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoices (id),
        CONSTRAINT refunds_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT refunds_subscription_id_fkey
        FOREIGN KEY(subscription_id)
        REFERENCES subscriptions (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT refunds_state_check CHECK (state IN ('pending', 'succeeded', 'failed')),
        CONSTRAINT refunds_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT refunds_amount_minor_check CHECK (amount_minor > 0),
        CONSTRAINT refunds_failed_creations_check CHECK (failed_creations >= 0),
        CONSTRAINT refunds_credit_note_id_key UNIQUE (credit_note_id)
    )
    """,
    """
    CREATE INDEX refunds_customer_id_requested_at_id_idx
        ON refunds (customer_id, requested_at, id)
    """,
    """
    CREATE UNIQUE INDEX refunds_gateway_refund_id_key ON refunds (gateway_refund_id)
        WHERE gateway_refund_id IS NOT NULL
    """,
    "CREATE INDEX refunds_invoice_id_idx ON refunds (invoice_id)",
    "CREATE INDEX refunds_pending_idx ON refunds (requested_at, id) WHERE state = 'pending'",
    "CREATE INDEX refunds_requested_at_id_idx ON refunds (requested_at, id)",
    """
    CREATE INDEX refunds_subscription_id_requested_at_id_idx
        ON refunds (subscription_id, requested_at, id)
    """,
)

_DISPUTES: Final = (
    """
    CREATE TABLE disputes (
        id VARCHAR NOT NULL,
        payment_id VARCHAR NOT NULL,
        invoice_id VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        currency CHAR(3) NOT NULL,
        amount_minor BIGINT NOT NULL,
        state VARCHAR NOT NULL,
        reason VARCHAR NOT NULL,
        opened_at TIMESTAMPTZ NOT NULL,
        closed_at TIMESTAMPTZ,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT disputes_pkey PRIMARY KEY (id),
        CONSTRAINT disputes_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoices (id),
        CONSTRAINT disputes_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT disputes_subscription_id_fkey
        FOREIGN KEY(subscription_id)
        REFERENCES subscriptions (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT disputes_state_check CHECK (state IN ('inquiry', 'open', 'won', 'lost')),
        CONSTRAINT disputes_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT disputes_amount_minor_check CHECK (amount_minor > 0),
        CONSTRAINT disputes_closed_check
        CHECK ((state IN ('won', 'lost')) = (closed_at IS NOT NULL))
    )
    """,
    "CREATE INDEX disputes_customer_id_opened_at_id_idx ON disputes (customer_id, opened_at, id)",
    "CREATE INDEX disputes_opened_at_id_idx ON disputes (opened_at, id)",
    "CREATE INDEX disputes_payment_id_idx ON disputes (payment_id)",
    """
    CREATE INDEX disputes_subscription_id_opened_at_id_idx
        ON disputes (subscription_id, opened_at, id)
    """,
)

_TASKS: Final = (
    """
    CREATE TABLE operator_tasks (
        key VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        subject VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        subscription_id VARCHAR,
        details JSONB DEFAULT '{}'::jsonb NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        closed_at TIMESTAMPTZ,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT operator_tasks_pkey PRIMARY KEY (key),
        CONSTRAINT operator_tasks_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT operator_tasks_subscription_id_fkey
        FOREIGN KEY(subscription_id)
        REFERENCES subscriptions (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT operator_tasks_kind_check
        CHECK (kind IN ('refund_failed', 'dispute_opened', 'unknown_refund'))
    )
    """,
    """
    CREATE INDEX operator_tasks_open_idx ON operator_tasks (created_at, key)
        WHERE closed_at IS NULL
    """,
    """
    CREATE INDEX operator_tasks_subscription_id_created_at_idx
        ON operator_tasks (subscription_id, created_at)
    """,
)


def upgrade() -> None:
    for statement in (
        *_COUNTERS,
        *_CHANGED,
        *_CREDIT_NOTES,
        *_BALANCES,
        *_REFUNDS,
        *_DISPUTES,
        *_TASKS,
    ):
        op.execute(statement)
