"""Which messages were sent."""

from typing import Final

from sqlalchemy import bindparam, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.message import messages
from billing.message import Message

_COLUMNS: Final = ("key", "kind", "customer_id", "subscription_id", "at", "content")
_BEGIN: Final = (
    insert(messages)
    .values({name: bindparam(name) for name in _COLUMNS})
    .on_conflict_do_update(
        index_elements=[messages.c.key],
        set_={"attempts": messages.c.attempts + 1},
        where=messages.c.sent_at.is_(None),
    )
    .returning(messages.c.key)
)


class SqlMessageLog:
    """Implements `billing.ports.storage.MessageLog`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(self, message: Message) -> bool:
        """Records the intent to send; False where it was sent already."""
        begun = await self._connection.execute(
            _BEGIN,
            {
                "key": message.key,
                "kind": message.kind,
                "customer_id": message.customer_id,
                "subscription_id": message.subscription_id,
                "at": message.at,
                "content": message,
            },
        )
        return begun.first() is not None

    async def sent(self, key: str) -> None:
        """Records the delivery; the first one counts."""
        await self._connection.execute(
            update(messages)
            .where(messages.c.key == key, messages.c.sent_at.is_(None))
            .values(sent_at=func.now())
        )
