"""One-off charges, read."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.repositories.invoice_items import as_item
from adapters.db.tables.invoice_item import invoice_items
from billing.invoice_item import InvoiceItem, InvoiceItemStatus

_ORDER: Final = Order(at=invoice_items.c.created_at, id=invoice_items.c.id)


async def page_of(
    connection: AsyncConnection,
    customer_id: str,
    *,
    subscription_id: str | None,
    status: InvoiceItemStatus | None,
    cursor: str | None,
    limit: int,
) -> Page[InvoiceItem]:
    """A customer's items, newest first."""
    query = select(invoice_items).where(invoice_items.c.customer_id == customer_id)
    if subscription_id is not None:
        query = query.where(invoice_items.c.subscription_id == subscription_id)
    if status is not None:
        query = query.where(invoice_items.c.status == status)
    return await read_page(
        connection, query, order=_ORDER, as_item=as_item, cursor=cursor, limit=limit
    )
