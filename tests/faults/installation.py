"""The real system in a folder of a test's own, and the demo that plays on it.

Owns starting, killing and starting again. Everything is a process as a user starts it: PostgreSQL,
Temporal, the simulator, the worker, the API, the supervisor over them, and the demo.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local import ports
from local.state import PREFERRED_PORTS, Links, State

_CHECKOUT = Path(__file__).resolve().parents[2]
_START_SECONDS = 120
_DEMO_SECONDS = 600
_LOOK_AGAIN_SECONDS = 0.05
_DEV = """
import sys
from pathlib import Path
from cli import api_keys, dev
sys.exit(dev.run(Path(sys.argv[1]), issue_api_key=api_keys.issue_local))
"""
_DEMO = """
import sys
from pathlib import Path
from cli.demo import command
sys.exit(command.run(Path(sys.argv[1]), run_id=sys.argv[2], names=sys.argv[3:]))
"""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Document:
    """An invoice or a credit note, as far as it must be the same whatever was killed."""

    customer: str
    at: str
    total: str
    result: str
    """An invoice's status and the outcomes of its attempts; where a credit note's money went."""


class Installation:
    """The system of the checkout in `root`, while it runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._log = root / "dev.log"
        self._dev: subprocess.Popen[bytes] | None = None

    @property
    def links(self) -> Links:
        links = State(self.root).read_links()
        assert links is not None
        return links

    def start(self) -> None:
        """Returns once every part is ready."""
        with self._log.open("wb") as log:
            self._dev = subprocess.Popen(
                [sys.executable, "-c", _DEV, str(self.root)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(PERENNIAL_CATALOG=str(_CHECKOUT / "examples" / "catalog.yaml")),
                start_new_session=True,
            )
        await_text(self._log, "Perennial is running", self._dev, within_seconds=_START_SECONDS)

    def kill_process(self, module: str) -> None:
        """As the machine's memory killer would; its supervisor starts it again."""
        os.kill(self._find(module), signal.SIGKILL)

    def await_answers(self) -> None:
        """Returns once the API is ready, after it or what it needs was killed."""
        deadline = time.monotonic() + _START_SECONDS
        with httpx.Client(trust_env=False) as client:
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx.TransportError):
                    if client.get(f"{self.links.api_url}/readyz").is_success:
                        return
                time.sleep(0.1)
        raise TimeoutError("the API was not started again")

    def kill_everything(self) -> None:
        """Every process at once, the supervisor and the databases included."""
        assert self._dev is not None
        family = descendants_of(self._dev.pid)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._dev.wait()
        deadline = time.monotonic() + _START_SECONDS
        while any(is_running(pid) for pid in family):
            assert time.monotonic() < deadline, family
            time.sleep(_LOOK_AGAIN_SECONDS)

    def stop(self) -> None:
        """Orderly, as Ctrl-C does."""
        if self._dev is not None and self._dev.poll() is None:
            self._dev.send_signal(signal.SIGINT)
            self._dev.wait(_START_SECONDS)

    def documents(self, run_id: str, names: Sequence[str]) -> list[Document]:
        """Every invoice and every credit note of the run's customers."""
        return sorted(document for name in names for document in self._documents(run_id, name))

    def books_balance(self) -> bool:
        """Whether all that was ever billed here balances."""
        return bool(self._get("/v1/reports/ledger")["balanced"])

    def _documents(self, run_id: str, name: str) -> Iterator[Document]:
        found = self._get("/v1/customers", email=f"{name.lower()}.{run_id}@example.com")["data"]
        [customer] = found
        for invoice in self._list("/v1/invoices", customer["id"]):
            outcomes = [attempt["outcome"] for attempt in invoice["attempts"]]
            yield Document(
                customer=name,
                at=invoice["due_at"],
                total=invoice["total"]["text"],
                result=" ".join([invoice["status"], *outcomes]),
            )
        for note in self._list("/v1/credit_notes", customer["id"]):
            yield Document(
                customer=name,
                at=note["issued_at"],
                total=note["total"]["text"],
                result=f"{note['to_card']['text']} card, {note['to_balance']['text']} balance",
            )

    def _list(self, path: str, customer_id: str) -> list[Any]:
        page = self._get(path, customer=customer_id, limit="100")
        assert not page["has_more"]
        return list(page["data"])

    def _get(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        links = self.links
        answer = httpx.get(
            f"{links.api_url}{path}",
            params=query,
            headers={"Authorization": f"Bearer {links.api_key}"},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _find(self, module: str) -> int:
        """The pid of `python -m module`; its guard's command line begins otherwise."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_text().split("\0")
                if words[1:3] == ["-m", module] and (folder / "cwd").resolve() == self.root:
                    return int(folder.name)
        raise LookupError(module)


class Demo:
    """`perennial demo` in a process of its own."""

    def __init__(self, installation: Installation, run_id: str, names: Sequence[str] = ()) -> None:
        self._log = installation.root / f"demo-{run_id}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-c", _DEMO, str(installation.root), run_id, *names],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(),
            )

    def await_text(self, text: str) -> None:
        """Returns once it has shown this."""
        await_text(self._log, text, self._process, within_seconds=_DEMO_SECONDS)

    def await_end(self) -> str:
        """What it has shown; it must have been content."""
        code = self._process.wait(_DEMO_SECONDS)
        shown = self._log.read_text()
        assert code == 0, shown
        return shown

    def kill(self) -> None:
        """Ends it at once, if it still runs."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def installed(root: Path) -> Iterator[Installation]:
    """The system in an empty folder, on free ports; nothing of it is left afterwards."""
    State(root).make_folder()
    # Below the range of outgoing connections, and each installation somewhere else.
    first = random.randrange(12_200, 31_000)  # noqa: S311 - no secret
    known: dict[str, str] = {}
    for part in PREFERRED_PORTS:
        taken = {int(port) for port in known.values()}
        known[part] = str(ports.find_free_port_near(first, avoided=taken))
    (State(root).folder / "ports.json").write_text(json.dumps(known))
    installation = Installation(root)
    try:
        installation.start()
        yield installation
    finally:
        installation.stop()


@contextlib.contextmanager
def playing(installation: Installation, run_id: str, names: Sequence[str] = ()) -> Iterator[Demo]:
    """The demo, which ends with the block at the latest."""
    demo = Demo(installation, run_id, names)
    try:
        yield demo
    finally:
        demo.kill()


def await_text(
    log: Path, text: str, process: subprocess.Popen[bytes], *, within_seconds: float
) -> None:
    deadline = time.monotonic() + within_seconds
    while text not in (shown := log.read_text()):
        assert process.poll() is None, shown
        assert time.monotonic() < deadline, shown
        time.sleep(_LOOK_AGAIN_SECONDS)


def descendants_of(ancestor: int) -> list[int]:
    """The pids of a process and of all that it started, directly or not."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [ancestor]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _environment(**variables: str) -> dict[str, str]:
    """Ours, without what would lead to another system."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TEMPORAL_", "STRIPE_", "DATABASE_", "PERENNIAL_"))
    }
    return {**inherited, "PYTHONPATH": str(_CHECKOUT), **variables}
