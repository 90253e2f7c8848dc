"""Invoices read whole: lines, attempts and dates."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries import invoices as queries
from billing.invoice import InvoiceStatus
from billing.payment import Paid
from billing.ports.books import PaymentAttempt
from tests.adapters.db.company import START, draft, open_shop, subscribe, subscription
from tests.adapters.db.reversals import debit, note, usd, with_credit


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine)
    await subscribe(engine, subscription(1), subscription(2))
    async with transaction() as tx:
        for number in range(3):
            invoice = draft(number).model_copy(
                update={"finalized_at": START + timedelta(days=number)}
            )
            await tx.invoices.finalize(invoice)
        await tx.invoices.finalize(draft(0, subscription_number=2))
        await tx.attempts.put(_ATTEMPT)
        await tx.invoices.mark_paid(draft(0).id, paid_at=START)
        await tx.invoices.mark_void(draft(1).id, voided_at=START)


_ATTEMPT = PaymentAttempt(
    invoice_id=draft(0).id,
    number=1,
    payment_method_id="pm_1",
    amount=draft(0).total,
    started_at=START,
    attempted_at=START,
    payment_id="pi_1",
    outcome=Paid(amount=draft(0).total, paid_at=START),
)


async def test_an_invoice_is_read_whole(engine: AsyncEngine) -> None:
    async with reading(engine) as connection:
        invoice = await queries.get(connection, draft(0).id)
        assert await queries.get(connection, "in_unknown") is None
    assert invoice is not None
    assert invoice.record.number == "PN-000001"
    assert invoice.record.paid == invoice.record.total == draft(0).total
    assert (invoice.period, invoice.finalized_at) == (draft(0).period, START)
    assert (invoice.paid_at, invoice.voided_at) == (START, None)
    assert invoice.lines == draft(0).lines
    assert invoice.attempts == (_ATTEMPT,)


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ({}, ["PN-000003", "PN-000002", "PN-000004", "PN-000001"]),
        ({"customer_id": "cus_2"}, []),
        ({"subscription_id": "sub_2"}, ["PN-000004"]),
        ({"status": InvoiceStatus.OPEN}, ["PN-000003", "PN-000004"]),
        ({"status": InvoiceStatus.VOID, "customer_id": "cus_1"}, ["PN-000002"]),
    ],
)
async def test_invoices_are_listed_by_every_filter(
    engine: AsyncEngine, where: dict[str, str], numbers: list[str]
) -> None:
    async with reading(engine) as connection:
        page = await queries.page_of(
            connection,
            customer_id=where.get("customer_id"),
            subscription_id=where.get("subscription_id"),
            status=InvoiceStatus(where["status"]) if "status" in where else None,
            limit=10,
        )
    listed = [(invoice.finalized_at, invoice.record.id) for invoice in page.items]
    assert listed == sorted(listed, reverse=True)
    assert sorted(i.record.number for i in page.items) == sorted(numbers)
    assert all(len(invoice.lines) == 1 for invoice in page.items)


async def test_a_page_of_invoices_is_continued(engine: AsyncEngine) -> None:
    async with reading(engine) as connection:
        first = await queries.page_of(connection, limit=3)
        rest = await queries.page_of(connection, cursor=first.next_cursor, limit=3)
    ids = [invoice.record.id for invoice in (*first.items, *rest.items)]
    assert len(set(ids)) == len(ids) == 4


async def test_what_the_balance_paid_and_what_a_line_gives_back_is_read(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    changed = with_credit(draft(5), of=debit(draft(0)), minor=3000)
    async with transaction() as tx:
        await tx.credit_notes.issue(note(draft(0), 1000))
        await tx.invoices.finalize(changed.model_copy(update={"change_id": "chg_1"}))
    async with reading(engine) as connection:
        invoice = await queries.get(connection, changed.id)
    assert invoice is not None
    assert invoice.lines == changed.lines
    assert invoice.lines[1].credits == debit(draft(0))
    assert (invoice.record.from_balance, invoice.record.amount_due) == (usd(1000), usd(4000))
    assert invoice.record.change_id == "chg_1"
