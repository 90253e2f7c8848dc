"""The state of the system, part by part, and what to do about it.

Owns the checks. They change nothing, and none of them raises: what is wrong is a finding. Does not
own how findings are shown (`cli.doctor`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.db import migrations
from local import cluster, stripe_webhook
from local.environment import Environment, read_environment
from local.process import ProcessError
from local.state import Links, State
from local.temporal import find_missing_search_attributes

_SECONDS = 3
_CONNECT_SECONDS = 8
_OLDEST_POSTGRES = 180000
START = "start the system: make dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One part's state; `remedy` is what to do, and only there when something is wrong."""

    part: str
    state: str
    remedy: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to do."""
        return self.remedy is None


def examine(
    root: Path, *, search_attributes: Mapping[str, str], task_queues: Sequence[str]
) -> list[Finding]:
    """The findings about the system that the checkout's state and environment lead to."""
    environment = read_environment(root)
    try:
        links = State(root).read_links()
    except ProcessError as error:
        return [Finding(part="state", state=str(error), remedy="restore the file or remove it")]
    return [
        *_database(environment, links),
        *_temporal(environment, links, search_attributes, task_queues),
        *_stripe(root, environment, links),
        _service("worker", None if links is None else f"{links.worker_health_url}/healthz"),
        _service("API", None if links is None else f"{links.api_url}/readyz"),
    ]


def _database(environment: Environment, links: Links | None) -> list[Finding]:
    chosen = environment.get("DATABASE_URL")
    if chosen is None and links is None:
        return [Finding(part="PostgreSQL", state="never started", remedy=START)]
    url = chosen or (links.database_url if links is not None else "")
    try:
        with psycopg.connect(url, connect_timeout=_SECONDS) as connection:
            version = connection.info.server_version
        revision, head = migrations.current(url), migrations.head()
    except (psycopg.Error, SQLAlchemyError) as error:
        remedy = "check DATABASE_URL" if chosen else START
        return [Finding(part="PostgreSQL", state=_first_line(error), remedy=remedy)]
    release = f"{version // 10000}.{version % 10000}"
    return [
        Finding(
            part="PostgreSQL",
            state=f"version {release}",
            remedy=None if version >= _OLDEST_POSTGRES else "install PostgreSQL 18 or newer",
        ),
        Finding(
            part="migrations",
            state=f"at {revision or 'nothing'}, needed {head}",
            remedy=None if revision == head else "run: perennial migrate",
        ),
    ]


def _temporal(
    environment: Environment,
    links: Links | None,
    search_attributes: Mapping[str, str],
    task_queues: Sequence[str],
) -> list[Finding]:
    chosen = environment.get("TEMPORAL_ADDRESS")
    if chosen is None and links is None:
        return [Finding(part="Temporal", state="never started", remedy=START)]

    async def ask() -> list[Finding]:
        async with asyncio.timeout(_CONNECT_SECONDS):
            if chosen is None and links is not None:
                client = await Client.connect(links.temporal_address)
            else:
                client = await cluster.connect(environment)
            return [
                await _temporal_version(client),
                await _search_attributes(client, search_attributes),
                *[await _pollers(client, queue) for queue in task_queues],
            ]

    try:
        return asyncio.run(ask())
    except (ProcessError, RuntimeError, RPCError, TimeoutError) as error:
        remedy = "check TEMPORAL_ADDRESS and its companions" if chosen else START
        return [Finding(part="Temporal", state=_first_line(error), remedy=remedy)]


async def _temporal_version(client: Client) -> Finding:
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return Finding(part="Temporal", state=f"version {info.server_version}")


async def _search_attributes(client: Client, wanted: Mapping[str, str]) -> Finding:
    try:
        missing = await find_missing_search_attributes(client, wanted)
    except ProcessError as error:
        return Finding(part="search attributes", state="another type", remedy=str(error))
    if not missing:
        return Finding(part="search attributes", state=f"{len(wanted)} registered")
    commands = " ".join(f"--name {name} --type {kind}" for name, kind in missing.items())
    return Finding(
        part="search attributes",
        state=f"missing: {', '.join(missing)}",
        remedy=f"run: temporal operator search-attribute create {commands}",
    )


async def _pollers(client: Client, queue: str) -> Finding:
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    newest = max((poller.last_access_time.ToSeconds() for poller in answer.pollers), default=None)
    if newest is None:
        return Finding(
            part=f"task queue {queue}",
            state="nobody polls",
            remedy="start a worker: python -m worker (make dev does)",
        )
    return Finding(part=f"task queue {queue}", state=f"{len(answer.pollers)} polling")


def _stripe(root: Path, environment: Environment, links: Links | None) -> list[Finding]:
    if environment.get("STRIPE_API_KEY") is not None:
        secret = environment.get("STRIPE_WEBHOOK_SECRET")
        return [
            Finding(part="Stripe", state="real, by STRIPE_API_KEY"),
            Finding(
                part="webhooks",
                state="no secret" if secret is None else "secret set",
                remedy="set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret"
                if secret is None
                else None,
            ),
        ]
    if links is None or links.simulator_url is None:
        return [Finding(part="simulator", state="never started", remedy=START)]
    try:
        is_registered = stripe_webhook.is_registered(
            simulator_url=links.simulator_url,
            api_key=State(root).known_secret("stripe_api_key") or "",
            api_url=links.api_url,
        )
    except (httpx.TransportError, ProcessError) as error:
        return [Finding(part="simulator", state=_first_line(error), remedy=START)]
    return [
        Finding(part="simulator", state=f"answers at {links.simulator_url}"),
        Finding(
            part="webhooks",
            state="lead to our API" if is_registered else "lead nowhere",
            remedy=None if is_registered else "restart the system, which registers them",
        ),
    ]


def _service(part: str, url: str | None) -> Finding:
    if url is None:
        return Finding(part=part, state="never started", remedy=START)
    try:
        answer = httpx.get(url, timeout=_SECONDS, trust_env=False)
    except httpx.TransportError as error:
        return Finding(part=part, state=_first_line(error), remedy=START)
    if not answer.is_success:
        return Finding(
            part=part, state=f"not ready: {answer.text[:200]}", remedy="see its log in make dev"
        )
    return Finding(part=part, state=f"well at {url}")


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
