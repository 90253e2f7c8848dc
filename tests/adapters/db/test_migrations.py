"""Migrations: from nothing to what is declared, once, from anywhere."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, inspect
from sqlalchemy.schema import CheckConstraint

from adapters.db import migrations
from adapters.db.tables import metadata

_TRIGGERS = {
    ("audit_log", "append_only"),
    ("balance_movements", "append_only"),
    ("balance_movements", "moved"),
    ("credit_note_lines", "append_only"),
    ("credit_note_lines", "within_debit"),
    ("credit_notes", "append_only"),
    ("customer_balances", "moved_alone"),
    ("disputes", "forward"),
    ("disputes", "immutable"),
    ("disputes", "never_removed"),
    ("domain_events", "immutable"),
    ("domain_events", "never_removed"),
    ("invoice_lines", "append_only"),
    ("invoice_lines", "within_debit"),
    ("invoices", "immutable"),
    ("invoices", "never_removed"),
    ("journal_entries", "append_only"),
    ("journal_entries", "balanced"),
    ("operator_tasks", "immutable"),
    ("operator_tasks", "never_removed"),
    ("payment_attempts", "never_removed"),
    ("postings", "append_only"),
    ("postings", "balanced"),
    ("prices", "immutable"),
    ("prices", "never_removed"),
    ("refunds", "forward"),
    ("refunds", "immutable"),
    ("refunds", "never_removed"),
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
