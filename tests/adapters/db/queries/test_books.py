"""The books: they balance after every transaction, and a difference is seen."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, snapshot
from adapters.db.queries import books as queries
from adapters.db.queries.books import Books, Comparison
from billing.ledger import Account, invoice_finalized, invoice_voided, payment_received
from tests.adapters.db.company import START, draft, open_shop, subscribe


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=2)
    await subscribe(engine)


async def _books(engine: AsyncEngine, *customer_ids: str) -> Books:
    async with snapshot(engine) as connection:
        return await queries.read(connection, customer_ids=customer_ids or None)


async def _bill(transaction: Transactions, number: int) -> None:
    async with transaction() as tx:
        await tx.invoices.finalize(draft(number))
        await tx.ledger.post(invoice_finalized(draft(number)))


def _usd(ledger: int, invoices: int) -> tuple[Comparison, ...]:
    return (Comparison(currency="USD", ledger_minor=ledger, invoices_minor=invoices),)


async def test_empty_books_balance(engine: AsyncEngine) -> None:
    books = await _books(engine)
    assert books.balance
    assert (books.trial_balance, books.receivables, books.cash) == ((), (), ())


async def test_the_books_follow_invoices_payments_and_voids(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    for number in range(3):
        await _bill(transaction, number)
    books = await _books(engine)
    assert books.balance
    assert books.receivables == _usd(24000, 24000)
    async with transaction() as tx:
        await tx.invoices.mark_paid(draft(0).id, paid_at=START)
        await tx.ledger.post(
            payment_received(
                invoice_id=draft(0).id,
                customer_id="cus_1",
                payment_intent_id="pi_1",
                amount=draft(0).total,
                paid_at=START,
            )
        )
        await tx.invoices.mark_void(draft(1).id, voided_at=START)
        await tx.ledger.post(
            invoice_voided(
                invoice_id=draft(1).id,
                customer_id="cus_1",
                unpaid=draft(1).total,
                voided_at=START,
            )
        )
    books = await _books(engine)
    assert books.balance
    assert books.receivables == _usd(8000, 8000)
    assert books.cash == _usd(8000, 8000)
    assert {row.account: row.balance_minor for row in books.trial_balance} == {
        Account.CASH: 8000,
        Account.RECEIVABLE: 8000,
        Account.DEFERRED_REVENUE: -16000,
    }
    [receivable] = [r for r in books.trial_balance if r.account is Account.RECEIVABLE]
    assert (receivable.debits_minor, receivable.credits_minor) == (24000, 16000)
    assert await _books(engine, "cus_1") == books
    assert (await _books(engine, "cus_2")).trial_balance == ()


async def test_a_payment_that_was_not_posted_is_seen(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await _bill(transaction, 0)
    async with transaction() as tx:
        await tx.invoices.mark_paid(draft(0).id, paid_at=START)
    books = await _books(engine)
    assert not books.balance
    assert books.receivables == _usd(8000, 0)
    assert books.cash == _usd(0, 8000)


async def test_an_entry_that_does_not_balance_is_seen(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await _bill(transaction, 0)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE postings DISABLE TRIGGER balanced"))
        await connection.execute(
            text(
                "INSERT INTO postings SELECT id, 3, 'deferred_revenue', 5, 'USD'"
                " FROM journal_entries"
            )
        )
    books = await _books(engine)
    assert all(comparison.agrees for comparison in (*books.receivables, *books.cash))
    assert not books.balance
