"""What the database itself refuses: unbalanced entries and changes of what is written for ever.

Alembic sees neither functions nor triggers; a test compares them with the list it expects.
"""

from typing import Final

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REFUSE_CHANGE: Final = """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation';
    END $$
"""

_ENTRY_BALANCES: Final = """
    CREATE FUNCTION check_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        checked bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
        sides bigint;
        unbalanced text;
    BEGIN
        SELECT sum(count), string_agg(currency, ', ') FILTER (WHERE total <> 0)
        INTO sides, unbalanced
        FROM (
            SELECT currency, count(*) AS count, sum(amount_minor) AS total
            FROM postings WHERE entry_id = checked GROUP BY currency
        ) AS per_currency;
        IF unbalanced IS NOT NULL THEN
            RAISE EXCEPTION 'journal entry % does not balance in %', checked, unbalanced
                USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entries_balance_check';
        END IF;
        IF coalesce(sides, 0) < 2 THEN
            RAISE EXCEPTION 'journal entry % has fewer than two postings', checked
                USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entries_balance_check';
        END IF;
        RETURN NULL;
    END $$
"""

_INVOICE_CHANGE: Final = """
    CREATE FUNCTION check_invoice_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF to_jsonb(NEW) - ARRAY['status', 'paid_minor', 'paid_at', 'voided_at']
            IS DISTINCT FROM
            to_jsonb(OLD) - ARRAY['status', 'paid_minor', 'paid_at', 'voided_at']
            OR (OLD.status <> 'open' AND NEW IS DISTINCT FROM OLD)
        THEN
            RAISE EXCEPTION 'invoice % is finalised: only an open one may be paid or voided', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
"""

_PRICE_CHANGE: Final = """
    CREATE FUNCTION check_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF to_jsonb(NEW) - 'active' IS DISTINCT FROM to_jsonb(OLD) - 'active' THEN
            RAISE EXCEPTION 'version % of price % is immutable', OLD.version, OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
"""

_EVENT_CHANGE: Final = """
    CREATE FUNCTION check_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF to_jsonb(NEW) - 'delivered_at' IS DISTINCT FROM to_jsonb(OLD) - 'delivered_at' THEN
            RAISE EXCEPTION 'domain event % can only be marked as delivered', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
"""

_WEBHOOK_RECEIVED: Final = """
    CREATE FUNCTION notify_webhook_inbox() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('webhook_inbox', '');
        RETURN NULL;
    END $$
"""

_APPEND_ONLY: Final = ("journal_entries", "postings", "invoice_lines", "audit_log")
_NEVER_REMOVED: Final = ("invoices", "prices", "domain_events", "payment_attempts")

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
    *(
        f"""
        CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON {table}
        DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION check_entry_balances('{entry_column}')
        """
        for table, entry_column in (("journal_entries", "id"), ("postings", "entry_id"))
    ),
    """
    CREATE TRIGGER immutable BEFORE UPDATE ON invoices
    FOR EACH ROW EXECUTE FUNCTION check_invoice_change()
    """,
    """
    CREATE TRIGGER immutable BEFORE UPDATE ON prices
    FOR EACH ROW EXECUTE FUNCTION check_price_change()
    """,
    """
    CREATE TRIGGER immutable BEFORE UPDATE ON domain_events
    FOR EACH ROW EXECUTE FUNCTION check_event_change()
    """,
    """
    CREATE TRIGGER received AFTER INSERT ON webhook_inbox
    FOR EACH STATEMENT EXECUTE FUNCTION notify_webhook_inbox()
    """,
)


def upgrade() -> None:
    for statement in (
        _REFUSE_CHANGE,
        _ENTRY_BALANCES,
        _INVOICE_CHANGE,
        _PRICE_CHANGE,
        _EVENT_CHANGE,
        _WEBHOOK_RECEIVED,
        *_TRIGGERS,
    ):
        op.execute(statement)
