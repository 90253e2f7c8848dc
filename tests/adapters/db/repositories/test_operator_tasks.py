"""Tasks for operators: one per key, closed once."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.queries import operator_tasks as queries
from adapters.db.queries.operator_tasks import RecordedTask
from billing.errors import NotFound
from billing.task import OperatorTask, TaskKind
from tests.adapters.db.company import START, open_shop, subscribe

_TASK = OperatorTask(
    key="refund.failed:re_1",
    kind=TaskKind.REFUND_FAILED,
    subject="re_1",
    customer_id="cus_1",
    subscription_id="sub_1",
    created_at=START,
    details={"amount_minor": 100, "reason": None},
)
_DONE_AT = START + timedelta(days=1)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine)
    await subscribe(engine)


async def test_a_task_is_added_once_per_key(transaction: Transactions) -> None:
    async with transaction() as tx:
        for subject in ("re_1", "re_2"):
            await tx.tasks.add(_TASK.model_copy(update={"subject": subject}))
        found = await queries.get(tx.connection, _TASK.key)
        assert found == RecordedTask(task=_TASK, closed_at=None)
        assert await queries.get(tx.connection, "unknown") is None


async def test_a_closed_task_is_neither_opened_nor_closed_again(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await tx.tasks.add(_TASK)
        for days in range(2):
            await tx.tasks.close(_TASK.key, closed_at=_DONE_AT + timedelta(days=days))
        await tx.tasks.add(_TASK)
        found = await queries.get(tx.connection, _TASK.key)
        assert found == RecordedTask(task=_TASK, closed_at=_DONE_AT)
        with pytest.raises(NotFound):
            await tx.tasks.close("unknown", closed_at=_DONE_AT)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE operator_tasks SET subject = 'x'", "DELETE FROM operator_tasks"],
)
async def test_a_task_is_neither_changed_nor_removed(
    transaction: Transactions, engine: AsyncEngine, statement: str
) -> None:
    async with transaction() as tx:
        await tx.tasks.add(_TASK)
    with pytest.raises(DBAPIError, match=r"append-only|may change"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))
