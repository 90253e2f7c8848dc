"""Refunds, read."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.repositories.refunds import as_refund
from adapters.db.tables.refund import refunds
from billing.refund import Refund, RefundState

_ORDER: Final = Order(at=refunds.c.requested_at, id=refunds.c.id)


async def get(connection: AsyncConnection, refund_id: str) -> Refund | None:
    """One refund."""
    found = await connection.execute(select(refunds).where(refunds.c.id == refund_id))
    row = found.one_or_none()
    return None if row is None else as_refund(row)


async def page_of(
    connection: AsyncConnection,
    *,
    customer_id: str | None = None,
    subscription_id: str | None = None,
    invoice_id: str | None = None,
    state: RefundState | None = None,
    cursor: str | None = None,
    limit: int,
) -> Page[Refund]:
    """Refunds, the one asked for last first."""
    query = select(refunds)
    for column, wanted in (
        (refunds.c.customer_id, customer_id),
        (refunds.c.subscription_id, subscription_id),
        (refunds.c.invoice_id, invoice_id),
        (refunds.c.state, state),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    return await read_page(
        connection, query, order=_ORDER, as_item=as_refund, cursor=cursor, limit=limit
    )
