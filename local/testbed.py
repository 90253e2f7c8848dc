"""The servers that one run of the tests shares, across all its processes.

Owns their single start, whichever process needs one first, and their end with the process that made
the testbed, however that ends. Does not own fixtures (`tests/conftest.py`).
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local import postgres, temporal
from local.lock import locked
from local.postgres import Administrator

_START_SECONDS = 120.0
_STOP_SECONDS = 20.0
_TEMPLATE = "migrated"
_MEMORY = Path("/dev/shm")  # noqa: S108 - its folder is made by mkdtemp
_ROOMY_BYTES = 4 * 1024**3
_PASSWORD = "throwaway"  # noqa: S105 - a throw-away cluster without data on the loopback interface
# Every test polls a task queue of its own for a moment: four parts of it are found by forwarding.
_ONE_PARTITION = {
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}


@dataclass(frozen=True, slots=True)
class SharedServers:
    """Servers that start when first asked for; equal folders are the same testbed."""

    folder: Path

    def postgres(self) -> postgres.Server:
        """The PostgreSQL server, durable to nothing."""

        def start() -> dict[str, Any]:
            server, _ = postgres.start(
                self.folder / "postgres",
                password=_PASSWORD,
                throwaway=True,
                lifeline=self._lifeline,
                removed=(self.folder,),
            )
            return asdict(server)

        return postgres.Server(**self._once("postgres", start))

    def create_migrated_database(
        self,
        name: str,
        migrate: Callable[[str], None],
        *,
        by: Administrator | None = None,
    ) -> str:
        """The URL of a new database `name`, copied from one that `migrate` ran over once.

        `by` somebody who is connected already, or else by a connection of its own.
        """
        server = self.postgres()

        def make_template() -> dict[str, Any]:
            server.drop_database(_TEMPLATE)
            migrate(server.create_database(_TEMPLATE))
            return {}

        self._once("template", make_template)
        with contextlib.nullcontext(by) if by else server.administered() as administrator:
            return administrator.create_database(name, template=_TEMPLATE)

    def temporal(self, search_attributes: Mapping[str, str]) -> temporal.Server:
        """The Temporal server, in memory, without UI, able to skip time."""

        def start() -> dict[str, Any]:
            with self._lock("temporal") as lock:
                server, _ = temporal.start(
                    search_attributes=search_attributes,
                    dynamic_config=_ONE_PARTITION,
                    held=(lock,),
                    lifeline=self._lifeline,
                    output=self.folder / "temporal.log",
                    removed=(self.folder,),
                )
            return asdict(server)

        return temporal.Server(**self._once("temporal-start", start))

    @property
    def _lifeline(self) -> Path:
        return self.folder / "lifeline"

    def _once(self, name: str, start: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `start` answered to the first process of the run that came here."""
        answer = self.folder / f"{name}.json"
        with self._lock(name):
            if not answer.exists():
                answer.write_text(json.dumps(start()))
            known: dict[str, Any] = json.loads(answer.read_text())
            return known

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[int]:
        path = self.folder / f"{name}.lock"
        with locked(path, what="the testbed", patience_seconds=_START_SECONDS) as lock:
            yield lock


def _roomy_memory() -> Path | None:
    """Where files cost the least: a copied database is hundreds of them, and nothing is kept.

    None where memory is no file system, or a small one as in a container: then it is the disk.
    """
    if not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= _ROOMY_BYTES else None


@contextlib.contextmanager
def opened() -> Iterator[SharedServers]:
    """A testbed that lives as long as this context, or as this process if it is killed."""
    testbed = SharedServers(Path(tempfile.mkdtemp(prefix="perennial-tests-", dir=_roomy_memory())))
    lifeline = testbed.folder / "lifeline"
    os.mkfifo(lifeline, mode=0o600)
    # Read and write: opening a FIFO for writing alone would wait for a reader.
    writer = os.open(lifeline, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield testbed
    finally:
        os.close(writer)
        for lock in (testbed.folder / "postgres" / "lock", testbed.folder / "temporal.lock"):
            with contextlib.suppress(FileNotFoundError):
                _await_release(lock)
        shutil.rmtree(testbed.folder, ignore_errors=True)


def _await_release(lock: Path) -> None:
    with locked(lock, what="the testbed", patience_seconds=_STOP_SECONDS):
        pass
