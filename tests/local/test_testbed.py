"""The testbed's servers: real, separate per database, gone with the run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from temporalio.client import Client

from adapters.db import migrations
from local import postgres as local_postgres
from local import temporal as local_temporal
from local.temporal import find_missing_search_attributes, register_search_attributes
from local.testbed import SharedServers
from workflows.search_attributes import SEARCH_ATTRIBUTES

_DEADLINE_SECONDS = 30


def test_a_database_of_the_testbed_is_empty_and_runs_version_18(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchone()
        assert tables == (0,)
        assert connection.info.server_version // 10_000 == 18


def test_the_system_connects_without_the_rights_of_a_superuser(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        row = connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False,)


def test_a_connection_without_the_password_is_refused(postgres: local_postgres.Server) -> None:
    wrong = local_postgres.Server(port=postgres.port, password="guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong.url("postgres"))


def test_a_migrated_database_is_where_the_code_needs_it(database_url: str) -> None:
    assert migrations.current(database_url) == migrations.head()


def test_two_tests_have_two_databases(database_url: str, empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE only_here (number int)")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('only_here')").fetchone() == (None,)


async def test_the_temporal_server_knows_our_search_attributes(temporal_client: Client) -> None:
    assert await find_missing_search_attributes(temporal_client, SEARCH_ATTRIBUTES) == {}


async def test_a_missing_search_attribute_is_registered_once(temporal_client: Client) -> None:
    wanted = {"AddedByATest": "KeywordList"}
    assert await find_missing_search_attributes(temporal_client, wanted) == wanted
    await register_search_attributes(temporal_client, wanted)
    await register_search_attributes(temporal_client, wanted)
    assert await find_missing_search_attributes(temporal_client, wanted) == {}


def test_a_second_process_is_handed_the_servers_already_running(
    testbed: SharedServers, postgres: local_postgres.Server, temporal_server: local_temporal.Server
) -> None:
    script = (
        "import sys; from pathlib import Path; from local.testbed import SharedServers;"
        "bed = SharedServers(Path(sys.argv[1])); print(bed.postgres().port, bed.temporal({}).port)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, str(testbed.folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_SECONDS,
    )
    assert answer.stdout.split() == [str(postgres.port), str(temporal_server.port)]


def test_a_killed_run_leaves_neither_processes_nor_files(tmp_path: Path) -> None:
    script = (
        "import json, os, time; from local import testbed\n"
        "with testbed.opened() as bed:\n"
        "    ports = [bed.postgres().port, bed.temporal({}).port]\n"
        "    print(json.dumps([str(bed.folder), *ports]), flush=True)\n"
        "    time.sleep(600)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert run.stdout is not None
    folder, *_ = json.loads(run.stdout.readline())
    assert _commands_naming(folder)
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while (left := _commands_naming(folder)) or Path(folder).exists():
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def _commands_naming(text: str) -> list[str]:
    """The command lines of the running processes that `text` occurs in."""
    listed = subprocess.run(
        ["/bin/ps", "-eo", "args", "-ww"], check=True, capture_output=True, text=True
    )
    return [line for line in listed.stdout.splitlines() if text in line]
