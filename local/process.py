"""One program started by the local system: its start, its log, its end.

Owns the life of a child process under a guard (`local/guard.py`), so that nothing outlives the one
who started it. Does not know what the program is or when it is ready.

    ProcessError
    └── ProgramEnded    the program ended while it was waited for
"""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local import guard
from local.guard import Account, Orders, Switch

_TAIL_LINES = 40
_POLL_SECONDS = 0.03
_GUARD_EXIT_SECONDS = 5.0

SAME_ACCOUNT = Account(switch=Switch.NONE, uid=os.getuid(), gid=os.getgid())


class ProcessError(Exception):
    """A program of the local system did not do what it should; the message is for its user."""


class ProgramEnded(ProcessError):
    """The program ended while something was expected of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start and how to end it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    """The whole environment; `None` hands on our own."""
    directory: Path | None = None
    account: Account = SAME_ACCOUNT
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 8.0
    held: tuple[int, ...] = ()
    """Descriptors of locks (`local.lock`) that last until the program and its children ended."""
    lifeline: Path | None = None
    """FIFO whose writers keep the program alive; without one, it lives with our process."""
    removed: tuple[Path, ...] = ()
    """Folders to delete once the program has ended."""
    output: Path | None = None
    """File that receives the log; without one, lines go to the `on_line` of `start`."""


@dataclass(slots=True)
class Process:
    """A started program. `stop` may be called any number of times."""

    program: Program
    _guard: subprocess.Popen[bytes]
    _lifeline: int | None
    _tail: collections.deque[str] = field(
        default_factory=lambda: collections.deque(maxlen=_TAIL_LINES)
    )
    _reader: threading.Thread | None = None

    @property
    def exit_code(self) -> int | None:
        """The program's exit code (128 + signal number for a killed one), `None` while it runs."""
        return self._guard.poll()

    @property
    def tail(self) -> str:
        """The last lines of the log."""
        if self.program.output is not None:
            lines = self.program.output.read_text(errors="replace").splitlines()
            return "\n".join(lines[-_TAIL_LINES:])
        if self._reader is not None and self.exit_code is not None:
            self._reader.join(timeout=1)
        return "\n".join(self._tail)

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_seconds: float) -> None:
        """Return when `is_ready` says so; `ProcessError` with the log's end when it never does."""
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            self.require_running()
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{self.program.name} was not ready after {timeout_seconds:.0f} s:\n{self.tail}"
                )
            time.sleep(_POLL_SECONDS)

    def require_running(self) -> None:
        """`ProgramEnded` with the log's end unless the program runs."""
        if self.exit_code is not None:
            raise ProgramEnded(
                f"{self.program.name} ended with code {self.exit_code}:\n{self.tail}"
            )

    def wait(self, timeout_seconds: float) -> int:
        """The exit code, once the program has ended by itself; `ProcessError` on time-out."""
        try:
            return self._guard.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise ProcessError(
                f"{self.program.name} took longer than {timeout_seconds:.0f} s:\n{self.tail}"
            ) from None

    def ask_to_stop(self) -> None:
        """Begin the graceful end and return at once."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        elif self.exit_code is None:
            self._guard.terminate()

    def stop(self) -> None:
        """End the program and everything it started, and return when nothing of it is left."""
        self.ask_to_stop()
        try:
            self._guard.wait(self.program.grace_seconds + _GUARD_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        if self._reader is not None:
            self._reader.join(timeout=1)
        if self._guard.stdout is not None:
            self._guard.stdout.close()


def start(program: Program, on_line: Callable[[str], None] | None = None) -> Process:
    """Start `program` under a guard; its log goes line by line to `on_line` or to its file."""
    with contextlib.ExitStack() as opened:
        read_end, write_end = (None, None) if program.lifeline else os.pipe()
        if read_end is not None:
            opened.callback(os.close, read_end)
        orders = Orders(
            command=tuple(program.command),
            lifeline=str(program.lifeline) if read_end is None else read_end,
            account=program.account,
            stop_signal=program.stop_signal,
            grace_seconds=program.grace_seconds,
            held=program.held,
            removed=tuple(map(str, program.removed)),
        )
        output: int = subprocess.PIPE
        if program.output is not None:
            log = opened.enter_context(program.output.open("ab"))
            output = log.fileno()
        started = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, orders.to_json()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if program.environment is None else dict(program.environment),
            cwd=program.directory,
            pass_fds=program.held if read_end is None else (*program.held, read_end),
            start_new_session=True,
        )
    process = Process(program, started, write_end)
    if program.output is None:
        process._reader = _follow(process, on_line)  # noqa: SLF001 - of this module
    return process


def _follow(process: Process, on_line: Callable[[str], None] | None) -> threading.Thread:
    stream = process._guard.stdout  # noqa: SLF001 - of this module

    def follow() -> None:
        assert stream is not None  # noqa: S101 - opened as a pipe above
        for raw in stream:
            line = raw.decode(errors="replace").rstrip()
            process._tail.append(line)  # noqa: SLF001 - of this module
            if on_line is not None:
                on_line(line)

    reader = threading.Thread(target=follow, name=f"log of {process.program.name}", daemon=True)
    reader.start()
    return reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a program that was run to its end fared."""

    exit_code: int
    output: str
    """The last lines of its log."""

    @property
    def succeeded(self) -> bool:
        """Whether it ended with code 0."""
        return self.exit_code == 0


def run(program: Program, *, timeout_seconds: float) -> Result:
    """Run `program` to its end; `ProcessError` when that takes longer than `timeout_seconds`."""
    process = start(program)
    try:
        code = process.wait(timeout_seconds)
        return Result(exit_code=code, output=process.tail)
    finally:
        process.stop()
