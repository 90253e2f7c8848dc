"""A terminal in which the operator ada types `perennial`.

Owns the two ways to run a command: as a process, as she does, and inside the test, which takes a
tenth of the time. Both end with a code and what was written.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json
from typer.testing import CliRunner

from cli.main import app

_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_SECONDS: Final = 90
_FOREIGN: Final = ("TEMPORAL_", "STRIPE_", "DATABASE_")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """What it said with `--json`."""
        assert self.code == 0, self.err
        return from_json(self.out)


def invoke(words: tuple[str, ...], variables: dict[str, str]) -> Ended:
    """Runs a command inside of the test; what it does not foresee is raised."""
    foreign = {name: None for name in os.environ if name.startswith(_FOREIGN)}
    ended = CliRunner().invoke(app, words, env={**foreign, **variables})
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """On a machine that knows where everything is."""

    database_url: str
    temporal_address: str

    async def process(self, *words: str) -> Ended:
        """Runs a command as a process beside the test, whose worker goes on."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *words),
            cwd=_CHECKOUT,
            env=inherited | self._variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(_SECONDS):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def perennial(self, *words: str) -> Ended:
        """Runs a command in a thread of the test, with an event loop of its own."""
        return await asyncio.to_thread(invoke, words, self._variables)

    @property
    def _variables(self) -> dict[str, str]:
        return {
            "COLUMNS": "220",
            "LOGNAME": "ada",
            "DATABASE_URL": self.database_url,
            "TEMPORAL_ADDRESS": self.temporal_address,
        }

    async def subscriptions(self, *words: str) -> Ended:
        """`perennial subscriptions …`; it must succeed."""
        ended = await self.perennial("subscriptions", *words)
        assert ended.code == 0, ended.err
        return ended

    async def refused(self, *words: str) -> str:
        """What a refused `perennial subscriptions …` says."""
        ended = await self.perennial("subscriptions", *words)
        assert ended.code == 1, ended
        return ended.err.strip()
