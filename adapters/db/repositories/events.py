"""The outbox of domain events, appended to."""

from typing import Final

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.domain_event import domain_events
from billing.event import DomainEvent

_COLUMNS: Final = ("key", "type", "at", "customer_id", "subscription_id", "details")
_APPEND: Final = (
    insert(domain_events)
    .values({name: bindparam(name) for name in _COLUMNS})
    .on_conflict_do_nothing(index_elements=[domain_events.c.key])
)


class SqlEvents:
    """Implements `billing.ports.storage.Events`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, *events: DomainEvent) -> None:
        """Each once per key."""
        if not events:
            return
        await self._connection.execute(
            _APPEND,
            [
                {
                    "key": event.key,
                    "type": event.type,
                    "at": event.at,
                    "customer_id": event.customer_id,
                    "subscription_id": event.subscription_id,
                    "details": dict(event.details),
                }
                for event in events
            ],
        )
