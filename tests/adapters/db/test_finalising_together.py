"""Fifty at a time finalise and pay: one number, one payment, no gap anywhere (policy P29, P32)."""

import asyncio
from collections import Counter
from contextlib import suppress

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, create_engine, reading, snapshot, transactions
from adapters.db.queries import books
from adapters.db.repositories.invoices import SqlInvoices
from adapters.db.tables.invoice import invoice_lines, invoices
from adapters.db.tables.ledger import journal_entries
from billing.invoice import InvoiceDraft, InvoiceRecord, InvoiceStatus
from billing.ledger import payment_received
from tests.adapters.db.company import START, bill, draft, open_shop, subscribe

AT_ONCE = 50


async def test_fifty_finalisations_and_payments_of_one_invoice_are_one(
    database_url: str, engine: AsyncEngine
) -> None:
    await open_shop(engine)
    await subscribe(engine)
    many = create_engine(database_url, pool_size=AT_ONCE)
    try:
        opened = transactions(many)
        records = await asyncio.gather(*(_bill_and_pay(opened, draft(0)) for _ in range(AT_ONCE)))
        assert {record.number for record in records} == {"PN-000001"}
        others = [draft(number) for number in range(1, AT_ONCE + 1)]
        work = [_bill_and_pay(opened, other) for other in others]
        work += [_give_up(opened, other) for other in others]
        work += [_bill_and_pay(opened, other) for other in others]
        await asyncio.gather(*work)
    finally:
        await many.dispose()

    async with reading(engine) as connection:
        found = list(await connection.execute(select(invoices).order_by(invoices.c.sequence)))
        lines = await connection.scalar(select(func.count()).select_from(invoice_lines))
        keys = Counter(await connection.scalars(select(journal_entries.c.source_key)))
    assert [row.sequence for row in found] == list(range(1, AT_ONCE + 2))
    assert [row.number for row in found] == [f"PN-{n:06}" for n in range(1, AT_ONCE + 2)]
    assert {(row.status, row.paid_minor) for row in found} == {(InvoiceStatus.PAID, 8000)}
    assert lines == len(found)
    assert set(keys.values()) == {1}
    assert len(keys) == 2 * len(found)
    async with snapshot(engine) as connection:
        assert (await books.read(connection)).balance


async def _bill_and_pay(opened: Transactions, invoice: InvoiceDraft) -> InvoiceRecord:
    """As the activities do: each in a transaction of its own."""
    async with opened() as tx:
        record = await bill(tx, invoice)
    async with opened() as tx:
        found = await SqlInvoices(tx.connection).get(record.id)
        assert found is not None
        if found.status is InvoiceStatus.OPEN:
            await tx.invoices.mark_paid(record.id, paid_at=START)
            await tx.ledger.post(
                payment_received(
                    invoice_id=record.id,
                    customer_id=record.customer_id,
                    payment_intent_id=f"pi_{record.id}",
                    amount=record.total,
                    paid_at=START,
                )
            )
    return record


async def _give_up(opened: Transactions, invoice: InvoiceDraft) -> InvoiceRecord:
    """Takes a number, and the transaction fails: the next one gets it."""
    with suppress(_ChangedMindError):
        async with opened() as tx:
            record = await tx.invoices.finalize(invoice)
            raise _ChangedMindError
    return record


class _ChangedMindError(Exception):
    """Whatever undoes a transaction."""
