"""The recorded states that something is still to happen to.

Implements `billing.ports.reconciliation.RecordedSubscriptions`.
"""

from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import or_, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading
from adapters.db.tables.subscription import subscriptions
from billing.ports.reconciliation import OrphanedAddon
from billing.subscription import SubscriptionState

_PAGE: Final = 500

# Handing a message over stores no state again: what was sent is still in the last one stored. A
# reminder of what is not open any more is handed over without being sent (policy P22).
_UNTOLD: Final = text("""
    EXISTS (
        SELECT FROM jsonb_array_elements(subscriptions.state -> 'messages') AS message
        WHERE NOT EXISTS (
            SELECT FROM messages
            WHERE messages.key = message ->> 'key' AND messages.sent_at IS NOT NULL
        ) AND (message ->> 'kind' <> 'payment_reminder' OR EXISTS (
            SELECT FROM invoices
            WHERE invoices.id = message ->> 'invoice_id' AND invoices.status = 'open'
        ))
    )
""")


_PAID_TOO_LATE: Final = text(
    "jsonb_array_length(subscriptions.state #> '{promised_back,paid}') > 0"
)


_UNTOLD_ADDONS: Final = text("jsonb_array_length(subscriptions.state -> 'addons') > 0")
"""Of one that has ended: it forgets those that it has told."""
_UNBILLED: Final = text("jsonb_array_length(subscriptions.state -> 'accrued') > 0")
_parent: Final = subscriptions.alias("parent")
_ORPHANED: Final = (
    select(subscriptions.c.id, _parent.c.state)
    .join(_parent, _parent.c.id == subscriptions.c.parent_id)
    .where(
        subscriptions.c.ended_at.is_(None),
        _parent.c.ended_at.is_not(None),
        text("subscriptions.state ->> 'parent_end' IS NULL"),
    )
    .order_by(subscriptions.c.id)
)


class SqlRecordedSubscriptions:
    """Reads pages in the order of ids, so that concurrent writes shift nothing."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def orphaned_addons(self) -> tuple[OrphanedAddon, ...]:
        """See the port."""
        async with reading(self._engine) as connection:
            rows = (await connection.execute(_ORPHANED)).all()
        return tuple(
            OrphanedAddon(
                subscription_id=row.id, parent=SubscriptionState.model_validate(row.state)
            )
            for row in rows
        )

    async def unfinished(self) -> AsyncIterator[tuple[SubscriptionState, ...]]:
        """See the port."""
        after = ""
        while True:
            query = (
                select(subscriptions.c.id, subscriptions.c.state)
                .where(subscriptions.c.id > after)
                .where(
                    or_(
                        subscriptions.c.ended_at.is_(None),
                        subscriptions.c.state["open_invoices"] != [],
                        _UNTOLD,
                        _PAID_TOO_LATE,
                        _UNTOLD_ADDONS,
                        _UNBILLED,
                    )
                )
                .order_by(subscriptions.c.id)
                .limit(_PAGE)
            )
            async with reading(self._engine) as connection:
                rows = (await connection.execute(query)).all()
            if not rows:
                return
            yield tuple(SubscriptionState.model_validate(row.state) for row in rows)
            after = rows[-1].id
