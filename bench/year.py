"""A year of sleeping: what twelve renewals leave in a workflow's history.

Owns playing the year on skipped time, for subscriptions that pay and for such that cost nothing.
Counts do not depend on the machine, so a few subscriptions are enough. Time is skipped once, over
the whole year: the timers fire that would fire in production, one after the other.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from adapters.db.engine import transactions
from bench import customers
from bench.bare_workflow import BARE_TASK_QUEUE, BARE_WORKFLOW
from bench.history import Renewal, renewals
from bench.side_by_side import side_by_side
from billing import anchor
from billing.price import Price
from billing.subscription import SubscriptionState
from workflows.messages import subscription_workflow_id

RENEWALS: Final = 12
_PATIENCE_SECONDS: Final = 60
_LOOK_AGAIN_SECONDS: Final = 0.1
_MOST_SKIPS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """The renewals of one workflow, in order."""

    renewals: tuple[Renewal, ...]

    @property
    def history_bytes(self) -> int:
        """What the year added to the history."""
        return sum(renewal.size_bytes for renewal in self.renewals)


async def live_through(
    client: Client, engine: AsyncEngine, *, group: str, task_queue: str, price: Price, count: int
) -> list[Year]:
    """A year of subscriptions that were sold at a price, one for each customer of the group."""
    renews_at = datetime.now(UTC) + timedelta(days=1)
    states = [
        customers.active(
            customers.customer_id(group, number), renews_at=renews_at, price=price, is_live=True
        )
        for number in range(count)
    ]
    await customers.record(transactions(engine), states)

    async def live(state: SubscriptionState) -> Year:
        await customers.start(client, state, task_queue=task_queue)
        return await _skip(client, subscription_workflow_id(state.subscription_id), renews_at)

    return await side_by_side([partial(live, state) for state in states])


async def live_through_bare(client: Client) -> Year:
    """The same of the bare workflow."""
    renews_at = datetime.now(UTC) + timedelta(days=1)
    workflow_id = f"bare/{uuid.uuid4().hex}"
    await client.start_workflow(
        BARE_WORKFLOW, renews_at, id=workflow_id, task_queue=BARE_TASK_QUEUE
    )
    return await _skip(client, workflow_id, renews_at)


async def _skip(client: Client, workflow_id: str, renews_at: datetime) -> Year:
    """Over twelve boundaries and not the thirteenth; each must have had a timer of its own."""
    handle = client.get_workflow_handle(workflow_id)
    skipper = TimeSkipper(client, config=TimeSkippingConfig(max_session_skip_count=_MOST_SKIPS))
    last_at = anchor.boundary(renews_at, customers.MONTH, RENEWALS - 1)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await skipper.fast_forward(handle, last_at + timedelta(hours=1) - datetime.now(UTC))
        return Year(renewals=tuple(await _all_renewals(handle)))


async def _all_renewals(handle: WorkflowHandle[object, object]) -> Sequence[Renewal]:
    while True:
        found = renewals(await handle.fetch_history())
        if len(found) == RENEWALS and found[-1].slept_at is not None:
            return found
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
