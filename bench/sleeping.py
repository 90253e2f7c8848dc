"""Memory of the worker while many subscriptions sleep: it must not grow with their number.

Owns the starting of sleepers and the looking. The worker keeps a bounded number of workflows in
memory (`worker.process`); one that sleeps beyond that is replayed from its history when it wakes.
"""

import asyncio
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from temporalio.client import Client

from bench import customers
from bench.side_by_side import side_by_side
from workflows.messages import subscription_workflow_id

_BATCH: Final = 250
_RENEWS_IN: Final = timedelta(days=20)
_EVENTS_UNTIL_ASLEEP: Final = 5
"""Started; its first task scheduled, started and completed; the timer."""
_LOOK_AGAIN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The worker's resident memory while so many subscriptions sleep."""

    sleeping: int
    memory_bytes: int


async def fall_asleep(
    client: Client, *, task_queue: str, counts: Sequence[int], worker_pid: int, seconds: float
) -> list[Standing]:
    """Where the worker stands at each of the counts, in rising order.

    Begins no further batch once `seconds` have passed; the last standing then says how many sleep.
    """
    deadline = time.monotonic() + seconds
    standings: list[Standing] = []
    asleep, started = 0, list[str]()
    for count in counts:
        while asleep < count and time.monotonic() < deadline:
            batch = range(asleep, min(count, asleep + _BATCH))
            started = await side_by_side([partial(_start, client, task_queue) for _ in batch])
            asleep = batch.stop
        await side_by_side([partial(_until_asleep, client, workflow_id) for workflow_id in started])
        standings.append(Standing(sleeping=asleep, memory_bytes=_resident_bytes(worker_pid)))
        if asleep < count:
            break
    return standings


async def _start(client: Client, task_queue: str) -> str:
    """All of one customer, so that the server hands them out in their order."""
    state = customers.active(
        customers.customer_id(task_queue, 0), renews_at=datetime.now(UTC) + _RENEWS_IN, is_live=True
    )
    await customers.start(client, state, task_queue=task_queue)
    return subscription_workflow_id(state.subscription_id)


async def _until_asleep(client: Client, workflow_id: str) -> None:
    handle = client.get_workflow_handle(workflow_id)
    while (await handle.describe()).history_length < _EVENTS_UNTIL_ASLEEP:  # noqa: ASYNC110 - remote
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _resident_bytes(pid: int) -> int:
    """As Linux counts it."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()
