"""`python -m bench.memory_worker QUEUE CUSTOMERS`: our worker, with payments answered in memory.

Owns the wiring of that one port; everything else is what `python -m worker` has. The gateway lives
and dies with this process, so its customers are enrolled here. Says `ready` and its
pid when it polls.
"""

import os
import sys

from adapters.db.engine import create_engine, transactions, unit_of_work
from adapters.logging import configure_logging
from adapters.mail.console import ConsolePost
from adapters.memory.gateway import MemoryGateway
from adapters.temporal.connection import connect
from bench.customers import enrol
from bench.program import say, until_stopped
from worker import event_loop
from worker.process import WorkerParts, create_worker


async def run(task_queue: str, customers: int) -> None:
    """Works until SIGTERM."""
    engine = create_engine(os.environ["DATABASE_URL"])
    gateway = MemoryGateway()
    await enrol(transactions(engine), gateway, task_queue, customers)
    parts = WorkerParts(
        open_transaction=unit_of_work(engine),
        gateway=gateway,
        post=ConsolePost(),
        clock_driver=None,
        return_url=lambda invoice_id: f"https://example.com/return/{invoice_id}",
    )
    async with create_worker(await connect(), parts, task_queue=task_queue):
        say("ready", str(os.getpid()))
        await until_stopped()
    await engine.dispose()


if __name__ == "__main__":
    configure_logging("json")
    event_loop.run(run(sys.argv[1], int(sys.argv[2])))
