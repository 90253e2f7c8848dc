"""`perennial tasks`: what waits for an operator, listed and closed.

Owns the command's words. Does not own what makes a task (`activities`, `worker`) nor its storage
(`adapters.db`).
"""

import json
from datetime import UTC, datetime

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading, transactions
from adapters.db.queries import operator_tasks
from adapters.db.queries.operator_tasks import RecordedTask
from billing.errors import InvalidInput, NotFound
from cli.database import run
from cli.operator import operator_named
from cli.tables import print_table
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
        typer.echo(json.dumps(documents, indent=2))
        return
    header = ("task", "since", "what", "about", "subscription", "done", "details")
    print_table(header, (_row(known) for known in tasks))


def _row(known: RecordedTask) -> tuple[str, ...]:
    task = known.task
    return (
        task.key,
        instant(task.created_at),
        task.kind,
        task.subject,
        task.subscription_id or task.customer_id,
        "-" if known.closed_at is None else instant(known.closed_at),
        ", ".join(f"{name} {value}" for name, value in task.details.items()),
    )


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
    if before.closed_at is None:
        typer.echo(f"{key} is done")
    else:
        typer.echo(f"{key} was done on {instant(before.closed_at)} already")
