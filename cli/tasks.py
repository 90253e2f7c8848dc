"""`perennial tasks`: what waits for an operator, listed and closed.

Owns the command's words. Does not own what makes a task (`activities`, `worker`) nor its storage
(`adapters.db`).
"""

import json
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading, transactions
from adapters.db.queries import operator_tasks
from adapters.db.queries.operator_tasks import RecordedTask
from billing.errors import InvalidInput, NotFound
from cli.database import run
from cli.operator import operator_named
from workflows.wording import instant

_CLOSED = "task_done"


def show(
    database_url: str, *, customer_id: str | None, open_only: bool, limit: int, as_json: bool
) -> None:
    """List tasks, newest first."""

    async def read(engine: AsyncEngine) -> tuple[RecordedTask, ...]:
        async with reading(engine) as connection:
            page = await operator_tasks.page_of(
                connection, customer_id=customer_id, open_only=open_only, limit=limit
            )
        return page.items

    tasks = run(database_url, read)
    if as_json:
        documents = [json.loads(task.model_dump_json()) for task in tasks]
        Console(soft_wrap=True).print_json(json.dumps(documents))
        return
    table = Table("task", "since", "what", "about", "subscription", "details", "done")
    for known in tasks:
        task = known.task
        told = ", ".join(f"{name} {value}" for name, value in task.details.items())
        table.add_row(
            Text(task.key),
            instant(task.created_at),
            task.kind,
            task.subject,
            task.subscription_id or task.customer_id,
            Text(told),
            "" if known.closed_at is None else instant(known.closed_at),
        )
    Console().print(table)


def close(database_url: str, key: str, *, reason: str, actor: str | None) -> None:
    """Close a task, with who did it and what in the audit log; the first closing counts.

    Raises `NotFound` (`task_not_found`) and `InvalidInput`.
    """
    if not reason.strip():
        raise InvalidInput("reason_required", "say what was done with --reason")
    closer, now = operator_named(actor), datetime.now(UTC)

    async def write(engine: AsyncEngine) -> RecordedTask:
        async with transactions(engine)() as tx:
            before = await operator_tasks.get(tx.connection, key)
            if before is None:
                raise NotFound("task_not_found", f"no task {key!r}")
            if before.closed_at is None:
                await tx.tasks.close(key, closed_at=now)
                await tx.audit.append(
                    command_id=_CLOSED,
                    command=_CLOSED,
                    subject=key,
                    actor=closer,
                    reason=reason.strip(),
                    at=now,
                )
            return before

    before = run(database_url, write)
    console = Console(soft_wrap=True, highlight=False)
    if before.closed_at is None:
        console.print(Text(f"{key} is done"))
    else:
        console.print(Text(f"{key} was done on {instant(before.closed_at)} already"))
