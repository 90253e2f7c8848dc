"""The database's migrations, run by Alembic from wherever the package is installed.

Owns applying them, one process at a time, and saying where a database stands. All pending
migrations run in one transaction: a database is migrated or untouched.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text

_ADVISORY_LOCK: Final = 5_082_610_945_173_201_001


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database at `postgresql://…` to the newest revision, or to `revision`; others wait.

    Raises `sqlalchemy.exc.OperationalError` where the database is out of reach.
    """
    with _connection(database_url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def current(database_url: str) -> str | None:
    """The revision that the database is at; None before the first migration."""
    with _connection(database_url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The newest revision, which this version of the code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise LookupError("the package contains no migrations")
    return revision


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _connection(database_url: str) -> Iterator[Connection]:
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(database_url, connect_timeout=10),
        poolclass=NullPool,
    )
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
