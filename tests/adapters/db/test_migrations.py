"""Migrations: from nothing to what is declared, once, from anywhere."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, inspect
from sqlalchemy.schema import CheckConstraint

from adapters.db import migrations
from adapters.db.engine import create_engine as create_async_engine
from adapters.db.engine import reading
from adapters.db.queries import catalog, catalog_versions
from adapters.db.tables import metadata
from billing.catalog import Product, Trial, WithoutPaymentMethod
from billing.pricing import price_of

_TRIGGERS = {
    ("api_keys", "api_keys_changed"),
    ("audit_log", "append_only"),
    ("balance_movements", "append_only"),
    ("balance_movements", "moved"),
    ("catalog_prices", "append_only"),
    ("catalog_products", "append_only"),
    ("catalog_versions", "immutable"),
    ("catalog_versions", "never_removed"),
    ("coupons", "never_removed"),
    ("credit_note_lines", "adds_up"),
    ("credit_note_lines", "append_only"),
    ("credit_note_lines", "within_debit"),
    ("credit_notes", "adds_up"),
    ("credit_notes", "append_only"),
    ("customer_balances", "moved_alone"),
    ("disputes", "forward"),
    ("disputes", "immutable"),
    ("disputes", "never_removed"),
    ("documents", "append_only"),
    ("domain_events", "immutable"),
    ("domain_events", "never_removed"),
    ("invoice_discounts", "adds_up"),
    ("invoice_discounts", "append_only"),
    ("invoice_lines", "adds_up"),
    ("invoice_lines", "append_only"),
    ("invoice_lines", "within_debit"),
    ("invoices", "adds_up"),
    ("invoices", "immutable"),
    ("invoices", "never_removed"),
    ("invoices", "received"),
    ("journal_entries", "append_only"),
    ("journal_entries", "balanced"),
    ("operator_tasks", "immutable"),
    ("operator_tasks", "never_removed"),
    ("migration_subscriptions", "never_removed"),
    ("migrations", "immutable"),
    ("migrations", "never_removed"),
    ("payment_attempts", "never_removed"),
    ("postings", "append_only"),
    ("postings", "balanced"),
    ("prices", "immutable"),
    ("prices", "never_removed"),
    ("received_payments", "append_only"),
    ("received_payments", "received"),
    ("refunds", "forward"),
    ("refunds", "immutable"),
    ("refunds", "never_removed"),
    ("subscriptions", "migration_followed"),
    ("webhook_inbox", "received"),
}


def _connect(url: str) -> Connection:
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    )
    return engine.connect()


def _checks(connection: Connection) -> dict[tuple[str, str], str]:
    """PostgreSQL's own spelling of every check, by table and name."""
    rows = connection.exec_driver_sql(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )
    return {(table, name): definition for table, name, definition in rows}


def test_a_migrated_database_is_the_declared_one(database_url: str) -> None:
    with _connect(database_url) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_a_migrated_database_checks_what_is_declared(
    database_url: str, empty_database_url: str
) -> None:
    with _connect(database_url) as migrated, _connect(empty_database_url) as declared:
        metadata.create_all(declared)
        assert _checks(migrated) == _checks(declared)
        assert _checks(migrated)
    assert all(
        constraint.name
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    )


def test_foreign_keys_are_deferred_as_declared(database_url: str, empty_database_url: str) -> None:
    with _connect(database_url) as migrated, _connect(empty_database_url) as declared:
        metadata.create_all(declared)
        for table in metadata.tables:
            assert inspect(migrated).get_foreign_keys(table) == inspect(declared).get_foreign_keys(
                table
            )


def test_the_guards_stand(database_url: str) -> None:
    with _connect(database_url) as connection:
        rows = connection.exec_driver_sql(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
        assert {(table, name) for table, name in rows} == _TRIGGERS


def test_credits_are_read_through_one_view(database_url: str) -> None:
    with _connect(database_url) as connection:
        assert inspect(connection).get_view_names() == ["line_credits"]


_BEFORE_CREDITS = """
    INSERT INTO products (id, name, family) VALUES ('team', 'Team', 'plan');
    INSERT INTO prices (id, version, product_id, currency, unit_amount_minor, interval_unit,
        interval_count, unit_name, minimum_quantity, maximum_quantity)
    VALUES ('team_monthly', 1, 'team', 'USD', 1600, 'month', 1, 'seat', 1, 10);
    INSERT INTO customers (id, email, created_at) VALUES ('cus_1', 'a@example.com', now());
    INSERT INTO subscriptions (id, customer_id, product_id, price_id, price_version, family,
        quantity, currency, status, revision, created_at, state)
    VALUES ('sub_1', 'cus_1', 'team', 'team_monthly', 1, 'plan', 1, 'USD', 'active', 1, now(),
        '{"subscription_id": "sub_1"}');
    UPDATE invoice_counters SET last_sequence = 7;
    INSERT INTO invoices (id, issuer, sequence, number, customer_id, subscription_id, currency,
        total_minor, paid_minor, status, period_start, period_end, finalized_at, due_at, paid_at)
    VALUES ('in_1', 'default', 7, 'PN-000007', 'cus_1', 'sub_1', 'USD', 1600, 1600, 'paid',
        '2026-01-01Z', '2026-02-01Z', '2026-01-01Z', '2026-01-01Z', '2026-01-01Z');
    INSERT INTO invoice_lines (invoice_id, position, description, price_id, price_version,
        quantity, period_start, period_end, amount_minor, currency)
    VALUES ('in_1', 1, 'Team', 'team_monthly', 1, 1, '2026-01-01Z', '2026-02-01Z', 1600, 'USD');
    INSERT INTO payment_attempts (invoice_id, number, payment_method_id, amount_minor, currency,
        started_at)
    VALUES ('in_1', 1, 'pm_1', 1600, 'USD', '2026-01-01T00:00:05Z');
"""


def test_what_was_written_before_there_were_credits_is_kept(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, "0004")
    with _connect(empty_database_url) as connection:
        connection.exec_driver_sql(_BEFORE_CREDITS)
        connection.commit()
    migrations.upgrade(empty_database_url)
    with _connect(empty_database_url) as connection:

        def one(statement: str) -> tuple[object, ...]:
            return tuple(connection.exec_driver_sql(statement).one())

        assert one("SELECT status, paid_minor, balance_minor, change_id FROM invoices") == (
            "paid",
            1600,
            0,
            None,
        )
        assert one("SELECT amount_minor, credits_invoice_id FROM invoice_lines") == (1600, None)
        assert one("SELECT attempted_at = started_at FROM payment_attempts") == (True,)
        counters = connection.exec_driver_sql(
            "SELECT issuer, document, prefix, last_sequence FROM document_counters ORDER BY 2"
        )
        assert [tuple(row) for row in counters] == [
            ("default", "credit_note", "CN-", 0),
            ("default", "invoice", "PN-", 7),
        ]


def test_what_prices_cost_stays_exact_when_they_get_models(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, "0010")
    with _connect(empty_database_url) as connection:
        connection.exec_driver_sql(
            """
            INSERT INTO products (id, name, family) VALUES ('team', 'Team', 'plan');
            INSERT INTO prices (id, version, product_id, currency, unit_amount_minor,
                interval_unit, interval_count, unit_name, minimum_quantity, maximum_quantity)
            SELECT 'price_' || amount, 1, 'team', 'USD', amount, 'month', 1, 'seat', 1, 10
            FROM unnest(ARRAY[0, 1600, 1200.5, 0.000000000001, 99999999999999]) AS amount
            """
        )
        connection.commit()
    migrations.upgrade(empty_database_url)
    with _connect(empty_database_url) as connection:
        rows = connection.exec_driver_sql("SELECT model, quantity_step FROM prices ORDER BY id")
        found = {(row.model["unit_amount_minor"], row.quantity_step) for row in rows}
    amounts = ("0", "1600", "1200.5", "0.000000000001", "99999999999999")
    assert found == {(amount, 1) for amount in amounts}


_BEFORE_VERSIONS: Final = """
    INSERT INTO products (id, name, family, trial_days, trial_without_payment_method, rules, active)
    VALUES ('team', 'Team', 'plan', 14, 'pause', '{"shorter_interval": true}', true),
        ('old', 'Old', 'plan', NULL, NULL, '{}', false);
    INSERT INTO prices (id, version, product_id, currency, unit_amount_minor, interval_unit,
        interval_count, unit_name, minimum_quantity, maximum_quantity, active)
    VALUES ('team_monthly', 1, 'team', 'USD', 1600, 'month', 1, 'seat', 1, 10, false),
        ('team_monthly', 2, 'team', 'USD', 1800, 'month', 1, 'seat', 1, 10, true);
"""


async def test_what_was_on_sale_before_there_were_versions_is_the_first(
    empty_database_url: str,
) -> None:
    migrations.upgrade(empty_database_url, "0010")
    with _connect(empty_database_url) as connection:
        connection.exec_driver_sql(_BEFORE_VERSIONS)
        connection.commit()
    migrations.upgrade(empty_database_url)
    engine = create_async_engine(empty_database_url)
    async with reading(engine) as asynchronous:
        [offer] = await catalog.offers(asynchronous)
        [product] = await catalog.products_on_sale(asynchronous)
        first = await catalog_versions.head(asynchronous)
    await engine.dispose()
    assert offer.price.version == 2
    assert price_of(offer.price, 1).amount_minor == 1800
    assert offer.product == product
    assert product == Product(
        id="team",
        name="Team",
        family="plan",
        trial=Trial(days=14, without_payment_method=WithoutPaymentMethod.PAUSE),
        shorter_interval=True,
    )
    assert first is not None
    assert first.number == 1


def test_an_empty_database_has_no_revision_and_a_migrated_one_the_newest(
    empty_database_url: str,
) -> None:
    assert migrations.current(empty_database_url) is None
    migrations.upgrade(empty_database_url)
    assert migrations.current(empty_database_url) == migrations.head()


def test_processes_that_start_together_migrate_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        for upgraded in [threads.submit(migrations.upgrade, empty_database_url) for _ in range(4)]:
            upgraded.result()
    assert migrations.current(empty_database_url) == migrations.head()


def test_migrations_run_from_any_folder(empty_database_url: str, tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from adapters.db.migrations import upgrade; upgrade(sys.argv[1])",
            empty_database_url,
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=True,
        timeout=60,
    )
    assert migrations.current(empty_database_url) == migrations.head()
