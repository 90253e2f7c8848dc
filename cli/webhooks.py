"""`perennial webhooks`: what became of the gateway's events, and having one processed again.

Owns the command's words. Does not own the inbox (`adapters.db`) nor processing (`worker.inbox`).
"""

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.queries.webhooks import StoredWebhook, latest
from adapters.db.repositories.webhooks import SqlWebhooks
from cli.database import run


def show(database_url: str, *, failed_only: bool, limit: int) -> None:
    """List events, newest first."""

    async def read(engine: AsyncEngine) -> tuple[StoredWebhook, ...]:
        async with engine.connect() as connection:
            return await latest(connection, failed_only=failed_only, limit=limit)

    table = Table("event", "type", "received", "state", "last error")
    for event in run(database_url, read):
        table.add_row(
            event.event_id,
            event.type,
            event.received_at.strftime("%Y-%m-%d %H:%M"),
            _state(event),
            Text(event.last_error or ""),  # never markup: it may quote what others sent
        )
    Console().print(table)


def replay(database_url: str, event_id: str) -> None:
    """Have an event processed again, now. Raises `billing.errors.NotFound`."""

    async def write(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await SqlWebhooks(connection).replay(event_id)

    run(database_url, write)
    Console().print(f"{event_id} is processed again as soon as a worker sees it")


def _state(event: StoredWebhook) -> str:
    if event.processed_at is not None:
        return "processed"
    if event.attempts == 0:
        return "waiting"
    return f"tried {event.attempts} times, next at {event.next_attempt_at:%Y-%m-%d %H:%M}"
