"""Finalised invoices and their gapless numbers (policy P29)."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.invoice import invoices
from billing.errors import Conflict, NotFound
from billing.invoice import InvoiceDraft, InvoiceStatus
from billing.money import Money
from billing.period import Period
from billing.ports.storage import InvoiceRecord

ISSUER: Final = "default"
"""The issuing entity; each has a counter of its own."""

# A repetition waits here for the first to end, so that the next statement sees its invoice and
# gives no second number away. Only repetitions of the same draft wait for one another.
_WAIT_FOR_REPETITIONS: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))")

# One statement, so that the counter's row is locked no earlier than the invoice is written.
_FINALIZE: Final = text("""
    WITH known AS (SELECT * FROM invoices WHERE id = :id),
    counter AS (
        UPDATE invoice_counters SET last_sequence = last_sequence + 1
        WHERE issuer = :issuer AND NOT EXISTS (SELECT FROM known)
        RETURNING issuer, last_sequence AS sequence, prefix || lpad(
            last_sequence::text, greatest(6, length(last_sequence::text)), '0'
        ) AS number
    ),
    added AS (
        INSERT INTO invoices (
            id, issuer, sequence, number, customer_id, subscription_id, currency, total_minor,
            paid_minor, status, period_start, period_end, finalized_at, due_at, paid_at
        )
        SELECT
            :id, issuer, sequence, number, :customer_id, :subscription_id, :currency, :total_minor,
            0, :status, :period_start, :period_end, :finalized_at, :due_at, :paid_at
        FROM counter
        RETURNING *
    ),
    lines AS (
        INSERT INTO invoice_lines (
            invoice_id, position, description, price_id, price_version, quantity,
            period_start, period_end, amount_minor, currency
        )
        SELECT added.id, line.position, line.description, line.price_id, line.price_version,
            line.quantity, line.period_start, line.period_end, line.amount_minor, added.currency
        FROM added, unnest(
            CAST(:descriptions AS text[]), CAST(:price_ids AS text[]),
            CAST(:price_versions AS integer[]), CAST(:quantities AS integer[]),
            CAST(:period_starts AS timestamptz[]), CAST(:period_ends AS timestamptz[]),
            CAST(:amounts_minor AS bigint[])
        ) WITH ORDINALITY AS line (
            description, price_id, price_version, quantity,
            period_start, period_end, amount_minor, position
        )
    )
    SELECT * FROM added UNION ALL SELECT * FROM known
""")

_GET: Final = (
    select(invoices).where(invoices.c.id == bindparam("invoice_id")).with_for_update(key_share=True)
)


class SqlInvoices:
    """Implements `billing.ports.storage.Invoices`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def finalize(self, draft: InvoiceDraft) -> InvoiceRecord:
        """Numbers and stores the invoice, paid at once where it is zero; once per draft id.

        Other invoices wait for the number until the transaction ends: call it late.
        """
        await self._connection.execute(_WAIT_FOR_REPETITIONS, {"id": draft.id})
        written = await self._connection.execute(_FINALIZE, _columns(draft) | _lines(draft))
        return as_invoice(written.one())

    async def get(self, invoice_id: str) -> InvoiceRecord | None:
        """The invoice, locked until the transaction ends."""
        row = (await self._connection.execute(_GET, {"invoice_id": invoice_id})).one_or_none()
        return None if row is None else as_invoice(row)

    async def mark_paid(self, invoice_id: str, *, paid_at: datetime) -> None:
        """Open to paid; paid already is left alone.

        Raises `NotFound` (`invoice_not_found`) and `Conflict` (`invoice_not_open`).
        """
        await self._close(
            invoice_id,
            InvoiceStatus.PAID,
            {"paid_at": paid_at, "paid_minor": invoices.c.total_minor},
        )

    async def mark_void(self, invoice_id: str, *, voided_at: datetime) -> None:
        """Open to void; void already is left alone.

        Raises `NotFound` (`invoice_not_found`) and `Conflict` (`invoice_not_open`).
        """
        await self._close(invoice_id, InvoiceStatus.VOID, {"voided_at": voided_at})

    async def _close(self, invoice_id: str, to: InvoiceStatus, values: dict[str, Any]) -> None:
        closed = await self._connection.execute(
            update(invoices)
            .where(invoices.c.id == invoice_id, invoices.c.status == InvoiceStatus.OPEN)
            .values(status=to, **values)
        )
        if closed.rowcount:
            return
        found = await self._connection.execute(
            select(invoices.c.status).where(invoices.c.id == invoice_id)
        )
        status = found.scalar_one_or_none()
        if status is None:
            raise NotFound("invoice_not_found", f"no invoice {invoice_id!r}")
        if status != to:
            raise Conflict("invoice_not_open", f"invoice {invoice_id} is {status}, not open")


def as_invoice(row: Row[Any]) -> InvoiceRecord:
    """The value of a row of `invoices`."""
    return InvoiceRecord(
        id=row.id,
        number=row.number,
        status=InvoiceStatus(row.status),
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        total=Money(amount_minor=row.total_minor, currency=row.currency),
        paid=Money(amount_minor=row.paid_minor, currency=row.currency),
        period=Period(start=row.period_start, end=row.period_end),
        due_at=row.due_at,
    )


def _columns(draft: InvoiceDraft) -> dict[str, Any]:
    is_free = draft.total.amount_minor == 0
    return {
        "id": draft.id,
        "issuer": ISSUER,
        "customer_id": draft.customer_id,
        "subscription_id": draft.subscription_id,
        "currency": draft.currency,
        "total_minor": draft.total.amount_minor,
        "status": InvoiceStatus.PAID if is_free else InvoiceStatus.OPEN,
        "period_start": draft.period.start,
        "period_end": draft.period.end,
        "finalized_at": draft.finalized_at,
        "due_at": draft.due_at,
        "paid_at": draft.finalized_at if is_free else None,
    }


def _lines(draft: InvoiceDraft) -> dict[str, Any]:
    return {
        "descriptions": [line.description for line in draft.lines],
        "price_ids": [line.price_id for line in draft.lines],
        "price_versions": [line.price_version for line in draft.lines],
        "quantities": [line.quantity for line in draft.lines],
        "period_starts": [line.period.start for line in draft.lines],
        "period_ends": [line.period.end for line in draft.lines],
        "amounts_minor": [line.amount.amount_minor for line in draft.lines],
    }
