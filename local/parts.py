"""The parts of the local system: what each needs, and how it is started again.

Owns the translation from state and environment to a start of PostgreSQL, Temporal, the simulator,
the worker and the API, and which of them a variable replaces: `DATABASE_URL`, `TEMPORAL_ADDRESS`,
`STRIPE_API_KEY`. Does not own their order (`local.system`).
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from local import ports, postgres, process, temporal
from local.console import Console
from local.environment import Environment
from local.process import Process, ProcessError, Program
from local.state import State

_READY_SECONDS = 60
_PROBE_SECONDS = 1
_API_GRACE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the system, which can be launched again after it ended."""

    name: str
    launch: Callable[[], Process]
    is_ready: Callable[[], bool] | None = None
    """`None` for a part that is ready once `launch` returns."""

    def await_ready(self, running: Process) -> None:
        """Return when it serves; `ProcessError` with its last words when it does not."""
        if self.is_ready is not None:
            running.wait_until(self.is_ready, timeout_seconds=_READY_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Makes the parts of one checkout; `lock` is held by every process of theirs."""

    state: State
    environment: Environment
    console: Console
    lock: int

    def port(self, part: str, variable: str | None = None) -> int:
        """The port for a part: the user's own choice, else the one it had, else a free one.

        A port that the user chose is never replaced: `ProcessError` when it is taken.
        """
        chosen = None if variable is None else self.environment.get(variable)
        if chosen is not None:
            if not chosen.isdecimal() or not 0 < int(chosen) < 1 << 16:
                raise ProcessError(f"{variable} is {chosen!r}; give a port between 1 and 65535")
            if not ports.is_free(int(chosen)):
                raise ProcessError(f"{variable} is {chosen}, and that port is taken")
            return int(chosen)
        port, taken = self.state.choose_port(part)
        if taken is not None:
            self.console.say(f"port {taken} is taken: {part} uses {port} from now on")
        return port

    def postgres(self, port: int) -> Part:
        """Our own PostgreSQL server."""

        def launch() -> Process:
            _, running = postgres.start(
                self.state.folder / "postgres",
                password=self.state.secret("database_password"),
                port=port,
                on_line=self.console.line_of("postgres"),
            )
            return running

        return Part("postgres", launch)

    def temporal(self, port: int, ui_port: int, search_attributes: Mapping[str, str]) -> Part:
        """Our own Temporal server with its UI."""

        def launch() -> Process:
            _, running = temporal.start(
                search_attributes=search_attributes,
                database=self.state.folder / "temporal.db",
                port=port,
                ui_port=ui_port,
                held=(self.lock,),
                on_line=self.console.line_of("temporal"),
            )
            return running

        return Part("temporal", launch)

    def simulator(self, port: int) -> Part:
        """Our own Stripe."""
        command = (
            *("-m", "simulator", "--host", ports.LOOPBACK, "--port", str(port)),
            *("--database", str(self.state.folder / "simulator.db")),
        )
        variables = {
            **self.environment.variables,
            "SIMULATOR_API_KEY": self.state.secret("stripe_api_key", prefix="sk_test_"),
            "SIMULATOR_CONTROL_TOKEN": self.state.secret("simulator_control_token"),
        }
        return self._python(
            "simulator", command, variables, lambda: ports.is_answering(ports.LOOPBACK, port)
        )

    def worker(self, port: int, variables: Mapping[str, str]) -> Part:
        """The worker; ready when it polls."""
        return self._python("worker", ("-m", "worker"), variables, lambda: is_healthy(port))

    def api(self, port: int, variables: Mapping[str, str]) -> Part:
        """The API."""
        return self._python("api", ("-m", "api"), variables, lambda: is_healthy(port))

    def _python(
        self,
        name: str,
        arguments: tuple[str, ...],
        variables: Mapping[str, str],
        is_ready: Callable[[], bool],
    ) -> Part:
        program = Program(
            name=name,
            command=(sys.executable, *arguments),
            environment={**variables, "PYTHONUNBUFFERED": "1"},
            directory=self.state.root,
            grace_seconds=_API_GRACE_SECONDS,
            held=(self.lock,),
        )

        return Part(name, lambda: process.start(program, self.console.line_of(name)), is_ready)


def is_healthy(port: int) -> bool:
    """Whether the process on `port` says that it is well.

    Asked many times while it starts: HTTPX would read the machine's certificates for each.
    """
    connection = HTTPConnection(ports.LOOPBACK, port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
