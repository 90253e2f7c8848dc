"""The inbox of the gateway's webhooks.

An event is claimed for a while, not locked: whoever processes it may call others meanwhile, and
what a killed process held comes back. Times are the database's, so that machines need not agree.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Text, any_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.statement import Statement
from adapters.db.tables.webhook import webhook_inbox
from billing.errors import NotFound
from billing.value import Value

CHANNEL: Final = "webhook_inbox"
"""PostgreSQL notifies it of every stored event, when the storing transaction commits."""

_LONGEST_ERROR: Final = 2000

_DUE: Final = (
    select(webhook_inbox.c.event_id)
    .where(
        webhook_inbox.c.processed_at.is_(None),
        webhook_inbox.c.next_attempt_at <= func.clock_timestamp(),
    )
    .order_by(webhook_inbox.c.next_attempt_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")
    .prefix_with("MATERIALIZED")
)
_CLAIM: Final = Statement(
    update(webhook_inbox)
    .where(webhook_inbox.c.event_id.in_(select(_DUE.c.event_id)))
    .values(
        attempts=webhook_inbox.c.attempts + 1,
        next_attempt_at=func.clock_timestamp() + bindparam("lease"),
    )
    .returning(
        webhook_inbox.c.event_id,
        webhook_inbox.c.type,
        webhook_inbox.c.attempts,
        webhook_inbox.c.received_at,
        webhook_inbox.c.payload["data"]["object"]["id"].astext.label("object_id"),
    )
)
_MARK_PROCESSED: Final = Statement(
    update(webhook_inbox)
    .where(
        webhook_inbox.c.event_id == any_(bindparam("ids", type_=ARRAY(Text))),
        webhook_inbox.c.processed_at.is_(None),
    )
    .values(processed_at=func.clock_timestamp(), last_error=None)
)


class ClaimedWebhook(Value):
    """An event to process: its kind and the object it is about. Facts are read anew."""

    id: str
    type: str
    object_id: str | None
    attempts: int
    """This one included."""


class SqlWebhooks:
    """Stores each event once, hands it out until it is processed."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def store(
        self,
        event_id: str,
        *,
        event_type: str,
        api_version: str | None,
        payload: Mapping[str, object],
    ) -> bool:
        """Whether the event is new; one that is known is left as it is."""
        stored = await self._connection.execute(
            insert(webhook_inbox)
            .values(
                event_id=event_id, type=event_type, api_version=api_version, payload=dict(payload)
            )
            .on_conflict_do_nothing()
            .returning(webhook_inbox.c.event_id)
        )
        return stored.first() is not None

    async def claim(self, *, limit: int, lease: timedelta) -> tuple[ClaimedWebhook, ...]:
        """Due events, oldest first, left alone by others until `lease` has passed."""
        claimed = await _CLAIM.rows(self._connection, {"most": limit, "lease": lease})
        rows: list[Any] = sorted(claimed, key=lambda row: (row.received_at, row.event_id))
        return tuple(
            ClaimedWebhook(
                id=row.event_id, type=row.type, object_id=row.object_id, attempts=row.attempts
            )
            for row in rows
        )

    async def mark_processed(self, event_ids: Collection[str]) -> None:
        """Nothing is left to do for them."""
        await _MARK_PROCESSED.run(self._connection, {"ids": list(event_ids)})

    async def mark_failed(self, event_id: str, *, error: str, retry_in: timedelta) -> None:
        """It is handed out again after `retry_in`; the error is kept, as far as it is short."""
        await self._connection.execute(
            update(webhook_inbox)
            .where(webhook_inbox.c.event_id == event_id, webhook_inbox.c.processed_at.is_(None))
            .values(
                next_attempt_at=func.clock_timestamp() + retry_in,
                last_error=error.replace("\0", "")[:_LONGEST_ERROR],
            )
        )

    async def replay(self, event_id: str) -> None:
        """Due at once and as if it were new, processed or not; the listeners are told.

        Raises `NotFound` (`webhook_not_found`).
        """
        replayed = await self._connection.execute(
            update(webhook_inbox)
            .where(webhook_inbox.c.event_id == event_id)
            .values(processed_at=None, attempts=0, next_attempt_at=func.clock_timestamp())
        )
        if replayed.rowcount == 0:
            raise NotFound("webhook_not_found", f"no event {event_id!r}")
        await self._connection.execute(select(func.pg_notify(CHANNEL, event_id)))
