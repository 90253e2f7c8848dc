"""Where a benchmark runs: the servers that it shares, and the programs started beside them.

Owns the starting and ending of programs, each in a process of its own as in production, and the
environment that they get. Does not own the servers' start (`local.testbed`) nor what is measured.
"""

import asyncio
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from adapters.db.engine import create_engine
from adapters.db.migrations import upgrade
from local import process, testbed
from local.process import Process, Program
from workflows.search_attributes import SEARCH_ATTRIBUTES

_ROOT: Final = Path(__file__).resolve().parents[1]
_READY_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.05
_FOREIGN: Final = ("TEMPORAL_", "STRIPE_", "DATABASE_", "PERENNIAL_", "SIMULATOR_", "WORKER_")
"""Variables that would lead a program to another system."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A database with every migration and no rows, and a Temporal server that can skip time."""

    database_url: str
    temporal_address: str

    async def connect(self) -> Client:
        """A client that speaks as our processes do."""
        return await Client.connect(self.temporal_address, data_converter=pydantic_data_converter)

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[AsyncEngine]:
        """Connections to the database, as our processes make them."""
        engine = create_engine(self.database_url)
        try:
            yield engine
        finally:
            await engine.dispose()


@dataclass(frozen=True, slots=True)
class Running:
    """A program of the benchmark that was started, and the last thing it said of each kind.

    A line is a word and what it is about: `ready`, `done 40`.
    """

    process: Process
    said: Mapping[str, str]

    async def until_ready(self, is_ready: Callable[["Running"], bool]) -> None:
        """Raises `ProcessError` where the program ended before that, and `TimeoutError`."""
        deadline = time.monotonic() + _READY_SECONDS
        while not is_ready(self):
            self.process.require_running()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{self.process.program.name} does not start:\n{self.process.tail}"
                )
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


@contextmanager
def opened() -> Iterator[Stage]:
    """Servers of this run's own, gone after it; durable to nothing, so that processors decide."""
    with testbed.opened() as servers:
        database_url = servers.create_migrated_database(f"bench_{uuid.uuid4().hex}", upgrade)
        yield Stage(database_url, servers.temporal(SEARCH_ATTRIBUTES).address)


@asynccontextmanager
async def started(
    stage: Stage,
    *command: str,
    variables: Mapping[str, str] | None = None,
    is_ready: Callable[[Running], bool] = lambda program: "ready" in program.said,
) -> AsyncIterator[Running]:
    """`python -m` with a command of ours, from its being ready to the end of the block."""
    said: dict[str, str] = {}

    def hear(line: str) -> None:
        word, _, rest = line.partition(" ")
        said[word] = rest

    program = Program(
        name=command[0],
        command=(sys.executable, "-m", *command),
        environment=environment(stage) | dict(variables or {}),
        directory=_ROOT,
    )
    running = Running(process.start(program, hear), said)
    try:
        await running.until_ready(is_ready)
        yield running
    finally:
        await asyncio.to_thread(running.process.stop)


def environment(stage: Stage) -> dict[str, str]:
    """What programs are started with: ours, without what would lead to another system."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return inherited | {
        "DATABASE_URL": stage.database_url,
        "TEMPORAL_ADDRESS": stage.temporal_address,
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
    }
