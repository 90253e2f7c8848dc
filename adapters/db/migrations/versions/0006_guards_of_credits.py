"""What the database itself refuses of money that goes back.

A balance below zero or moved by hand, credits beyond their debit, a refund or dispute that goes
backwards or changes its amount. Like 0002, nothing here is seen by Alembic; a test is.
"""

from typing import Final

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOVE_BALANCE: Final = """
    CREATE FUNCTION move_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE customer_balances SET balance_minor = balance_minor + NEW.amount_minor
        WHERE customer_id = NEW.customer_id AND currency = NEW.currency;
        IF NOT FOUND THEN
            INSERT INTO customer_balances AS known (customer_id, currency, balance_minor)
            VALUES (NEW.customer_id, NEW.currency, NEW.amount_minor)
            ON CONFLICT (customer_id, currency)
            DO UPDATE SET balance_minor = known.balance_minor + excluded.balance_minor;
        END IF;
        RETURN NULL;
    END $$
"""

_REFUSE_BY_HAND: Final = """
    CREATE FUNCTION refuse_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% follows from balance_movements: % by hand is refused',
            TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
    END $$
"""

# The lock makes others that credit the same invoice wait, and what they did is seen afterwards.
_CREDIT_FITS: Final = """
    CREATE FUNCTION check_credit_fits() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        credited_invoice text := to_jsonb(NEW) ->> TG_ARGV[0];
        credited_position integer := (to_jsonb(NEW) ->> TG_ARGV[1])::integer;
        debit invoice_lines;
        credited bigint;
    BEGIN
        PERFORM FROM invoices WHERE id = credited_invoice FOR NO KEY UPDATE;
        SELECT * INTO debit FROM invoice_lines
        WHERE invoice_id = credited_invoice AND position = credited_position;
        SELECT sum(amount_minor) INTO credited FROM line_credits
        WHERE invoice_id = credited_invoice AND position = credited_position;
        IF credited > debit.amount_minor OR NEW.currency <> debit.currency THEN
            RAISE EXCEPTION 'line % of invoice % costs % %: % % cannot be given back',
                credited_position, credited_invoice, debit.amount_minor, debit.currency,
                credited, NEW.currency
                USING ERRCODE = 'check_violation', CONSTRAINT = 'line_credits_fit_check';
        END IF;
        RETURN NULL;
    END $$
"""

_ALLOWED_COLUMNS: Final = """
    CREATE FUNCTION check_changed_columns() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        allowed text[] := string_to_array(TG_ARGV[0], ' ');
    BEGIN
        IF to_jsonb(NEW) - allowed IS DISTINCT FROM to_jsonb(OLD) - allowed THEN
            RAISE EXCEPTION 'of %, only % may change', TG_TABLE_NAME, TG_ARGV[0]
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
"""

_STATE_PATHS: Final = """
    CREATE FUNCTION check_state_path() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        path text[];
    BEGIN
        FOR argument IN 0 .. TG_NARGS - 1 LOOP
            path := string_to_array(TG_ARGV[argument], ' ');
            IF array_position(path, OLD.state::text) <= array_position(path, NEW.state::text) THEN
                RETURN NEW;
            END IF;
        END LOOP;
        RAISE EXCEPTION '% in % does not go back from % to %',
            OLD.id, TG_TABLE_NAME, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END $$
"""

_APPEND_ONLY: Final = ("balance_movements", "credit_notes", "credit_note_lines")
_NEVER_REMOVED: Final = ("refunds", "disputes", "operator_tasks")

_TRIGGERS: Final = (
    *(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
        for table in _APPEND_ONLY
    ),
    *(
        f"""
        CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
        for table in _NEVER_REMOVED
    ),
    """
    CREATE TRIGGER moved AFTER INSERT ON balance_movements
    FOR EACH ROW EXECUTE FUNCTION move_balance()
    """,
    """
    CREATE TRIGGER moved_alone BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON customer_balances
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_by_hand()
    """,
    """
    CREATE TRIGGER within_debit AFTER INSERT ON invoice_lines
    FOR EACH ROW WHEN (NEW.credits_invoice_id IS NOT NULL)
    EXECUTE FUNCTION check_credit_fits('credits_invoice_id', 'credits_position')
    """,
    """
    CREATE TRIGGER within_debit AFTER INSERT ON credit_note_lines
    FOR EACH ROW EXECUTE FUNCTION check_credit_fits('invoice_id', 'debit_position')
    """,
    """
    CREATE TRIGGER immutable BEFORE UPDATE ON refunds
    FOR EACH ROW EXECUTE FUNCTION check_changed_columns(
        'state gateway_refund_id failed_creations failure_reason started_at'
    )
    """,
    """
    CREATE TRIGGER forward BEFORE UPDATE ON refunds
    FOR EACH ROW EXECUTE FUNCTION check_state_path('pending succeeded failed')
    """,
    """
    CREATE TRIGGER immutable BEFORE UPDATE ON disputes
    FOR EACH ROW WHEN (OLD.state <> 'inquiry')
    EXECUTE FUNCTION check_changed_columns('state reason closed_at')
    """,
    """
    CREATE TRIGGER forward BEFORE UPDATE ON disputes
    FOR EACH ROW EXECUTE FUNCTION check_state_path('inquiry open won', 'inquiry open lost')
    """,
    """
    CREATE TRIGGER immutable BEFORE UPDATE ON operator_tasks
    FOR EACH ROW EXECUTE FUNCTION check_changed_columns('closed_at')
    """,
)


def upgrade() -> None:
    for statement in (
        _MOVE_BALANCE,
        _REFUSE_BY_HAND,
        _CREDIT_FITS,
        _ALLOWED_COLUMNS,
        _STATE_PATHS,
        *_TRIGGERS,
    ):
        op.execute(statement)
