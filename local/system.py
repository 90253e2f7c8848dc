"""The whole system on one machine, from start to end.

Owns the order of its parts, the settings that connect them, the restart of one that ended, and the
end of all. Does not own how a part is started (`local.parts`).
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from adapters.db import migrations
from local import cluster, ports, stripe_webhook
from local.console import Console
from local.environment import read_environment
from local.lock import InUse, locked
from local.parts import Part, Workshop
from local.postgres import Server as PostgresServer
from local.process import Process, ProcessError
from local.state import Links, State

_PREDECESSOR_SECONDS = 25.0
_RESTARTS = 3
_RESTART_WINDOW_SECONDS = 60.0


@dataclass(slots=True)
class _Running:
    part: Part
    process: Process
    restarted_at: list[float] = field(default_factory=list)

    def may_restart(self, now: float) -> bool:
        recent = [at for at in self.restarted_at if now - at < _RESTART_WINDOW_SECONDS]
        self.restarted_at = [*recent, now]
        return len(recent) < _RESTARTS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Backends:
    """Where the worker and the API find what they stand on, and the parts that are ours."""

    database_url: str
    variables: Mapping[str, str]
    """The environment, with what leads to Temporal."""
    temporal_ui_url: str | None
    simulator_url: str | None
    parts: Sequence[Part]


ApiKeyIssuer = Callable[[str, str | None], str]
"""Given a database URL and the API key of the last start: that key if it still works, or a new."""


class System:
    """The parts of one checkout; `opened` makes one and ends it."""

    def __init__(
        self,
        workshop: Workshop,
        *,
        search_attributes: Mapping[str, str],
        issue_api_key: ApiKeyIssuer,
    ) -> None:
        self._workshop = workshop
        self._issue_api_key = issue_api_key
        self._state = workshop.state
        self._environment = workshop.environment
        self._console = workshop.console
        self._search_attributes = search_attributes
        self._running: list[_Running] = []

    def start(self) -> Links:
        """Start every part and return when all are ready; `ProcessError` says what is not."""
        backends = self._plan_backends()
        api_port = self._workshop.port("api", "PERENNIAL_API_PORT")
        worker_port = self._workshop.port("worker", "WORKER_HEALTH_PORT")
        api_url = f"http://{ports.LOOPBACK}:{api_port}"
        self._require_webhook_secret(backends.simulator_url, api_url)
        self._await(self._launch(backends.parts))
        self._prepare(backends)
        variables = {
            **backends.variables,
            **self._stripe_variables(backends.simulator_url, api_url),
            **self._own_variables(api_url),
            "DATABASE_URL": backends.database_url,
            "PERENNIAL_API_PORT": str(api_port),
            "WORKER_HEALTH_PORT": str(worker_port),
        }
        launched = self._launch(
            [self._workshop.worker(worker_port, variables), self._workshop.api(api_port, variables)]
        )
        # While they get ready: making a key takes libraries that nothing else here needs.
        known = self._state.known_secret("api_key")
        self._state.set_secret("api_key", self._issue_api_key(backends.database_url, known))
        self._await(launched)
        control_token = self._state.known_secret("simulator_control_token")
        links = Links(
            api_url=api_url,
            api_key=self._state.secret("api_key"),
            temporal_address=variables["TEMPORAL_ADDRESS"],
            temporal_ui_url=backends.temporal_ui_url,
            simulator_url=backends.simulator_url,
            simulator_control_token=control_token if backends.simulator_url else None,
            worker_health_url=f"http://{ports.LOOPBACK}:{worker_port}",
            database_url=backends.database_url,
        )
        self._state.write_links(links)
        return links

    def keep_running(self) -> None:
        """Start again what has ended by itself; `ProcessError` for a part that keeps ending."""
        for running in self._running:
            code = running.process.exit_code
            if code is not None:
                self._restart(running, code)

    def stop(self) -> None:
        """End every part, the ones that stand on others first."""
        ours = [running.process for running in self._running]
        apart = [process for process in ours if process.program.name in ("worker", "api")]
        for group in (apart, [process for process in ours if process not in apart]):
            for process in group:
                process.ask_to_stop()
            for process in group:
                process.stop()
        self._running.clear()

    def _restart(self, running: _Running, code: int) -> None:
        name = running.part.name
        if not running.may_restart(time.monotonic()):
            raise ProcessError(f"{name} keeps ending (code {code}):\n{running.process.tail}")
        self._console.say(f"{name} ended with code {code}; starting it again")
        running.process.stop()
        running.process = running.part.launch()
        running.part.await_ready(running.process)

    def _launch(self, parts: Sequence[Part]) -> list[_Running]:
        """Launch parts that do not need one another."""
        launched = []
        for part in parts:
            launched.append(_Running(part, part.launch()))
            self._running.append(launched[-1])
        return launched

    def _await(self, launched: Sequence[_Running]) -> None:
        for running in launched:
            running.part.await_ready(running.process)

    def _prepare(self, backends: _Backends) -> None:
        """Bring what stands to where our own processes need it."""
        if backends.temporal_ui_url is None:
            asyncio.run(cluster.prepare(self._environment, self._search_attributes))
        try:
            migrations.upgrade(backends.database_url)
        except SQLAlchemyError as error:
            raise ProcessError(f"the database cannot be migrated: {error}") from None

    def _own_variables(self, api_url: str) -> dict[str, str]:
        """Settings with another default here than in production; the user's own come first."""
        defaults = {
            "PERENNIAL_API_HOST": ports.LOOPBACK,
            "PERENNIAL_PUBLIC_URL": api_url,
            "PERENNIAL_MAIL_OUTBOX": str(self._state.folder / "mail"),
        }
        return {
            "PERENNIAL_LOG_FORMAT": "json",
            "PERENNIAL_LINK_SECRET": self._environment.get("PERENNIAL_LINK_SECRET")
            or self._state.secret("link_secret"),
            **{name: self._environment.get(name) or value for name, value in defaults.items()},
        }

    def _plan_backends(self) -> _Backends:
        parts: list[Part] = []
        simulator_url = None
        if self._environment.get("STRIPE_API_KEY") is None:
            port = self._workshop.port("simulator")
            # First, because its launch does not wait: it gets ready while the others start.
            parts.append(self._workshop.simulator(port))
            simulator_url = f"http://{ports.LOOPBACK}:{port}"
        database_url = self._environment.get("DATABASE_URL")
        if database_url is None:
            port = self._workshop.port("postgres")
            parts.append(self._workshop.postgres(port))
            server = PostgresServer(port=port, password=self._state.secret("database_password"))
            database_url = server.url()
        variables = dict(self._environment.variables)
        temporal_ui_url = None
        if self._environment.get("TEMPORAL_ADDRESS") is None:
            port, ui_port = self._workshop.port("temporal"), self._workshop.port("temporal_ui")
            parts.append(self._workshop.temporal(port, ui_port, self._search_attributes))
            temporal_ui_url = f"http://{ports.LOOPBACK}:{ui_port}"
            variables = {
                **self._environment.without_prefix("TEMPORAL_"),
                "TEMPORAL_ADDRESS": f"{ports.LOOPBACK}:{port}",
                "TEMPORAL_NAMESPACE": "default",
                # A profile of the user's leads to another server, with TLS and keys of its own.
                "TEMPORAL_CONFIG_FILE": os.devnull,
            }
        return _Backends(
            database_url=database_url,
            variables=variables,
            temporal_ui_url=temporal_ui_url,
            simulator_url=simulator_url,
            parts=parts,
        )

    def _require_webhook_secret(self, simulator_url: str | None, api_url: str) -> None:
        """Before anything is started: real Stripe's secret is the user's to bring."""
        if simulator_url is None and self._environment.get("STRIPE_WEBHOOK_SECRET") is None:
            raise ProcessError(
                "STRIPE_API_KEY is set, and STRIPE_WEBHOOK_SECRET is not; run `stripe listen "
                f"--forward-to {api_url}{stripe_webhook.PATH}` and set the secret it prints"
            )

    def _stripe_variables(self, simulator_url: str | None, api_url: str) -> dict[str, str]:
        if simulator_url is None:
            return {}
        key = self._state.secret("stripe_api_key")
        return {
            "STRIPE_API_KEY": key,
            "STRIPE_API_BASE": simulator_url,
            "STRIPE_WEBHOOK_SECRET": stripe_webhook.register(
                self._state, simulator_url=simulator_url, api_key=key, api_url=api_url
            ),
        }


@contextlib.contextmanager
def opened(
    root: Path,
    console: Console,
    *,
    search_attributes: Mapping[str, str],
    issue_api_key: ApiKeyIssuer,
) -> Iterator[System]:
    """The system of the checkout in `root`, nothing of it started; ended with the context.

    `ProcessError` when it runs already.
    """
    state = State(root)
    state.make_folder()
    try:
        with (
            locked(state.folder / "lock", what="the system", patience_seconds=0),
            locked(
                state.folder / "parts.lock",
                what="a part of the system",
                patience_seconds=_PREDECESSOR_SECONDS,
            ) as parts_lock,
        ):
            workshop = Workshop(
                state=state,
                environment=read_environment(root),
                console=console,
                lock=parts_lock,
            )
            system = System(
                workshop, search_attributes=search_attributes, issue_api_key=issue_api_key
            )
            try:
                yield system
            finally:
                system.stop()
    except InUse as error:
        raise ProcessError(str(error)) from None
