"""The inbox of the gateway's webhooks, read by operators."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.webhook import webhook_inbox
from billing.value import Instant, Value


class StoredWebhook(Value):
    """An event and how its processing goes; without its payload, which may be personal."""

    event_id: str
    type: str
    received_at: Instant
    processed_at: Instant | None
    attempts: int
    next_attempt_at: Instant
    last_error: str | None


async def latest(
    connection: AsyncConnection, *, failed_only: bool, limit: int
) -> tuple[StoredWebhook, ...]:
    """Newest first; or only those that failed and are not processed since."""
    query = select(*(webhook_inbox.c[name] for name in StoredWebhook.model_fields))
    if failed_only:
        query = query.where(
            webhook_inbox.c.processed_at.is_(None), webhook_inbox.c.last_error.is_not(None)
        )
    newest_first = (webhook_inbox.c.received_at.desc(), webhook_inbox.c.event_id)
    found = await connection.execute(query.order_by(*newest_first).limit(limit))
    return tuple(StoredWebhook.model_validate(row._asdict()) for row in found)
