"""Discounts and tax: coupons, tax rates, addresses, and both on every line of a document.

Constant defaults: existing rows are not rewritten, and say that nothing was discounted or taxed.
"""

from typing import Final

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TAX_COLUMNS: Final = """
        ADD COLUMN tax_jurisdiction VARCHAR,
        ADD COLUMN tax_name VARCHAR,
        ADD COLUMN tax_rate NUMERIC(9, 6),
        ADD COLUMN tax_reason VARCHAR,
        ADD COLUMN tax_inclusive BOOLEAN DEFAULT false NOT NULL,
        ADD COLUMN tax_minor BIGINT DEFAULT 0 NOT NULL,
        ADD CONSTRAINT {table}_tax_check
        CHECK (num_nulls(tax_jurisdiction, tax_name, tax_rate) IN (0, 3)
        AND (tax_rate IS NOT NULL
        OR (tax_minor = 0 AND tax_reason IS NULL AND NOT tax_inclusive))),
        ADD CONSTRAINT {table}_tax_rate_check CHECK (0 <= tax_rate AND tax_rate <= 100),
        ADD CONSTRAINT {table}_tax_reason_check
        CHECK (tax_reason IS NULL OR (tax_rate = 0 AND tax_minor = 0)),
        ADD CONSTRAINT {table}_tax_minor_check CHECK (tax_minor * sign(amount_minor) >= 0)
"""

_CHANGED: Final = (
    """
    ALTER TABLE customers
        ADD COLUMN address JSONB,
        ADD COLUMN vat_id VARCHAR,
        ADD COLUMN tax_exempt BOOLEAN DEFAULT false NOT NULL,
        ADD CONSTRAINT customers_address_check CHECK (address ->> 'country' ~ '^[A-Z]{2}$')
    """,
    "ALTER TABLE prices ADD COLUMN tax_inclusive BOOLEAN DEFAULT false NOT NULL",
    """
    ALTER TABLE invoices
        ADD COLUMN discount_minor BIGINT DEFAULT 0 NOT NULL,
        ADD COLUMN tax_minor BIGINT DEFAULT 0 NOT NULL,
        ADD COLUMN tax_included_minor BIGINT DEFAULT 0 NOT NULL,
        ADD CONSTRAINT invoices_discount_minor_check CHECK (discount_minor >= 0)
    """,
    f"""
    ALTER TABLE invoice_lines
        ADD COLUMN discount_minor BIGINT DEFAULT 0 NOT NULL,
        ADD CONSTRAINT invoice_lines_discount_minor_check
        CHECK (0 <= discount_minor AND discount_minor <= greatest(amount_minor, 0)),
        {_TAX_COLUMNS.format(table="invoice_lines")}
    """,
    "ALTER TABLE credit_notes ADD COLUMN tax_minor BIGINT DEFAULT 0 NOT NULL",
    f"""
    ALTER TABLE credit_note_lines
        DROP CONSTRAINT credit_note_lines_amount_minor_check,
        {_TAX_COLUMNS.format(table="credit_note_lines")}
    """,
    """
    ALTER TABLE credit_note_lines ADD CONSTRAINT credit_note_lines_amount_minor_check
        CHECK (amount_minor >= 0 AND (amount_minor > 0 OR tax_minor > 0))
    """,
    "ALTER TABLE postings DROP CONSTRAINT postings_account_check",
    """
    ALTER TABLE postings ADD CONSTRAINT postings_account_check
        CHECK (account IN ('receivable', 'cash', 'deferred_revenue', 'tax_payable',
        'customer_balance', 'refunds_payable', 'disputes', 'dispute_losses', 'bad_debt',
        'write_offs'))
    """,
)

_COUPONS: Final = (
    """
    CREATE TABLE coupons (
        id VARCHAR NOT NULL,
        terms JSONB NOT NULL,
        redemptions INTEGER DEFAULT 0 NOT NULL,
        active BOOLEAN DEFAULT true NOT NULL,
        created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT coupons_pkey PRIMARY KEY (id),
        CONSTRAINT coupons_terms_check CHECK (jsonb_typeof(terms) = 'object'),
        CONSTRAINT coupons_redemptions_check CHECK (redemptions >= 0)
    )
    """,
    """
    CREATE TABLE coupon_redemptions (
        coupon_id VARCHAR NOT NULL,
        subscription_id VARCHAR NOT NULL,
        redeemed_at TIMESTAMPTZ NOT NULL,
        recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
        CONSTRAINT coupon_redemptions_pkey PRIMARY KEY (coupon_id, subscription_id),
        CONSTRAINT coupon_redemptions_coupon_id_fkey FOREIGN KEY(coupon_id) REFERENCES coupons (id)
    )
    """,
    """
    CREATE INDEX coupon_redemptions_subscription_id_idx ON coupon_redemptions (subscription_id)
    """,
    """
    CREATE TABLE invoice_discounts (
        invoice_id VARCHAR NOT NULL,
        line_position INTEGER NOT NULL,
        position INTEGER NOT NULL,
        coupon_id VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency CHAR(3) NOT NULL,
        CONSTRAINT invoice_discounts_pkey PRIMARY KEY (invoice_id, line_position, position),
        CONSTRAINT invoice_discounts_invoice_id_line_position_fkey
        FOREIGN KEY(invoice_id, line_position) REFERENCES invoice_lines (invoice_id, position),
        CONSTRAINT invoice_discounts_coupon_id_fkey FOREIGN KEY(coupon_id) REFERENCES coupons (id),
        CONSTRAINT invoice_discounts_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT invoice_discounts_position_check CHECK (position >= 1),
        CONSTRAINT invoice_discounts_amount_minor_check CHECK (amount_minor > 0)
    )
    """,
    "CREATE INDEX invoice_discounts_coupon_id_idx ON invoice_discounts (coupon_id)",
)

_TAX: Final = (
    """
    CREATE TABLE tax_sellers (
        issuer VARCHAR NOT NULL,
        country CHAR(2) NOT NULL,
        CONSTRAINT tax_sellers_pkey PRIMARY KEY (issuer)
    )
    """,
    """
    CREATE TABLE tax_rates (
        position INTEGER NOT NULL,
        country CHAR(2) NOT NULL,
        region VARCHAR,
        category VARCHAR,
        name VARCHAR NOT NULL,
        rate NUMERIC(9, 6) NOT NULL,
        effective_from TIMESTAMPTZ NOT NULL,
        CONSTRAINT tax_rates_pkey PRIMARY KEY (position),
        CONSTRAINT tax_rates_rate_check CHECK (0 <= rate AND rate <= 100)
    )
    """,
    "CREATE INDEX tax_rates_country_idx ON tax_rates (country)",
    """
    CREATE UNIQUE INDEX tax_rates_place_key
        ON tax_rates (country, region, category, effective_from) NULLS NOT DISTINCT
    """,
)

_CREDITS: Final = (
    """
    CREATE OR REPLACE VIEW line_credits AS
    SELECT line.credits_invoice_id AS invoice_id, line.credits_position AS position,
        -line.amount_minor AS amount_minor, line.currency, line.period_start, line.period_end,
        -line.tax_minor AS tax_minor
    FROM invoice_lines AS line JOIN invoices ON invoices.id = line.invoice_id
    WHERE line.credits_invoice_id IS NOT NULL AND invoices.status <> 'void'
    UNION ALL
    SELECT invoice_id, debit_position, amount_minor, currency, period_start, period_end, tax_minor
    FROM credit_note_lines
    """,
    """
    CREATE OR REPLACE FUNCTION check_credit_fits() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        credited_invoice text := to_jsonb(NEW) ->> TG_ARGV[0];
        credited_position integer := (to_jsonb(NEW) ->> TG_ARGV[1])::integer;
        debit invoice_lines;
        credited bigint;
        credited_tax bigint;
    BEGIN
        PERFORM FROM invoices WHERE id = credited_invoice FOR NO KEY UPDATE;
        SELECT * INTO debit FROM invoice_lines
        WHERE invoice_id = credited_invoice AND position = credited_position;
        SELECT sum(amount_minor), sum(tax_minor) INTO credited, credited_tax FROM line_credits
        WHERE invoice_id = credited_invoice AND position = credited_position;
        IF credited > debit.amount_minor - debit.discount_minor
            OR credited_tax > debit.tax_minor OR NEW.currency <> debit.currency
        THEN
            RAISE EXCEPTION
                'line % of invoice % costs % % and carries a tax of %: %, and % of tax, cannot be'
                ' given back in %',
                credited_position, credited_invoice, debit.amount_minor - debit.discount_minor,
                debit.currency, debit.tax_minor, credited, credited_tax, NEW.currency
                USING ERRCODE = 'check_violation', CONSTRAINT = 'line_credits_fit_check';
        END IF;
        RETURN NULL;
    END $$
    """,
)

# Sums of what is on top: a tax that the amount includes is in it already.
_DOCUMENTS_ADD_UP: Final = (
    """
    CREATE FUNCTION check_invoice_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        checked text := to_jsonb(NEW) ->> TG_ARGV[0];
        document invoices;
        lines record;
        discounts bigint;
    BEGIN
        SELECT * INTO document FROM invoices WHERE id = checked;
        SELECT coalesce(sum(amount_minor), 0) AS amount,
            coalesce(sum(discount_minor), 0) AS discount,
            coalesce(sum(tax_minor), 0) AS tax,
            coalesce(sum(tax_minor) FILTER (WHERE tax_inclusive), 0) AS included
        INTO lines FROM invoice_lines WHERE invoice_id = checked;
        SELECT count(*) INTO discounts FROM invoice_lines AS line
        WHERE line.invoice_id = checked AND line.discount_minor <> (
            SELECT coalesce(sum(amount_minor), 0) FROM invoice_discounts AS taken
            WHERE taken.invoice_id = checked AND taken.line_position = line.position
        );
        IF document.total_minor <> lines.amount - lines.discount + lines.tax - lines.included
            OR document.discount_minor <> lines.discount OR document.tax_minor <> lines.tax
            OR document.tax_included_minor <> lines.included OR discounts > 0
        THEN
            RAISE EXCEPTION 'invoice % is not the sum of its lines with tax', checked
                USING ERRCODE = 'check_violation', CONSTRAINT = 'invoices_add_up_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION check_credit_note_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        checked text := to_jsonb(NEW) ->> TG_ARGV[0];
        document credit_notes;
        lines record;
    BEGIN
        SELECT * INTO document FROM credit_notes WHERE id = checked;
        SELECT coalesce(sum(amount_minor), 0) AS amount, coalesce(sum(tax_minor), 0) AS tax,
            coalesce(sum(tax_minor) FILTER (WHERE tax_inclusive), 0) AS included
        INTO lines FROM credit_note_lines WHERE credit_note_id = checked;
        IF document.to_balance_minor + document.to_card_minor
            <> lines.amount + lines.tax - lines.included OR document.tax_minor <> lines.tax
        THEN
            RAISE EXCEPTION 'credit note % is not the sum of its lines with tax', checked
                USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_notes_add_up_check';
        END IF;
        RETURN NULL;
    END $$
    """,
)

_TRIGGERS: Final = (
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_discounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON coupons
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER adds_up AFTER INSERT ON {table}
        DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION check_{document}_adds_up('{column}')
        """
        for table, document, column in (
            ("invoices", "invoice", "id"),
            ("invoice_lines", "invoice", "invoice_id"),
            ("invoice_discounts", "invoice", "invoice_id"),
            ("credit_notes", "credit_note", "id"),
            ("credit_note_lines", "credit_note", "credit_note_id"),
        )
    ),
)


def upgrade() -> None:
    for statement in (
        *_CHANGED,
        *_COUPONS,
        *_TAX,
        *_CREDITS,
        *_DOCUMENTS_ADD_UP,
        *_TRIGGERS,
    ):
        op.execute(statement)
