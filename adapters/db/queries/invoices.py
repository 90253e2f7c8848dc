"""Invoices with their lines and the attempts to collect them, read."""

from collections import defaultdict
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.line_tax import as_line_tax
from adapters.db.queries.page import Order, Page, read_page
from adapters.db.repositories.invoices import as_invoice
from adapters.db.repositories.payment_attempts import as_attempt
from adapters.db.repositories.received_payments import as_received_payment
from adapters.db.tables.invoice import invoice_discounts, invoice_lines, invoices
from adapters.db.tables.payment_attempt import payment_attempts
from adapters.db.tables.received_payment import received_payments
from billing.discount import LineDiscount
from billing.explanation import Explanation
from billing.invoice import InvoiceLine, InvoiceRecord, InvoiceStatus
from billing.money import Money
from billing.particulars import Particulars
from billing.period import Period
from billing.ports.books import PaymentAttempt
from billing.proration import LineRef
from billing.received_payment import ReceivedPayment
from billing.value import Instant, Value

_ORDER: Final = Order(at=invoices.c.finalized_at, id=invoices.c.id)


class Invoice(Value):
    """A finalised invoice, whole."""

    record: InvoiceRecord
    period: Period
    finalized_at: Instant
    paid_at: Instant | None
    voided_at: Instant | None
    uncollectible_at: Instant | None
    particulars: Particulars
    lines: tuple[InvoiceLine, ...]
    attempts: tuple[PaymentAttempt, ...]
    received: tuple[ReceivedPayment, ...] = ()
    """What came of it outside the gateway, in the order of its recording."""


async def get(connection: AsyncConnection, invoice_id: str) -> Invoice | None:
    """One invoice."""
    found = await connection.execute(select(invoices).where(invoices.c.id == invoice_id))
    completed = await _with_parts(connection, tuple(found))
    return next(iter(completed), None)


async def page_of(
    connection: AsyncConnection,
    *,
    customer_id: str | None = None,
    subscription_id: str | None = None,
    status: InvoiceStatus | None = None,
    cursor: str | None = None,
    limit: int,
) -> Page[Invoice]:
    """Invoices, the one finalised last first."""
    query = select(invoices)
    for column, wanted in (
        (invoices.c.customer_id, customer_id),
        (invoices.c.subscription_id, subscription_id),
        (invoices.c.status, status),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    page = await read_page(
        connection, query, order=_ORDER, as_item=_unchanged, cursor=cursor, limit=limit
    )
    return Page(items=await _with_parts(connection, page.items), next_cursor=page.next_cursor)


async def _with_parts(
    connection: AsyncConnection, rows: tuple[Row[Any], ...]
) -> tuple[Invoice, ...]:
    """One statement each for all discounts, lines, attempts and received payments of a page."""
    ids = [row.id for row in rows]
    taken: dict[tuple[str, int], list[LineDiscount]] = defaultdict(list)
    if any(row.discount_minor for row in rows):
        for row in await connection.execute(
            select(invoice_discounts)
            .where(invoice_discounts.c.invoice_id.in_(ids))
            .order_by(*invoice_discounts.primary_key)
        ):
            taken[row.invoice_id, row.line_position].append(_as_discount(row))
    lines: dict[str, list[InvoiceLine]] = defaultdict(list)
    for row in await connection.execute(
        select(invoice_lines)
        .where(invoice_lines.c.invoice_id.in_(ids))
        .order_by(invoice_lines.c.invoice_id, invoice_lines.c.position)
    ):
        discounts = tuple(taken[row.invoice_id, row.position])
        lines[row.invoice_id].append(_as_line(row, discounts))
    attempts: dict[str, list[PaymentAttempt]] = defaultdict(list)
    for row in await connection.execute(
        select(payment_attempts)
        .where(payment_attempts.c.invoice_id.in_(ids))
        .order_by(payment_attempts.c.invoice_id, payment_attempts.c.number)
    ):
        attempts[row.invoice_id].append(as_attempt(row))
    received: dict[str, list[ReceivedPayment]] = defaultdict(list)
    if any(row.paid_minor for row in rows):
        for row in await connection.execute(
            select(received_payments)
            .where(received_payments.c.invoice_id.in_(ids))
            .order_by(received_payments.c.invoice_id, received_payments.c.left_minor.desc())
        ):
            received[row.invoice_id].append(as_received_payment(row))
    return tuple(
        Invoice(
            record=as_invoice(row),
            period=Period(start=row.period_start, end=row.period_end),
            finalized_at=row.finalized_at,
            paid_at=row.paid_at,
            voided_at=row.voided_at,
            uncollectible_at=row.uncollectible_at,
            particulars=Particulars.model_validate(row.particulars),
            lines=tuple(lines[row.id]),
            attempts=tuple(attempts[row.id]),
            received=tuple(received[row.id]),
        )
        for row in rows
    )


def _as_discount(row: Row[Any]) -> LineDiscount:
    return LineDiscount(
        coupon_id=row.coupon_id,
        name=row.name,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
    )


def _as_line(row: Row[Any], discounts: tuple[LineDiscount, ...]) -> InvoiceLine:
    return InvoiceLine(
        description=row.description,
        price_id=row.price_id,
        price_version=row.price_version,
        quantity=row.quantity,
        period=Period(start=row.period_start, end=row.period_end),
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        item_id=row.item_id,
        credits=(
            None
            if row.credits_invoice_id is None
            else LineRef(invoice_id=row.credits_invoice_id, position=row.credits_position)
        ),
        discounts=discounts,
        tax=as_line_tax(row._asdict()),
        explanation=None
        if row.explanation is None
        else Explanation.model_validate(row.explanation),
    )


def _unchanged(row: Row[Any]) -> Row[Any]:
    return row
