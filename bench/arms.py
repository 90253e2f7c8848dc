"""What renews: the bare workflow, and our system with one payment gateway or another.

Owns how the sleepers of each are started, and how it is seen that they have renewed. Does not own
what is measured of them (`bench.renewals`).
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.db.engine import transactions
from adapters.db.tables.invoice import invoices
from adapters.db.tables.webhook import webhook_inbox
from bench import customers
from bench.bare_workflow import BARE_ACTIVITIES, BARE_TASK_QUEUE, BARE_WORKFLOW
from bench.side_by_side import side_by_side
from bench.stage import Running
from billing.invoice import InvoiceStatus
from simulator.control import SimulatorControl
from workflows.messages import subscription_workflow_id

_SECONDS_BETWEEN_LOOKS: Final = 0.25


class Arm(Protocol):
    """One side of a comparison."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    async def put_to_sleep(self, count: int, *, due_at: datetime) -> list[str]:
        """Starts workflows whose timers end at `due_at`, and returns their ids."""
        ...

    async def renewed(self) -> int:
        """How many have renewed since the last `put_to_sleep`."""
        ...

    async def settled(self) -> datetime | None:
        """Waits for what follows beside the workflows; when its last piece ended, if any."""
        ...


@dataclass(slots=True)
class BareArm:
    """A timer and two activities that do nothing."""

    client: Client
    workers: Sequence[Running]
    name: str = "bare workflow"
    _before: int = 0

    async def put_to_sleep(self, count: int, *, due_at: datetime) -> list[str]:
        """See the protocol."""
        self._before = self._done()
        ids = [f"bare/{uuid.uuid4().hex}" for _ in range(count)]
        await side_by_side([partial(self._start, workflow_id, due_at) for workflow_id in ids])
        return ids

    async def renewed(self) -> int:
        """See the protocol."""
        return (self._done() - self._before) // BARE_ACTIVITIES

    async def settled(self) -> None:
        """Nothing is beside the workflows."""

    def _done(self) -> int:
        return sum(int(worker.said.get("done", "0")) for worker in self.workers)

    async def _start(self, workflow_id: str, due_at: datetime) -> None:
        await self.client.start_workflow(
            BARE_WORKFLOW, due_at, id=workflow_id, task_queue=BARE_TASK_QUEUE
        )


@dataclass(slots=True)
class SystemArm:
    """One subscription for each customer of a group."""

    client: Client
    engine: AsyncEngine
    name: str
    group: str
    task_queue: str
    control: SimulatorControl | None = None
    """Of the simulator, where one answers and tells what happened by webhooks."""
    _due_at: datetime | None = None

    async def put_to_sleep(self, count: int, *, due_at: datetime) -> list[str]:
        """See the protocol."""
        self._due_at = due_at
        states = [
            customers.active(customers.customer_id(self.group, number), renews_at=due_at)
            for number in range(count)
        ]
        await customers.record(transactions(self.engine), states)
        await side_by_side(
            [
                partial(customers.start, self.client, state, task_queue=self.task_queue)
                for state in states
            ]
        )
        return [subscription_workflow_id(state.subscription_id) for state in states]

    async def renewed(self) -> int:
        """Whose invoice of the new period is paid."""
        query = select(func.count()).where(
            invoices.c.period_start == self._due_at, invoices.c.status == InvoiceStatus.PAID
        )
        async with self.engine.connect() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def settled(self) -> datetime | None:
        """Every webhook is delivered and processed."""
        if self.control is None:
            return None
        await self.control.webhooks_delivered(timeout_seconds=120)
        query = select(
            func.count().filter(webhook_inbox.c.processed_at.is_(None)),
            func.max(webhook_inbox.c.processed_at),
        )
        async with self.engine.connect() as connection:
            while True:
                open_webhooks, last = (await connection.execute(query)).one()
                if not open_webhooks:
                    return last if isinstance(last, datetime) else None
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
