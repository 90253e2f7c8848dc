"""What waits for an operator."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.operator_task import operator_tasks
from billing.errors import NotFound
from billing.task import OperatorTask


class SqlOperatorTasks:
    """Implements `billing.ports.storage.OperatorTasks`, and closes tasks."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, task: OperatorTask) -> None:
        """Once per key; a task that was closed is not opened again."""
        await self._connection.execute(
            insert(operator_tasks)
            .values(task.model_dump() | {"details": dict(task.details)})
            .on_conflict_do_nothing(index_elements=[operator_tasks.c.key])
        )

    async def settle(self, key: str, *, at: datetime) -> None:
        """What it asked for has come about by itself; nothing where no such task is open."""
        await self._connection.execute(
            update(operator_tasks)
            .where(operator_tasks.c.key == key, operator_tasks.c.closed_at.is_(None))
            .values(closed_at=at)
        )

    async def close(self, key: str, *, closed_at: datetime) -> None:
        """Done; one that is closed already stays as it was closed.

        Raises `NotFound` (`task_not_found`).
        """
        found = await self._connection.scalar(
            select(operator_tasks.c.key).where(operator_tasks.c.key == key)
        )
        if found is None:
            raise NotFound("task_not_found", f"no task {key!r}")
        await self.settle(key, at=closed_at)
