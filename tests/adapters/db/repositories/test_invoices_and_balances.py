"""What the customer's balance pays of invoices, and what goes back to it."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from asyncpg import IntegrityConstraintViolationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, snapshot
from adapters.db.queries import balances, books
from adapters.db.transaction import SqlTransaction
from billing.balance import BalanceCause, BalanceMovement
from billing.errors import BooksBroken
from billing.invoice import InvoiceDraft, InvoiceStatus, negated
from billing.ledger import invoice_voided
from billing.money import Money
from billing.ports.storage import Transaction
from billing.price_model import PerUnit
from tests.adapters.db.company import (
    START,
    TEAM,
    bill,
    collect,
    draft,
    open_shop,
    post,
    sell,
    subscribe,
    subscription,
)
from tests.adapters.db.reversals import debit, give_back, note, usd, with_credit, with_line
from tests.adapters.db.undone import undone
from tests.adapters.db.waiting import somebody_waits


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=2)
    await subscribe(engine, subscription(1), subscription(2, customer_number=2))


async def _give(tx: Transaction, minor: int, currency: str = "USD") -> None:
    """Into the balance past the books, which no test of these looks at."""
    await tx.balances.move(
        BalanceMovement(
            source_key=f"given:{currency}",
            customer_id="cus_1",
            cause=BalanceCause.REFUND_FAILED,
            amount=Money(amount_minor=minor, currency=currency),
            at=START,
        )
    )


async def test_the_balance_pays_a_part_and_a_card_the_rest(transaction: Transactions) -> None:
    async with transaction() as tx:
        await _give(tx, 3000)
        record = await tx.invoices.finalize(draft())
        assert record.status is InvoiceStatus.OPEN
        assert (record.from_balance, record.amount_due) == (usd(3000), usd(5000))
        assert await tx.balances.of("cus_1", "USD") == usd(0)
        await tx.invoices.mark_paid(record.id, paid_at=START)
        paid = await tx.invoices.get(record.id)
    assert paid is not None
    assert (paid.status, paid.paid, paid.from_balance) == (
        InvoiceStatus.PAID,
        usd(5000),
        usd(3000),
    )


async def test_an_invoice_that_the_balance_pays_is_paid_at_once(transaction: Transactions) -> None:
    async with transaction() as tx:
        await _give(tx, 9000)
        record = await tx.invoices.finalize(draft())
        assert record.status is InvoiceStatus.PAID
        assert (record.paid, record.from_balance, record.amount_due) == (
            usd(0),
            usd(8000),
            usd(0),
        )
        assert await tx.balances.of("cus_1", "USD") == usd(1000)


async def test_a_balance_in_another_currency_pays_nothing(transaction: Transactions) -> None:
    async with transaction() as tx:
        await _give(tx, 9000, "EUR")
        record = await tx.invoices.finalize(draft())
        assert (record.from_balance, record.amount_due) == (usd(0), usd(8000))
        assert await tx.balances.of("cus_1", "EUR") == Money(amount_minor=9000, currency="EUR")


async def test_a_repeated_draft_uses_the_balance_up_once(transaction: Transactions) -> None:
    async with transaction() as tx:
        await _give(tx, 20000)
        first = await tx.invoices.finalize(draft())
        assert await tx.invoices.finalize(draft()) == first
    async with transaction() as tx:
        assert await tx.invoices.finalize(draft()) == first
        assert await tx.balances.of("cus_1", "USD") == usd(12000)


async def test_a_void_invoice_gives_back_once_what_the_balance_paid(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await _give(tx, 3000)
        await tx.invoices.finalize(draft())
    for day in range(2):
        async with transaction() as tx:
            await tx.invoices.mark_void(draft().id, voided_at=START + timedelta(days=day))
            again = await tx.invoices.finalize(draft())
            assert again.status is InvoiceStatus.VOID
            assert await tx.balances.of("cus_1", "USD") == usd(3000)
    async with snapshot(engine) as connection:
        page = await balances.movements_of(connection, "cus_1", limit=10)
    assert [(m.source_key, m.amount.amount_minor) for m in page.items] == [
        (f"balance.restored:{draft().id}", 3000),
        (f"balance.applied:{draft().id}", -3000),
        ("given:USD", 3000),
    ]


async def test_a_negative_total_is_paid_at_once_and_becomes_balance(
    transaction: Transactions,
) -> None:
    changed = with_credit(draft(1, quantity=1), of=debit(draft()), minor=8000)
    for _ in range(2):
        async with transaction() as tx:
            await sell(tx, draft())
            record = await bill(tx, changed)
            assert (record.status, record.total) == (InvoiceStatus.PAID, usd(-6400))
            assert (record.paid, record.from_balance) == (usd(0), usd(0))
            assert await tx.balances.of("cus_1", "USD") == usd(6400)
            await tx.finish()
            assert (await books.read(tx.connection)).balance


async def test_a_negative_invoice_uses_no_balance_up(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.invoices.finalize(draft())
        await tx.invoices.mark_paid(draft().id, paid_at=START)
        await _give(tx, 3000)
        changed = with_credit(draft(1, quantity=1), of=debit(draft()), minor=2000)
        record = await tx.invoices.finalize(changed)
        assert (record.total, record.from_balance) == (usd(-400), usd(0))
        assert await tx.balances.of("cus_1", "USD") == usd(3400)


async def test_a_line_that_is_carried_to_the_next_invoice_gives_nothing_back(
    transaction: Transactions,
) -> None:
    line = draft(1).lines[0]
    async with transaction() as tx:
        record = await tx.invoices.finalize(with_line(draft(1), negated(line)))
        assert (record.status, record.total) == (InvoiceStatus.PAID, usd(0))
        [charged] = await tx.invoices.debits_of(record.id)
        assert (charged.amount, charged.credited) == (usd(8000), usd(0))


async def test_a_change_is_remembered_with_its_invoice(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.invoices.finalize(draft().model_copy(update={"change_id": "chg_1"}))
        record = await tx.invoices.get(draft().id)
    assert record is not None
    assert record.change_id == "chg_1"


async def test_twenty_invoices_that_share_a_balance_never_overdraw_it(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    """$300.00 for twenty invoices of $80.00, finalised at once: three and three quarters."""

    async def finalize(number: int) -> Money:
        async with transaction() as tx:
            return (await bill(tx, draft(number))).from_balance

    async with transaction() as tx:
        for number in range(100, 104):
            await sell(tx, draft(number))
        for number in range(100, 104):
            await give_back(tx, note(draft(number), 7500))
    used = await asyncio.gather(*(finalize(number) for number in range(20)))
    assert sorted((money.amount_minor for money in used), reverse=True) == [
        *(8000, 8000, 8000, 6000),
        *([0] * 16),
    ]
    async with snapshot(engine) as connection:
        assert await balances.of_customer(connection, "cus_1") == (usd(0),)
        assert (await books.read(connection)).balance


async def test_invoices_voided_and_finalised_at_once_keep_the_balance_whole(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async def finalize(number: int) -> None:
        async with transaction() as tx:
            await bill(tx, draft(number))

    async def void(number: int) -> None:
        async with transaction() as tx:
            record = await tx.invoices.get(draft(number).id)
            assert record is not None
            await tx.invoices.mark_void(record.id, voided_at=START)
            await post(tx, invoice_voided(record, voided_at=START))

    async with transaction() as tx:
        await sell(tx, draft(100))
        await give_back(tx, note(draft(100), 5000))
        for number in range(10):
            await bill(tx, draft(number))
    work = [work for n in range(10) for work in (void(n), finalize(20 + n))]
    await asyncio.gather(*work)
    async with snapshot(engine) as connection:
        [left] = await balances.of_customer(connection, "cus_1")
        applied = await connection.scalar(
            text("SELECT sum(balance_minor) FROM invoices WHERE status <> 'void'")
        )
        assert left.amount_minor + int(applied or 0) == 5000
        assert (await books.read(connection)).balance


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    balance=st.integers(0, 30000),
    quantities=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    voided=st.sets(st.integers(0, 5)),
)
async def test_what_the_balance_paid_and_what_is_left_of_it_is_what_was_given(
    engine: AsyncEngine, balance: int, quantities: list[int], voided: set[int]
) -> None:
    async with undone(engine) as connection:
        tx = SqlTransaction(connection)
        if balance:
            await _give(tx, balance)
        used = 0
        for number, quantity in enumerate(quantities):
            record = await tx.invoices.finalize(draft(number, quantity=quantity))
            assert record.total == record.from_balance + record.amount_due
            if number in voided and record.status is InvoiceStatus.OPEN:
                await tx.invoices.mark_void(record.id, voided_at=START)
            else:
                used += record.from_balance.amount_minor
        assert await tx.balances.of("cus_1", "USD") == usd(balance - used)
        await tx.finish()


def _cheap(minor: int) -> InvoiceDraft:
    price = TEAM.model_copy(update={"model": PerUnit(unit_amount_minor=Decimal(minor))})
    return draft(price=price, quantity=1)


async def test_no_rest_is_left_that_is_too_small_to_be_collected(
    transaction: Transactions,
) -> None:
    """$10.00 of a balance of $9.80: the least that can be charged is $0.50 (policy P5)."""
    async with transaction() as tx:
        await _give(tx, 980)
        record = await tx.invoices.finalize(_cheap(1000))
        assert (record.from_balance, record.amount_due) == (usd(950), usd(50))
        assert await tx.balances.of("cus_1", "USD") == usd(30)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoices SET balance_minor = 100",
        "UPDATE invoices SET change_id = 'chg_2'",
        "UPDATE invoices SET status = 'paid', paid_at = now(), paid_minor = 8000",
        "UPDATE invoices SET status = 'paid', paid_at = now(), paid_minor = 4999",
        "UPDATE invoices SET status = 'paid', paid_minor = 5000",
        "UPDATE invoices SET paid_minor = -1",
        "UPDATE invoices SET paid_minor = 5001",
    ],
)
async def test_the_database_refuses_another_share_of_the_balance(
    transaction: Transactions, engine: AsyncEngine, statement: str
) -> None:
    async with transaction() as tx:
        await _give(tx, 3000)
        await tx.invoices.finalize(draft())
    with pytest.raises(IntegrityError, match=r"finalised|invoices_paid"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))


async def test_a_credit_beyond_its_debit_is_refused_with_the_whole_invoice(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await sell(tx, draft())
        await bill(tx, with_credit(draft(1), of=debit(draft()), minor=5000))
    with pytest.raises(BooksBroken) as refused:
        async with transaction() as tx:
            await bill(tx, with_credit(draft(2), of=debit(draft()), minor=3001))
    assert refused.value.code == "credit_exceeds_debit"
    async with transaction() as tx:
        last = await bill(tx, with_credit(draft(2), of=debit(draft()), minor=3000))
        assert last.number == "PN-000003"


async def test_a_credit_line_names_a_line_that_exists_and_takes_something_off(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await sell(tx, draft())
    for position, minor in ((2, 100), (1, -100)):
        with pytest.raises(
            IntegrityConstraintViolationError, match=r"credits_position_fkey|credits_check"
        ):
            async with transaction() as tx:
                await bill(tx, with_credit(draft(1), of=debit(draft(), position), minor=minor))


async def test_a_void_invoice_gives_its_credits_free(transaction: Transactions) -> None:
    async with transaction() as tx:
        await sell(tx, draft())
        changed = await bill(tx, with_credit(draft(1), of=debit(draft()), minor=8000 - 1))
        await tx.invoices.mark_void(changed.id, voided_at=START)
        again = await bill(tx, with_credit(draft(2), of=debit(draft()), minor=8000))
        assert again.total == usd(0)


async def test_changes_of_the_same_debit_at_once_never_credit_more_than_it(
    transaction: Transactions,
) -> None:
    async def change(number: int) -> str:
        try:
            async with transaction() as tx:
                await bill(tx, with_credit(draft(number), of=debit(draft()), minor=3000))
        except BooksBroken as broken:
            return broken.code
        return "billed"

    async with transaction() as tx:
        await collect(tx, await bill(tx, draft()))
    changed = await asyncio.gather(*(change(number) for number in range(1, 11)))
    assert sorted(changed) == ["billed"] * 2 + ["credit_exceeds_debit"] * 8
    async with transaction() as tx:
        [charged] = await tx.invoices.debits_of(draft().id)
        assert charged.credited == usd(6000)
        assert (await bill(tx, draft(20))).number == "PN-000004"


async def test_who_waits_for_a_debit_holds_no_number(transaction: Transactions) -> None:
    """Otherwise the one that has the debit, and needs a number, would wait in turn."""

    async def change() -> str:
        async with transaction() as tx:
            return (await bill(tx, with_credit(draft(1), of=debit(draft()), minor=100))).number

    async with transaction() as tx:
        await sell(tx, draft())
    async with transaction() as tx:
        await tx.invoices.get(draft().id)
        second = asyncio.create_task(change())
        await somebody_waits(transaction)
        other = draft(0, subscription_number=2).model_copy(update={"customer_id": "cus_2"})
        assert (await bill(tx, other)).number == "PN-000002"
    assert await second == "PN-000003"
