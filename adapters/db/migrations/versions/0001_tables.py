"""The first tables.

Written in SQL, so that a later change of the declared tables cannot change this migration.
"""

from typing import Final

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS: Final = (
    """
    CREATE TABLE api_keys (
        id VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        key_hash VARCHAR NOT NULL,
        prefix VARCHAR NOT NULL,
        scopes TEXT[] NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        revoked_at TIMESTAMPTZ,
        CONSTRAINT api_keys_pkey PRIMARY KEY (id),
        CONSTRAINT api_keys_key_hash_check CHECK (key_hash ~ '^[0-9a-f]{64}$'),
        CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash)
    )
    """,
    """
    CREATE TABLE audit_log (
        subject VARCHAR NOT NULL,
        command_id VARCHAR NOT NULL,
        command VARCHAR NOT NULL,
        actor_kind VARCHAR NOT NULL,
        actor_id VARCHAR NOT NULL,
        reason VARCHAR,
        at TIMESTAMPTZ NOT NULL,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT audit_log_pkey PRIMARY KEY (subject, command_id),
        CONSTRAINT audit_log_actor_kind_check
        CHECK (actor_kind IN ('api_key', 'customer', 'operator', 'system'))
    )
    """,
    """
    CREATE INDEX audit_log_actor_kind_actor_id_at_idx ON audit_log (actor_kind, actor_id, at)
    """,
    """
    CREATE INDEX audit_log_at_idx ON audit_log (at)
    """,
    """
    CREATE TABLE invoice_counters (
        issuer VARCHAR NOT NULL,
        prefix VARCHAR NOT NULL,
        last_sequence BIGINT DEFAULT 0 NOT NULL,
        CONSTRAINT invoice_counters_pkey PRIMARY KEY (issuer),
        CONSTRAINT invoice_counters_last_sequence_check CHECK (last_sequence >= 0)
    )
    """,
    """
    CREATE TABLE products (
        id VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        family VARCHAR NOT NULL,
        trial_days INTEGER,
        trial_without_payment_method VARCHAR,
        active BOOLEAN DEFAULT true NOT NULL,
        created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT products_pkey PRIMARY KEY (id),
        CONSTRAINT products_trial_days_check CHECK (trial_days > 0),
        CONSTRAINT products_trial_check
        CHECK ((trial_days IS NULL) = (trial_without_payment_method IS NULL)),
        CONSTRAINT products_trial_without_payment_method_check
        CHECK (trial_without_payment_method IN ('cancel'))
    )
    """,
    """
    CREATE TABLE test_clocks (
        id VARCHAR NOT NULL,
        name VARCHAR,
        frozen_at TIMESTAMPTZ NOT NULL,
        status VARCHAR NOT NULL,
        target_at TIMESTAMPTZ,
        created_at TIMESTAMPTZ NOT NULL,
        deleted_at TIMESTAMPTZ,
        CONSTRAINT test_clocks_pkey PRIMARY KEY (id),
        CONSTRAINT test_clocks_status_check CHECK (status IN ('ready', 'advancing', 'deleted')),
        CONSTRAINT test_clocks_target_check
        CHECK ((status = 'advancing') = (target_at IS NOT NULL)),
        CONSTRAINT test_clocks_forward_check CHECK (target_at > frozen_at),
        CONSTRAINT test_clocks_deleted_check
        CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
    )
    """,
    """
    CREATE INDEX test_clocks_created_at_id_idx ON test_clocks (created_at, id)
    """,
    """
    CREATE TABLE webhook_inbox (
        event_id VARCHAR NOT NULL,
        type VARCHAR NOT NULL,
        api_version VARCHAR,
        payload JSONB NOT NULL,
        received_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        processed_at TIMESTAMPTZ,
        attempts INTEGER DEFAULT 0 NOT NULL,
        next_attempt_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        last_error VARCHAR,
        CONSTRAINT webhook_inbox_pkey PRIMARY KEY (event_id),
        CONSTRAINT webhook_inbox_attempts_check CHECK (attempts >= 0)
    )
    """,
    """
    CREATE INDEX webhook_inbox_due_idx ON webhook_inbox (next_attempt_at)
        WHERE processed_at IS NULL
    """,
    """
    CREATE TABLE customers (
        id VARCHAR NOT NULL,
        email VARCHAR NOT NULL,
        name VARCHAR,
        metadata JSONB DEFAULT '{}'::jsonb NOT NULL,
        currency CHAR(3),
        test_clock_id VARCHAR,
        stripe_customer_id VARCHAR,
        default_payment_method_id VARCHAR,
        created_at TIMESTAMPTZ NOT NULL,
        deleted_at TIMESTAMPTZ,
        CONSTRAINT customers_pkey PRIMARY KEY (id),
        CONSTRAINT customers_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT customers_test_clock_id_fkey
        FOREIGN KEY(test_clock_id) REFERENCES test_clocks (id),
        CONSTRAINT customers_stripe_customer_id_key UNIQUE (stripe_customer_id)
    )
    """,
    """
    CREATE INDEX customers_created_at_id_idx ON customers (created_at, id)
    """,
    """
    CREATE INDEX customers_email_created_at_id_idx ON customers (email, created_at, id)
    """,
    """
    CREATE INDEX customers_test_clock_id_idx ON customers (test_clock_id)
        WHERE test_clock_id IS NOT NULL
    """,
    """
    CREATE TABLE idempotency_requests (
        api_key_id VARCHAR NOT NULL,
        key VARCHAR NOT NULL,
        request_hash VARCHAR NOT NULL,
        state VARCHAR NOT NULL,
        locked_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        response_status INTEGER,
        response_headers JSONB,
        response_body BYTEA,
        created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT idempotency_requests_pkey PRIMARY KEY (api_key_id, key),
        CONSTRAINT idempotency_requests_api_key_id_fkey
        FOREIGN KEY(api_key_id) REFERENCES api_keys (id),
        CONSTRAINT idempotency_requests_state_check CHECK (state IN ('running', 'done')),
        CONSTRAINT idempotency_requests_response_check
        CHECK ((state = 'done') = (response_status IS NOT NULL)
        AND (response_status IS NULL) = (response_headers IS NULL)
        AND (response_status IS NULL) = (response_body IS NULL))
    )
    """,
    """
    CREATE INDEX idempotency_requests_created_at_idx ON idempotency_requests (created_at)
    """,
    """
    CREATE TABLE prices (
        id VARCHAR NOT NULL,
        version INTEGER NOT NULL,
        product_id VARCHAR NOT NULL,
        currency CHAR(3) NOT NULL,
        unit_amount_minor NUMERIC(38, 12) NOT NULL,
        interval_unit VARCHAR NOT NULL,
        interval_count INTEGER NOT NULL,
        unit_name VARCHAR NOT NULL,
        minimum_quantity INTEGER NOT NULL,
        maximum_quantity INTEGER NOT NULL,
        active BOOLEAN DEFAULT true NOT NULL,
        created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT prices_pkey PRIMARY KEY (id, version),
        CONSTRAINT prices_product_id_fkey FOREIGN KEY(product_id) REFERENCES products (id),
        CONSTRAINT prices_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT prices_version_check CHECK (version >= 1),
        CONSTRAINT prices_unit_amount_minor_check
        CHECK (unit_amount_minor >= 0 AND unit_amount_minor <> 'NaN'::numeric),
        CONSTRAINT prices_interval_unit_check
        CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
        CONSTRAINT prices_interval_count_check CHECK (interval_count >= 1),
        CONSTRAINT prices_quantity_check
        CHECK (1 <= minimum_quantity AND minimum_quantity <= maximum_quantity)
    )
    """,
    """
    CREATE UNIQUE INDEX prices_active_id_key ON prices (id) WHERE active
    """,
    """
    CREATE INDEX prices_product_id_idx ON prices (product_id)
    """,
    """
    CREATE TABLE checkout_sessions (
        id VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        stripe_session_id VARCHAR,
        url VARCHAR,
        success_url VARCHAR NOT NULL,
        cancel_url VARCHAR NOT NULL,
        status VARCHAR NOT NULL,
        expires_at TIMESTAMPTZ NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        CONSTRAINT checkout_sessions_pkey PRIMARY KEY (id),
        CONSTRAINT checkout_sessions_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT checkout_sessions_status_check
        CHECK (status IN ('open', 'complete', 'expired')),
        CONSTRAINT checkout_sessions_subscription_id_key UNIQUE (subscription_id),
        CONSTRAINT checkout_sessions_stripe_session_id_key UNIQUE (stripe_session_id)
    )
    """,
    """
    CREATE INDEX checkout_sessions_created_at_id_idx ON checkout_sessions (created_at, id)
    """,
    """
    CREATE INDEX checkout_sessions_customer_id_created_at_id_idx ON checkout_sessions
        (customer_id, created_at, id)
    """,
    """
    CREATE TABLE payment_methods (
        id VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        type VARCHAR NOT NULL,
        brand VARCHAR,
        last4 VARCHAR,
        exp_month INTEGER,
        exp_year INTEGER,
        created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        detached_at TIMESTAMPTZ,
        CONSTRAINT payment_methods_pkey PRIMARY KEY (id),
        CONSTRAINT payment_methods_exp_month_check CHECK (exp_month BETWEEN 1 AND 12),
        CONSTRAINT payment_methods_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id)
    )
    """,
    """
    CREATE INDEX payment_methods_customer_id_created_at_id_idx ON payment_methods (customer_id,
        created_at, id)
    """,
    """
    CREATE TABLE subscriptions (
        id VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        product_id VARCHAR NOT NULL,
        price_id VARCHAR NOT NULL,
        price_version INTEGER NOT NULL,
        family VARCHAR NOT NULL,
        quantity INTEGER NOT NULL,
        currency CHAR(3) NOT NULL,
        status VARCHAR NOT NULL,
        period_start TIMESTAMPTZ,
        period_end TIMESTAMPTZ,
        trial_end TIMESTAMPTZ,
        cancel_at TIMESTAMPTZ,
        ended_at TIMESTAMPTZ,
        next_action_kind VARCHAR,
        next_action_at TIMESTAMPTZ,
        revision BIGINT NOT NULL,
        test_clock_id VARCHAR,
        metadata JSONB DEFAULT '{}'::jsonb NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        state JSONB NOT NULL,
        CONSTRAINT subscriptions_pkey PRIMARY KEY (id),
        CONSTRAINT subscriptions_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT subscriptions_price_id_price_version_fkey
        FOREIGN KEY(price_id, price_version) REFERENCES prices (id, version),
        CONSTRAINT subscriptions_product_id_fkey
        FOREIGN KEY(product_id) REFERENCES products (id),
        CONSTRAINT subscriptions_test_clock_id_fkey
        FOREIGN KEY(test_clock_id) REFERENCES test_clocks (id),
        CONSTRAINT subscriptions_status_check
        CHECK (status IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due',
        'unpaid', 'paused', 'canceled')),
        CONSTRAINT subscriptions_next_action_kind_check
        CHECK (next_action_kind IN ('void_invoices', 'activate', 'collect', 'give_up',
        'expire_checkout', 'notify_trial_end', 'cancel', 'convert_trial', 'renew')),
        CONSTRAINT subscriptions_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT subscriptions_quantity_check CHECK (quantity >= 1),
        CONSTRAINT subscriptions_period_check CHECK (period_start < period_end),
        CONSTRAINT subscriptions_ended_check
        CHECK ((status IN ('canceled', 'incomplete_expired')) = (ended_at IS NOT NULL)),
        CONSTRAINT subscriptions_state_check CHECK (state ->> 'subscription_id' = id)
    )
    """,
    """
    CREATE INDEX subscriptions_created_at_id_idx ON subscriptions (created_at, id)
    """,
    """
    CREATE INDEX subscriptions_customer_id_created_at_id_idx ON subscriptions (customer_id,
        created_at, id)
    """,
    """
    CREATE INDEX subscriptions_next_action_at_idx ON subscriptions (next_action_at)
        WHERE next_action_at IS NOT NULL
    """,
    """
    CREATE INDEX subscriptions_period_end_idx ON subscriptions (period_end)
        WHERE ended_at IS NULL
    """,
    """
    CREATE INDEX subscriptions_price_id_price_version_created_at_id_idx ON subscriptions
        (price_id, price_version, created_at, id)
    """,
    """
    CREATE INDEX subscriptions_product_id_created_at_id_idx ON subscriptions (product_id,
        created_at, id)
    """,
    """
    CREATE INDEX subscriptions_status_created_at_id_idx ON subscriptions (status, created_at,
        id)
    """,
    """
    CREATE INDEX subscriptions_test_clock_id_idx ON subscriptions (test_clock_id)
        WHERE test_clock_id IS NOT NULL
    """,
    """
    CREATE TABLE domain_events (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        key VARCHAR NOT NULL,
        type VARCHAR NOT NULL,
        at TIMESTAMPTZ NOT NULL,
        customer_id VARCHAR NOT NULL,
        subscription_id VARCHAR,
        details JSONB DEFAULT '{}'::jsonb NOT NULL,
        delivered_at TIMESTAMPTZ,
        CONSTRAINT domain_events_pkey PRIMARY KEY (id),
        CONSTRAINT domain_events_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT domain_events_subscription_id_fkey
        FOREIGN KEY(subscription_id)
        REFERENCES subscriptions (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT domain_events_key_key UNIQUE (key)
    )
    """,
    """
    CREATE INDEX domain_events_customer_id_at_id_idx ON domain_events (customer_id, at, id)
    """,
    """
    CREATE INDEX domain_events_subscription_id_at_id_idx ON domain_events (subscription_id, at,
        id)
    """,
    """
    CREATE INDEX domain_events_undelivered_idx ON domain_events (id) WHERE delivered_at IS NULL
    """,
    """
    CREATE TABLE invoices (
        id VARCHAR NOT NULL,
        issuer VARCHAR NOT NULL,
        sequence BIGINT NOT NULL,
        number VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        currency CHAR(3) NOT NULL,
        total_minor BIGINT NOT NULL,
        paid_minor BIGINT NOT NULL,
        status VARCHAR NOT NULL,
        period_start TIMESTAMPTZ NOT NULL,
        period_end TIMESTAMPTZ NOT NULL,
        finalized_at TIMESTAMPTZ NOT NULL,
        due_at TIMESTAMPTZ NOT NULL,
        paid_at TIMESTAMPTZ,
        voided_at TIMESTAMPTZ,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT invoices_pkey PRIMARY KEY (id),
        CONSTRAINT invoices_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT invoices_subscription_id_fkey
        FOREIGN KEY(subscription_id)
        REFERENCES subscriptions (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT invoices_issuer_fkey
        FOREIGN KEY(issuer) REFERENCES invoice_counters (issuer),
        CONSTRAINT invoices_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT invoices_status_check CHECK (status IN ('open', 'paid', 'void')),
        CONSTRAINT invoices_period_check CHECK (period_start < period_end),
        CONSTRAINT invoices_paid_minor_check
        CHECK (0 <= paid_minor AND paid_minor <= total_minor),
        CONSTRAINT invoices_paid_check
        CHECK ((status = 'paid') = (paid_at IS NOT NULL)
        AND (status <> 'paid' OR paid_minor = total_minor)),
        CONSTRAINT invoices_void_check CHECK ((status = 'void') = (voided_at IS NOT NULL))
    )
    """,
    """
    CREATE INDEX invoices_customer_id_finalized_at_id_idx ON invoices (customer_id,
        finalized_at, id)
    """,
    """
    CREATE INDEX invoices_finalized_at_id_idx ON invoices (finalized_at, id)
    """,
    """
    CREATE UNIQUE INDEX invoices_issuer_number_key ON invoices (issuer, number)
    """,
    """
    CREATE UNIQUE INDEX invoices_issuer_sequence_key ON invoices (issuer, sequence)
    """,
    """
    CREATE INDEX invoices_open_due_at_idx ON invoices (due_at) WHERE status = 'open'
    """,
    """
    CREATE INDEX invoices_subscription_id_finalized_at_id_idx ON invoices (subscription_id,
        finalized_at, id)
    """,
    """
    CREATE TABLE live_subscriptions (
        customer_id VARCHAR NOT NULL,
        family VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        CONSTRAINT live_subscriptions_pkey PRIMARY KEY (customer_id, family),
        CONSTRAINT live_subscriptions_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT live_subscriptions_subscription_id_fkey
        FOREIGN KEY(subscription_id)
        REFERENCES subscriptions (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT live_subscriptions_subscription_id_key UNIQUE (subscription_id)
    )
    """,
    """
    CREATE TABLE messages (
        key VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        customer_id VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        at TIMESTAMPTZ NOT NULL,
        content JSONB NOT NULL,
        attempts INTEGER DEFAULT 1 NOT NULL,
        begun_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        sent_at TIMESTAMPTZ,
        CONSTRAINT messages_pkey PRIMARY KEY (key),
        CONSTRAINT messages_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT messages_subscription_id_fkey
        FOREIGN KEY(subscription_id)
        REFERENCES subscriptions (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT messages_kind_check
        CHECK (kind IN ('trial_will_end', 'subscription_canceled', 'cancellation_undone',
        'trial_extended', 'payment_failed', 'payment_action_required')),
        CONSTRAINT messages_attempts_check CHECK (attempts >= 1)
    )
    """,
    """
    CREATE INDEX messages_subscription_id_at_idx ON messages (subscription_id, at)
    """,
    """
    CREATE INDEX messages_unsent_idx ON messages (begun_at) WHERE sent_at IS NULL
    """,
    """
    CREATE TABLE trial_redemptions (
        customer_id VARCHAR NOT NULL,
        family VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        CONSTRAINT trial_redemptions_pkey PRIMARY KEY (customer_id, family),
        CONSTRAINT trial_redemptions_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT trial_redemptions_subscription_id_fkey
        FOREIGN KEY(subscription_id) REFERENCES subscriptions (id) DEFERRABLE INITIALLY DEFERRED
    )
    """,
    """
    CREATE TABLE invoice_lines (
        invoice_id VARCHAR NOT NULL,
        position INTEGER NOT NULL,
        description VARCHAR NOT NULL,
        price_id VARCHAR NOT NULL,
        price_version INTEGER NOT NULL,
        quantity INTEGER NOT NULL,
        period_start TIMESTAMPTZ NOT NULL,
        period_end TIMESTAMPTZ NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency CHAR(3) NOT NULL,
        CONSTRAINT invoice_lines_pkey PRIMARY KEY (invoice_id, position),
        CONSTRAINT invoice_lines_invoice_id_fkey
        FOREIGN KEY(invoice_id) REFERENCES invoices (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT invoice_lines_price_id_price_version_fkey
        FOREIGN KEY(price_id, price_version) REFERENCES prices (id, version),
        CONSTRAINT invoice_lines_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT invoice_lines_period_check CHECK (period_start < period_end),
        CONSTRAINT invoice_lines_position_check CHECK (position >= 1)
    )
    """,
    """
    CREATE TABLE journal_entries (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        source_key VARCHAR NOT NULL,
        occurred_at TIMESTAMPTZ NOT NULL,
        customer_id VARCHAR NOT NULL,
        invoice_id VARCHAR NOT NULL,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT journal_entries_pkey PRIMARY KEY (id),
        CONSTRAINT journal_entries_customer_id_fkey
        FOREIGN KEY(customer_id) REFERENCES customers (id),
        CONSTRAINT journal_entries_invoice_id_fkey
        FOREIGN KEY(invoice_id) REFERENCES invoices (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT journal_entries_source_key_key UNIQUE (source_key)
    )
    """,
    """
    CREATE INDEX journal_entries_customer_id_occurred_at_idx ON journal_entries (customer_id,
        occurred_at)
    """,
    """
    CREATE INDEX journal_entries_invoice_id_idx ON journal_entries (invoice_id)
    """,
    """
    CREATE TABLE payment_attempts (
        invoice_id VARCHAR NOT NULL,
        number INTEGER NOT NULL,
        payment_method_id VARCHAR NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency CHAR(3) NOT NULL,
        started_at TIMESTAMPTZ NOT NULL,
        payment_id VARCHAR,
        failed_creations INTEGER DEFAULT 0 NOT NULL,
        failed_confirmations INTEGER DEFAULT 0 NOT NULL,
        outcome_kind VARCHAR,
        outcome JSONB,
        CONSTRAINT payment_attempts_pkey PRIMARY KEY (invoice_id, number),
        CONSTRAINT payment_attempts_invoice_id_fkey
        FOREIGN KEY(invoice_id) REFERENCES invoices (id),
        CONSTRAINT payment_attempts_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT payment_attempts_number_check CHECK (number >= 1),
        CONSTRAINT payment_attempts_amount_minor_check CHECK (amount_minor >= 0),
        CONSTRAINT payment_attempts_outcome_kind_check
        CHECK (outcome_kind IN ('paid', 'declined', 'action_required', 'processing',
        'no_payment_method', 'already_closed')),
        CONSTRAINT payment_attempts_outcome_check
        CHECK ((outcome IS NULL) = (outcome_kind IS NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX payment_attempts_payment_id_key ON payment_attempts (payment_id)
        WHERE payment_id IS NOT NULL
    """,
    """
    CREATE TABLE postings (
        entry_id BIGINT NOT NULL,
        position INTEGER NOT NULL,
        account VARCHAR NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency CHAR(3) NOT NULL,
        CONSTRAINT postings_pkey PRIMARY KEY (entry_id, position),
        CONSTRAINT postings_entry_id_fkey FOREIGN KEY(entry_id) REFERENCES journal_entries (id),
        CONSTRAINT postings_account_check
        CHECK (account IN ('receivable', 'cash', 'deferred_revenue')),
        CONSTRAINT postings_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT postings_position_check CHECK (position >= 1)
    )
    """,
    """
    CREATE INDEX postings_account_currency_idx ON postings (account, currency)
    """,
    "INSERT INTO invoice_counters (issuer, prefix) VALUES ('default', 'PN-')",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
