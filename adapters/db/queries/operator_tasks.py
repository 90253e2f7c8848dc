"""What waits for an operator, read."""

from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.tables.operator_task import operator_tasks
from billing.task import OperatorTask
from billing.value import Instant, Value

_ORDER: Final = Order(at=operator_tasks.c.created_at, id=operator_tasks.c.key)


class RecordedTask(Value):
    """A task, and when it was closed; by whom and why says the audit log."""

    task: OperatorTask
    closed_at: Instant | None


async def get(connection: AsyncConnection, key: str) -> RecordedTask | None:
    """One task."""
    found = await connection.execute(select(operator_tasks).where(operator_tasks.c.key == key))
    row = found.one_or_none()
    return None if row is None else _as_task(row)


async def page_of(
    connection: AsyncConnection,
    *,
    customer_id: str | None = None,
    subscription_id: str | None = None,
    open_only: bool = True,
    cursor: str | None = None,
    limit: int,
) -> Page[RecordedTask]:
    """Tasks newest first; those that are not closed, unless all are asked for."""
    query = select(operator_tasks)
    if customer_id is not None:
        query = query.where(operator_tasks.c.customer_id == customer_id)
    if subscription_id is not None:
        query = query.where(operator_tasks.c.subscription_id == subscription_id)
    if open_only:
        query = query.where(operator_tasks.c.closed_at.is_(None))
    return await read_page(
        connection, query, order=_ORDER, as_item=_as_task, cursor=cursor, limit=limit
    )


def _as_task(row: Row[Any]) -> RecordedTask:
    return RecordedTask(task=OperatorTask.model_validate(row._asdict()), closed_at=row.closed_at)
