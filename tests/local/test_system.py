"""The whole system as one process tree: started, interrupted, killed, started again.

PostgreSQL, Temporal and the simulator are the real ones; the worker and the API are small programs
that answer `/healthz`, so that these tests say nothing about ours.
"""

import contextlib
import json
import os
import random
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from adapters.db import migrations
from local import ports
from local.state import PREFERRED_PORTS, State

_CHECKOUT = Path(__file__).resolve().parents[2]
_SECONDS = 60
_SERVICE = """
import http.server, json, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *arguments):
        pass
print(json.dumps({"event": "service.started", "level": "info", "port": PORT}), flush=True)
http.server.HTTPServer(("127.0.0.1", PORT), Answer).serve_forever()
"""
_DEV = """
import sys
from pathlib import Path
from cli import dev
sys.exit(dev.run(Path(sys.argv[1]), issue_api_key=lambda _, known: known or "pk_" + "test" * 9))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout whose worker and API are stand-ins."""
    return checkout_in(tmp_path)


@pytest.fixture(scope="module")
def running_dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Dev"]:
    """A system that runs, for tests that leave it running."""
    with running(checkout_in(tmp_path_factory.mktemp("running"))) as dev:
        dev.await_text("Perennial is running")
        yield dev


def checkout_in(tmp_path: Path) -> Path:
    for module, variable in (("worker", "WORKER_HEALTH_PORT"), ("api", "PERENNIAL_API_PORT")):
        folder = tmp_path / module
        folder.mkdir()
        (folder / "__init__.py").touch()
        service = _SERVICE.replace("PORT", f"int(os.environ[{variable!r}])")
        (folder / "__main__.py").write_text(service)
    State(tmp_path).make_folder()
    # Below the range of outgoing connections, and each test run somewhere else.
    first = random.randrange(12_200, 31_000)  # noqa: S311 - no secret
    known: dict[str, str] = {}
    for part in PREFERRED_PORTS:
        taken = {int(port) for port in known.values()}
        known[part] = str(ports.find_free_port_near(first, avoided=taken))
    (State(tmp_path).folder / "ports.json").write_text(json.dumps(known))
    return tmp_path


class Dev:
    """`perennial dev` in a process of its own."""

    def __init__(self, root: Path, **variables: str) -> None:
        self.root = root
        self.log = root / "dev.log"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TEMPORAL_", "STRIPE_", "DATABASE_", "PERENNIAL_"))
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _DEV, str(root)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**inherited, "PYTHONPATH": f"{root}:{_CHECKOUT}", **variables},
                start_new_session=True,
            )

    def await_text(self, text: str) -> str:
        """What was shown, once `text` is among it."""
        deadline = time.monotonic() + _SECONDS
        while text not in (shown := self.log.read_text()):
            assert self.process.poll() is None, shown
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)
        return shown

    def await_end(self) -> int:
        return self.process.wait(_SECONDS)

    def kill(self) -> None:
        """End it as the machine's memory killer would, with its whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running(root: Path, **variables: str) -> Iterator[Dev]:
    dev = Dev(root, **variables)
    try:
        yield dev
    finally:
        dev.kill()
        await_no_process(root)


def processes_of(root: Path) -> list[str]:
    listed = subprocess.run(
        ["/bin/ps", "-eo", "pid,args", "-ww"], check=True, capture_output=True, text=True
    )
    return [line for line in listed.stdout.splitlines() if str(root) in line]


def await_no_process(root: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while left := processes_of(root):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def settings_seen_by_the_api(root: Path) -> dict[str, str]:
    links = State(root).read_links()
    assert links is not None
    seen: dict[str, str] = httpx.get(f"{links.api_url}/healthz").json()
    return seen


def test_ctrl_c_ends_everything_within_seconds_and_state_survives(root: Path) -> None:
    with running(root) as dev:
        shown = dev.await_text("Perennial is running")
        first = State(root).read_links()
        assert first is not None
        assert first.api_key in shown
        assert f"{first.api_url}/docs" in shown
        assert "service.started" in shown
        assert migrations.current(first.database_url) == migrations.head()
        with psycopg.connect(first.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (number int)")
        asked_at = time.monotonic()
        dev.process.send_signal(signal.SIGINT)
        assert dev.await_end() == 0
        assert time.monotonic() - asked_at < 10
        assert processes_of(root) == []
    with running(root) as dev:
        dev.await_text("Perennial is running")
        assert State(root).read_links() == first
        with psycopg.connect(first.database_url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_killed_system_leaves_no_process_and_starts_again(root: Path) -> None:
    with running(root) as dev:
        dev.await_text("Perennial is running")
        links = State(root).read_links()
        assert links is not None
        with psycopg.connect(links.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (number int)")
        dev.kill()
        # At once: the next start waits for what is still ending.
        with running(root) as again:
            again.await_text("Perennial is running")
            assert State(root).read_links() == links
            with psycopg.connect(links.database_url) as connection:
                assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_second_start_of_the_same_checkout_is_refused(running_dev: Dev) -> None:
    root = running_dev.root
    second = subprocess.run(
        [sys.executable, "-c", _DEV, str(root)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{root}:{_CHECKOUT}"},
        timeout=_SECONDS,
    )
    assert second.returncode == 1
    assert "is in use by another process" in second.stdout
    assert "Traceback" not in second.stdout + second.stderr


def test_a_part_that_is_killed_is_started_again(running_dev: Dev) -> None:
    os.kill(find_process("worker", running_dev.root), signal.SIGKILL)
    running_dev.await_text("worker ended with code 137; starting it again")
    links = State(running_dev.root).read_links()
    assert links is not None
    await_answer(f"{links.worker_health_url}/healthz")


def find_process(module: str, root: Path) -> int:
    """The pid of `python -m module` in `root`; its guard's command line begins otherwise."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_text().split("\0")
            if words[1:3] == ["-m", module] and (folder / "cwd").resolve() == root:
                return int(folder.name)
    raise LookupError(module)


def await_answer(url: str) -> None:
    deadline = time.monotonic() + _SECONDS
    with httpx.Client() as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if client.get(url).is_success:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_files_are_readable_by_their_owner_alone(running_dev: Dev) -> None:
    folder = State(running_dev.root).folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secrets = folder / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "postgres" / "data").stat().st_mode) == 0o700
    shown = "\n".join(processes_of(running_dev.root))
    for secret in json.loads(secrets.read_text()).values():
        assert secret not in shown


def test_a_taken_port_is_replaced_and_said(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        remembered = State(root).folder / "ports.json"
        remembered.write_text(json.dumps(json.loads(remembered.read_text()) | {"api": str(port)}))
        with running(root) as dev:
            shown = dev.await_text("Perennial is running")
            replaced = re.search(rf"port {port} is taken: api uses (\d+) from now on", shown)
            assert replaced is not None
            links = State(root).read_links()
            assert links is not None
            assert links.api_url == f"http://127.0.0.1:{replaced[1]}"
            assert settings_seen_by_the_api(root)["PERENNIAL_PUBLIC_URL"] == links.api_url


def test_a_taken_port_that_the_user_chose_is_named(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with running(root, PERENNIAL_API_PORT=port) as dev:
            assert dev.await_end() == 1
            assert f"PERENNIAL_API_PORT is {port}, and that port is taken" in dev.log.read_text()


def test_variables_replace_parts(root: Path, database_url: str) -> None:
    (root / ".env").write_text(f"DATABASE_URL={database_url}\nSMTP_URL=\n")
    with running(root, STRIPE_API_KEY="sk_test_real", STRIPE_WEBHOOK_SECRET="whsec_real") as dev:
        dev.await_text("Perennial is running")
        links = State(root).read_links()
        assert links is not None
        assert (links.database_url, links.simulator_url) == (database_url, None)
        assert not (State(root).folder / "postgres").exists()
        seen = settings_seen_by_the_api(root)
        assert seen["STRIPE_API_KEY"] == "sk_test_real"
        assert "STRIPE_API_BASE" not in seen
        assert "SMTP_URL" not in seen


def test_real_stripe_without_a_webhook_secret_is_explained(root: Path) -> None:
    with running(root, STRIPE_API_KEY="sk_test_real") as dev:
        assert dev.await_end() == 1
        assert "stripe listen --forward-to" in dev.log.read_text()
    await_no_process(root)


def test_a_database_that_does_not_answer_is_named_without_a_traceback(root: Path) -> None:
    with running(root, DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/none") as dev:
        assert dev.await_end() == 1
        shown = dev.log.read_text()
        assert "database" in shown
        assert "Traceback" not in shown
        assert "secret" not in shown
