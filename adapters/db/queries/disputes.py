"""Disputes, read."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.repositories.disputes import as_dispute
from adapters.db.tables.dispute import disputes
from billing.dispute import Dispute, DisputeState

_ORDER: Final = Order(at=disputes.c.opened_at, id=disputes.c.id)


async def get(connection: AsyncConnection, dispute_id: str) -> Dispute | None:
    """One dispute."""
    found = await connection.execute(select(disputes).where(disputes.c.id == dispute_id))
    row = found.one_or_none()
    return None if row is None else as_dispute(row)


async def page_of(
    connection: AsyncConnection,
    *,
    customer_id: str | None = None,
    subscription_id: str | None = None,
    state: DisputeState | None = None,
    cursor: str | None = None,
    limit: int,
) -> Page[Dispute]:
    """Disputes, the one opened last first."""
    query = select(disputes)
    for column, wanted in (
        (disputes.c.customer_id, customer_id),
        (disputes.c.subscription_id, subscription_id),
        (disputes.c.state, state),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    return await read_page(
        connection, query, order=_ORDER, as_item=as_dispute, cursor=cursor, limit=limit
    )
