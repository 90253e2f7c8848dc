"""Finalised invoices and their gapless numbers (policy P29)."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.line_tax import (
    TAX_ARRAYS,
    TAX_COLUMNS,
    TAX_VALUES,
    discount_parameters,
    tax_parameters,
)
from adapters.db.repositories import debits
from adapters.db.repositories.balances import SqlBalances, lock_balance
from adapters.db.repositories.customers import RECORD, as_record
from adapters.db.repositories.document_number import next_number
from adapters.db.repositories.invoice_settings import FROZEN
from adapters.db.statement import Statement
from adapters.db.tables.customer import customers
from adapters.db.tables.document_counter import Document
from adapters.db.tables.invoice import invoices
from adapters.db.tables.subscription import subscriptions
from billing.balance import BalanceCause, BalanceMovement, applicable
from billing.credit_note import Settled
from billing.errors import Conflict, NotFound
from billing.ids import effect_key
from billing.invoice import InvoiceDraft, InvoiceRecord, InvoiceStatus
from billing.lineage import Lineage
from billing.money import Money
from billing.period import Period
from billing.ports.books import OwedInvoice
from billing.proration import Debit

# Whoever gives back something of the same debits at the same time waits here.
_LOCK_DEBITED: Final = text("""
    SELECT id FROM invoices WHERE id = ANY (CAST(:ids AS text[])) ORDER BY id FOR NO KEY UPDATE
""")

# One statement, so that the counter's row is locked no earlier than the invoice is written.
_FINALIZE: Final = Statement(f"""
    WITH known AS (SELECT * FROM invoices WHERE id = :id),
    frozen AS ({FROZEN}),
    terms AS (SELECT net_days FROM customers WHERE id = :customer_id),
    counter AS ({next_number(Document.INVOICE)}),
    added AS (
        INSERT INTO invoices (
            id, issuer, sequence, number, customer_id, subscription_id, currency, total_minor,
            paid_minor, balance_minor, status, period_start, period_end, finalized_at, due_at,
            paid_at, change_id, particulars, discount_minor, tax_minor, tax_included_minor,
            net_days
        )
        SELECT
            :id, issuer, sequence, number, :customer_id, :subscription_id, :currency, :total_minor,
            0, :balance_minor, :status, :period_start, :period_end, :finalized_at,
            coalesce(
                CAST(:finalized_at AS timestamptz) + make_interval(hours => terms.net_days * 24),
                :due_at
            ),
            :paid_at, :change_id, coalesce((SELECT particulars FROM frozen), '{{}}'::jsonb),
            :discount_minor, :tax_minor, :tax_included_minor, terms.net_days
        FROM counter LEFT JOIN terms ON true
        RETURNING *
    ),
    lines AS (
        INSERT INTO invoice_lines (
            invoice_id, position, description, price_id, price_version, quantity,
            period_start, period_end, amount_minor, currency, credits_invoice_id, credits_position,
            explanation, item_id, discount_minor, {TAX_COLUMNS}
        )
        SELECT added.id, line.position, line.description, line.price_id, line.price_version,
            line.quantity, line.period_start, line.period_end, line.amount_minor, added.currency,
            line.credits_invoice_id, line.credits_position, CAST(line.explanation AS jsonb),
            line.item_id, line.discount_minor, {TAX_VALUES}
        FROM added, unnest(
            CAST(:descriptions AS text[]), CAST(:price_ids AS text[]),
            CAST(:price_versions AS integer[]), CAST(:quantities AS integer[]),
            CAST(:period_starts AS timestamptz[]), CAST(:period_ends AS timestamptz[]),
            CAST(:amounts_minor AS bigint[]),
            CAST(:credits_invoice_ids AS text[]), CAST(:credits_positions AS integer[]),
            CAST(:explanations AS text[]), CAST(:item_ids AS text[]),
            CAST(:line_discounts_minor AS bigint[]), {TAX_ARRAYS}
        ) WITH ORDINALITY AS line (
            description, price_id, price_version, quantity, period_start, period_end,
            amount_minor, credits_invoice_id, credits_position, explanation, item_id,
            discount_minor, {TAX_COLUMNS}, position
        )
    ),
    discounts AS (
        INSERT INTO invoice_discounts (
            invoice_id, line_position, position, coupon_id, name, amount_minor, currency
        )
        SELECT added.id, taken.line_position, taken.position, taken.coupon_id, taken.name,
            taken.amount_minor, added.currency
        FROM added, unnest(
            CAST(:discount_line_positions AS integer[]), CAST(:discount_positions AS integer[]),
            CAST(:discount_coupon_ids AS text[]), CAST(:discount_names AS text[]),
            CAST(:discounts_minor AS bigint[])
        ) AS taken (line_position, position, coupon_id, name, amount_minor)
    )
    SELECT * FROM added UNION ALL SELECT * FROM known
""")  # noqa: S608 - put together from constants

_GET: Final = Statement(
    select(invoices).where(invoices.c.id == bindparam("invoice_id")).with_for_update(key_share=True)
)
_TO_COLLECT: Final = Statement(
    select(
        invoices,
        *RECORD,
        subscriptions.c.revision.label("recorded_revision"),
        subscriptions.c.state["lineage"].label("recorded_lineage"),
    )
    .join(customers, customers.c.id == invoices.c.customer_id)
    .join(subscriptions, subscriptions.c.id == invoices.c.subscription_id)
    .where(invoices.c.id == bindparam("invoice_id"))
    .with_for_update(key_share=True, of=invoices)
)
_MARK_PAID: Final = Statement(
    update(invoices)
    .where(invoices.c.id == bindparam("invoice_id"), invoices.c.status == InvoiceStatus.OPEN)
    .values(
        status=InvoiceStatus.PAID,
        paid_at=bindparam("paid_at"),
        paid_minor=invoices.c.total_minor - invoices.c.balance_minor,
    )
)


class SqlInvoices:
    """Implements `billing.ports.books.Invoices`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def finalize(self, draft: InvoiceDraft) -> InvoiceRecord:
        """Numbers and stores the invoice, once per draft id.

        The customer's balance pays what it can; an invoice of which nothing is left to collect is
        paid at once, and a negative one goes to the balance. Whoever has net terms is sent it, and
        it is due when they are over (policy P22). Other invoices wait for the number
        until the transaction ends: call it late. Raises `BooksBroken` (`credit_exceeds_debit`).
        """
        debited = sorted({line.credits.invoice_id for line in draft.lines if line.credits})
        if debited:
            await self._connection.execute(_LOCK_DEBITED, {"ids": debited})
        # A repetition waits here as well, and the next statement sees what the first has written.
        balance = await lock_balance(self._connection, draft.customer_id, draft.currency)
        (written,) = await _FINALIZE.rows(
            self._connection, _columns(draft, applicable(balance, draft.total)) | _lines(draft)
        )
        record = as_invoice(written)
        if record.from_balance.amount_minor:
            await self._move(record, BalanceCause.APPLIED, -record.from_balance, draft.finalized_at)
        elif record.total.amount_minor < 0:
            given = BalanceCause.NEGATIVE_INVOICE
            await self._move(record, given, -record.total, draft.finalized_at)
        return record

    async def debits(
        self, subscription_id: str, *, ending_after: datetime, with_sent: bool = False
    ) -> tuple[Debit, ...]:
        """The positive lines of paid invoices whose period ends later, with what was given back.

        Paid but for too little to charge is paid here. With those that were sent and are open,
        where they are asked for.
        Given back by credit lines of invoices that are not void and by credit notes. In the order
        of invoice number and position.
        """
        return await debits.of_subscription(
            self._connection, subscription_id, ending_after=ending_after, with_sent=with_sent
        )

    async def debits_of(self, invoice_id: str) -> tuple[Debit, ...]:
        """All positive lines of one invoice, with what was given back of each."""
        return await debits.of_invoice(self._connection, invoice_id)

    async def settled(self, invoice_id: str) -> Settled:
        """How a paid invoice was paid and what of it went back. Locks the invoice.

        Raises `NotFound` (`invoice_not_found`).
        """
        return await debits.settled(self._connection, invoice_id)

    async def get(self, invoice_id: str) -> InvoiceRecord | None:
        """The invoice, locked until the transaction ends."""
        row = await _GET.row(self._connection, {"invoice_id": invoice_id})
        return None if row is None else as_invoice(row)

    async def to_collect(self, invoice_id: str) -> OwedInvoice:
        """See the port. One statement: every attempt begins with it."""
        row = await _TO_COLLECT.row(self._connection, {"invoice_id": invoice_id})
        if row is None:
            raise NotFound("invoice_not_found", f"no invoice {invoice_id!r}")
        lineage = row.recorded_lineage
        return OwedInvoice(
            invoice=as_invoice(row),
            customer=as_record(row, customer_id=row.customer_id),
            recorded_revision=row.recorded_revision,
            recorded_lineage=None if lineage is None else Lineage.model_validate(lineage),
        )

    async def mark_paid(self, invoice_id: str, *, paid_at: datetime) -> bool:
        """Open to paid; whether it was open. Paid already is left alone.

        Raises `NotFound` (`invoice_not_found`) and `Conflict` (`invoice_not_open`).
        """
        given = {"invoice_id": invoice_id, "paid_at": paid_at}
        if await _MARK_PAID.run(self._connection, given):
            return True
        await self._require(invoice_id, InvoiceStatus.PAID)
        return False

    async def mark_void(self, invoice_id: str, *, voided_at: datetime) -> None:
        """Open to void; void already is left alone. What was paid of it goes to the balance.

        Raises `NotFound` (`invoice_not_found`) and `Conflict` (`invoice_not_open`).
        """
        voided = await self._close(invoice_id, InvoiceStatus.VOID, {"voided_at": voided_at})
        paid = None if voided is None else voided.from_balance + voided.paid
        if voided is not None and paid is not None and paid.amount_minor:
            await self._move(voided, BalanceCause.RESTORED, paid, voided_at)

    async def mark_uncollectible(self, invoice_id: str, *, at: datetime) -> None:
        """Open to uncollectible; uncollectible already is left alone.

        Raises `NotFound` (`invoice_not_found`) and `Conflict` (`invoice_not_open`).
        """
        await self._close(invoice_id, InvoiceStatus.UNCOLLECTIBLE, {"uncollectible_at": at})

    async def _close(
        self, invoice_id: str, to: InvoiceStatus, values: dict[str, Any]
    ) -> InvoiceRecord | None:
        """The invoice where it was closed just now; None where it was closed so before."""
        closed = await self._connection.execute(
            update(invoices)
            .where(invoices.c.id == invoice_id, invoices.c.status == InvoiceStatus.OPEN)
            .values(status=to, **values)
            .returning(*invoices.c)
        )
        row = closed.one_or_none()
        if row is not None:
            return as_invoice(row)
        await self._require(invoice_id, to)
        return None

    async def _require(self, invoice_id: str, to: InvoiceStatus) -> None:
        """What was not open must have been closed just so before."""
        found = await self._connection.execute(
            select(invoices.c.status).where(invoices.c.id == invoice_id)
        )
        status = found.scalar_one_or_none()
        if status is None:
            raise NotFound("invoice_not_found", f"no invoice {invoice_id!r}")
        if status != to:
            raise Conflict("invoice_not_open", f"invoice {invoice_id} is {status}, not open")

    async def _move(
        self, invoice: InvoiceRecord, cause: BalanceCause, amount: Money, at: datetime
    ) -> None:
        """Once per invoice and cause, however often the invoice is finalised."""
        await SqlBalances(self._connection).move(
            BalanceMovement(
                source_key=effect_key(f"balance.{cause}", invoice.id),
                customer_id=invoice.customer_id,
                cause=cause,
                amount=amount,
                at=at,
                invoice_id=invoice.id,
            )
        )


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
        from_balance=Money(amount_minor=row.balance_minor, currency=row.currency),
        period=Period(start=row.period_start, end=row.period_end),
        due_at=row.due_at,
        net_days=row.net_days,
        change_id=row.change_id,
        discount_minor=row.discount_minor,
        tax_minor=row.tax_minor,
        tax_included_minor=row.tax_included_minor,
    )


def _columns(draft: InvoiceDraft, from_balance: Money) -> dict[str, Any]:
    """An invoice of which nothing is left to collect is paid by being finalised."""
    is_paid = (draft.total - from_balance).amount_minor <= 0
    return {
        "id": draft.id,
        "customer_id": draft.customer_id,
        "subscription_id": draft.subscription_id,
        "currency": draft.currency,
        "total_minor": draft.total.amount_minor,
        "balance_minor": from_balance.amount_minor,
        "status": InvoiceStatus.PAID if is_paid else InvoiceStatus.OPEN,
        "period_start": draft.period.start,
        "period_end": draft.period.end,
        "finalized_at": draft.finalized_at,
        "due_at": draft.due_at,
        "paid_at": draft.finalized_at if is_paid else None,
        "change_id": draft.change_id,
        "discount_minor": draft.discount.amount_minor,
        "tax_minor": draft.tax.amount_minor,
        "tax_included_minor": draft.tax_included.amount_minor,
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
        "credits_invoice_ids": [
            None if line.credits is None else line.credits.invoice_id for line in draft.lines
        ],
        "credits_positions": [
            None if line.credits is None else line.credits.position for line in draft.lines
        ],
        "explanations": [
            None
            if line.explanation is None
            else line.explanation.model_dump_json(exclude_defaults=True)
            for line in draft.lines
        ],
        "item_ids": [line.item_id for line in draft.lines],
        "line_discounts_minor": [line.discount.amount_minor for line in draft.lines],
        **tax_parameters([line.tax for line in draft.lines]),
        **discount_parameters([line.discounts for line in draft.lines]),
    }
