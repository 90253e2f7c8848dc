"""The books: they balance after every transaction, and a difference is seen."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, snapshot
from adapters.db.queries import books as queries
from adapters.db.queries.books import Books, Comparison
from billing import ledger
from billing.dispute import DisputeState
from billing.ledger import Account
from billing.refund import RefundState
from tests.adapters.db.company import START, bill, collect, draft, open_shop, post, sell, subscribe
from tests.adapters.db.reversals import dispute, give_back, note, refund


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=2)
    await subscribe(engine)


async def _books(engine: AsyncEngine, *customer_ids: str) -> Books:
    async with snapshot(engine) as connection:
        return await queries.read(connection, customer_ids=customer_ids or None)


def _usd(account: Account, ledger_minor: int, documents_minor: int) -> tuple[Comparison, ...]:
    return (
        Comparison(
            account=account,
            currency="USD",
            ledger_minor=ledger_minor,
            documents_minor=documents_minor,
        ),
    )


async def test_empty_books_balance(engine: AsyncEngine) -> None:
    books = await _books(engine)
    assert books.balance
    assert (books.trial_balance, books.comparisons) == ((), ())


async def test_the_books_follow_invoices_payments_and_voids(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        first, second, _ = [await bill(tx, draft(number)) for number in range(3)]
    books = await _books(engine)
    assert books.balance
    assert books.receivables == _usd(Account.RECEIVABLE, 24000, 24000)
    async with transaction() as tx:
        await collect(tx, first)
        await tx.invoices.mark_void(second.id, voided_at=START)
        await post(tx, ledger.invoice_voided(second, voided_at=START))
    books = await _books(engine)
    assert books.balance
    assert books.receivables == _usd(Account.RECEIVABLE, 8000, 8000)
    assert books.cash == _usd(Account.CASH, 8000, 8000)
    assert {row.account: row.balance_minor for row in books.trial_balance} == {
        Account.CASH: 8000,
        Account.RECEIVABLE: 8000,
        Account.DEFERRED_REVENUE: -16000,
    }
    [receivable] = [r for r in books.trial_balance if r.account is Account.RECEIVABLE]
    assert (receivable.debits_minor, receivable.credits_minor) == (24000, 16000)
    assert await _books(engine, "cus_1") == books
    assert (await _books(engine, "cus_2")).trial_balance == ()


async def test_the_books_follow_money_that_goes_back(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    """$80 sold four times: of one $30 is credited and $20 refunded, two are disputed."""
    credit = note(draft(0), 5000, to_card=2000)
    async with transaction() as tx:
        for number in range(3):
            await sell(tx, draft(number))
        await give_back(tx, credit)
        await bill(tx, draft(3))
        for number, state in ((1, DisputeState.OPEN), (2, DisputeState.LOST)):
            await tx.disputes.put(dispute(draft(number), state=state))
            await tx.ledger.post(ledger.dispute_opened(dispute(draft(number))))
        lost = dispute(draft(2), state=DisputeState.LOST)
        await tx.ledger.post(ledger.dispute_closed(lost, at=START))
    books = await _books(engine)
    assert {(c.account, c.documents_minor) for c in books.comparisons} == {
        (Account.RECEIVABLE, 8000 - 3000),
        (Account.CASH, 3 * 8000 - 2 * 8000),
        (Account.DEFERRED_REVENUE, -(4 * 8000 - 5000)),
        (Account.CUSTOMER_BALANCE, 0),
        (Account.REFUNDS_PAYABLE, -2000),
        (Account.DISPUTES, 8000),
        (Account.DISPUTE_LOSSES, 8000),
    }
    assert books.balance
    async with transaction() as tx:
        sent = refund(credit)
        await tx.refunds.put(sent.model_copy(update={"state": RefundState.SUCCEEDED}))
        await tx.ledger.post(ledger.refund_succeeded(sent, at=START))
    books = await _books(engine)
    assert books.cash == _usd(Account.CASH, 6000, 6000)
    assert books.balance


async def test_a_payment_that_was_not_posted_is_seen(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        await bill(tx, draft(0))
        await tx.invoices.mark_paid(draft(0).id, paid_at=START)
    books = await _books(engine)
    assert not books.balance
    assert books.receivables == _usd(Account.RECEIVABLE, 8000, 0)
    assert books.cash == _usd(Account.CASH, 0, 8000)


async def test_a_credit_note_that_was_not_posted_is_seen(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        await sell(tx, draft(0))
        await tx.credit_notes.issue(note(draft(0), 5000))
    books = await _books(engine)
    assert not books.balance
    assert {c.account for c in books.comparisons if not c.agrees} == {
        Account.DEFERRED_REVENUE,
        Account.CUSTOMER_BALANCE,
    }


async def test_an_entry_that_does_not_balance_is_seen(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        await bill(tx, draft(0))
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE postings DISABLE TRIGGER balanced"))
        await connection.execute(
            text(
                "INSERT INTO postings SELECT id, 3, 'deferred_revenue', 5, 'USD'"
                " FROM journal_entries"
            )
        )
    books = await _books(engine)
    assert not books.balance


def test_the_same_sum_on_both_sides_is_not_agreement_of_accounts() -> None:
    """Money posted to the wrong account balances, and is seen by the comparisons alone."""
    wrong = Books(
        trial_balance=(),
        comparisons=(
            *_usd(Account.CASH, 100, 0),
            *_usd(Account.RECEIVABLE, -100, 0),
        ),
    )
    assert not wrong.balance
