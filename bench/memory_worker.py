"""`python -m bench.memory_worker QUEUE CUSTOMERS [SECOND]`: our worker, payments in memory.

Owns the wiring of that one port; everything else is what `python -m worker` has. The gateway lives
and dies with this process, so its customers are enrolled here; a second worker of a queue knows
those of the first. Says `ready` and its pid when it polls.
"""

import os
import sys

from adapters import garbage_collection
from adapters.db.engine import create_engine, transactions, unit_of_work
from adapters.logging import configure_logging
from adapters.mail.console import ConsolePost
from adapters.memory.gateway import MemoryGateway
from adapters.temporal.connection import connect
from bench.customers import enrol, introduce
from bench.program import say, until_stopped
from worker import event_loop
from worker.process import DATABASE_CONNECTIONS, WorkerParts, create_worker


async def run(task_queue: str, customers: int, *, is_second: bool) -> None:
    """Works until SIGTERM."""
    engine = create_engine(os.environ["DATABASE_URL"], pool_size=DATABASE_CONNECTIONS)
    gateway = MemoryGateway()
    if is_second:
        await introduce(gateway, task_queue, customers)
    else:
        await enrol(transactions(engine), gateway, task_queue, customers)
    parts = WorkerParts(
        open_transaction=unit_of_work(engine),
        gateway=gateway,
        post=ConsolePost(),
        clock_driver=None,
        return_url=lambda invoice_id: f"https://example.com/return/{invoice_id}",
    )
    async with create_worker(await connect(), parts, task_queue=task_queue):
        garbage_collection.begin()
        say("ready", str(os.getpid()))
        await until_stopped()
    await engine.dispose()


if __name__ == "__main__":
    configure_logging("json")
    event_loop.run(run(sys.argv[1], int(sys.argv[2]), is_second="SECOND" in sys.argv))
