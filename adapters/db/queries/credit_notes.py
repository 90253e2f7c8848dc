"""Credit notes with their lines and refunds, read."""

from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.repositories.credit_notes import with_lines
from adapters.db.repositories.refunds import as_refund
from adapters.db.tables.credit_note import credit_notes
from adapters.db.tables.refund import refunds
from billing.credit_note import CreditNoteDraft
from billing.refund import Refund
from billing.value import Value

_ORDER: Final = Order(at=credit_notes.c.issued_at, id=credit_notes.c.id)


class CreditNote(Value):
    """An issued credit note, whole."""

    number: str
    draft: CreditNoteDraft
    refund: Refund | None
    """What brings the card's part to the card."""


async def get(connection: AsyncConnection, credit_note_id: str) -> CreditNote | None:
    """One credit note."""
    found = await connection.execute(
        select(credit_notes).where(credit_notes.c.id == credit_note_id)
    )
    completed = await _with_parts(connection, tuple(found))
    return next(iter(completed), None)


async def page_of(
    connection: AsyncConnection,
    *,
    customer_id: str | None = None,
    subscription_id: str | None = None,
    invoice_id: str | None = None,
    cursor: str | None = None,
    limit: int,
) -> Page[CreditNote]:
    """Credit notes, the one issued last first."""
    query = select(credit_notes)
    for column, wanted in (
        (credit_notes.c.customer_id, customer_id),
        (credit_notes.c.subscription_id, subscription_id),
        (credit_notes.c.invoice_id, invoice_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    page = await read_page(
        connection, query, order=_ORDER, as_item=_unchanged, cursor=cursor, limit=limit
    )
    return Page(items=await _with_parts(connection, page.items), next_cursor=page.next_cursor)


async def _with_parts(
    connection: AsyncConnection, rows: tuple[Row[Any], ...]
) -> tuple[CreditNote, ...]:
    """Two statements for all lines and refunds of a page."""
    drafts = await with_lines(connection, rows)
    found = await connection.execute(
        select(refunds).where(refunds.c.credit_note_id.in_([row.id for row in rows]))
    )
    refund_of = {row.credit_note_id: as_refund(row) for row in found}
    return tuple(
        CreditNote(number=row.number, draft=draft, refund=refund_of.get(row.id))
        for row, draft in zip(rows, drafts, strict=True)
    )


def _unchanged(row: Row[Any]) -> Row[Any]:
    return row
