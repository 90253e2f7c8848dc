"""`python -m bench.bare_worker`: works for the bare workflow, as Temporal's documentation says.

It has our worker's pollers, slots and cache, and Temporal's own sandbox and asyncio's loop.

Says `ready`, and `done` with the number of activities so far whenever it has grown.
"""

import asyncio
from typing import Final

from temporalio.worker import PollerBehaviorAutoscaling, Worker

from adapters.temporal.connection import connect
from bench.bare_workflow import BARE_TASK_QUEUE, BareWorkflow, NoOps
from bench.program import say, until_stopped
from worker.process import MOST_CACHED_WORKFLOWS, MOST_CONCURRENT_ACTIVITIES

_SECONDS_BETWEEN_COUNTS: Final = 0.2


async def run() -> None:
    """Works until SIGTERM."""
    no_ops = NoOps()
    worker = Worker(
        await connect(),
        task_queue=BARE_TASK_QUEUE,
        workflows=[BareWorkflow],
        activities=[no_ops.no_op],
        max_cached_workflows=MOST_CACHED_WORKFLOWS,
        max_concurrent_activities=MOST_CONCURRENT_ACTIVITIES,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )
    async with worker:
        say("ready")
        counting = asyncio.create_task(_count(no_ops))
        await until_stopped()
        counting.cancel()


async def _count(no_ops: NoOps) -> None:
    told = 0
    while True:
        if no_ops.done > told:
            told = no_ops.done
            say("done", str(told))
        await asyncio.sleep(_SECONDS_BETWEEN_COUNTS)


if __name__ == "__main__":
    asyncio.run(run())
