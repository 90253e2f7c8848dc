"""Invoices: numbers without gaps, one invoice per draft, nothing changed afterwards."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.tables.invoice import invoice_lines, invoices
from billing.errors import Conflict, InvalidInput, NotFound
from billing.invoice import InvoiceStatus
from billing.money import Money
from billing.price_model import PerUnit
from tests.adapters.db.company import START, TEAM, draft, open_shop, subscribe
from tests.adapters.db.waiting import somebody_waits


class _Abandoned(Exception):
    pass


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine)
    await subscribe(engine)


async def test_an_invoice_is_numbered_and_stored_with_its_lines(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        record = await tx.invoices.finalize(draft())
    assert record.number == "PN-000001"
    assert record.status is InvoiceStatus.OPEN
    assert record.total == Money(amount_minor=8000, currency="USD")
    assert record.amount_due == record.total
    async with engine.connect() as connection:
        [line] = await connection.execute(select(invoice_lines))
        assert (line.position, line.description) == (1, "Team, 5 seats, every month")
        assert (line.amount_minor, line.currency, line.quantity) == (8000, "USD", 5)
        assert (line.period_start, line.period_end) == (START, draft().period.end)


async def test_the_same_draft_is_one_invoice(transaction: Transactions) -> None:
    async with transaction() as tx:
        first = await tx.invoices.finalize(draft())
        again = await tx.invoices.finalize(draft(quantity=7))
    async with transaction() as tx:
        later = await tx.invoices.finalize(draft())
        following = await tx.invoices.finalize(draft(1))
    assert first == again == later
    assert following.number == "PN-000002"


async def test_an_invoice_of_nothing_is_paid_at_once(transaction: Transactions) -> None:
    free = TEAM.model_copy(update={"model": PerUnit(unit_amount_minor=Decimal(0))})
    async with transaction() as tx:
        record = await tx.invoices.finalize(draft(price=free))
    assert record.status is InvoiceStatus.PAID
    assert record.amount_due == Money.zero("USD")


async def test_concurrent_invoices_are_numbered_without_a_gap_though_some_roll_back(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async def finalize(number: int) -> None:
        async with transaction() as tx:
            await tx.invoices.finalize(draft(number))
            if number % 5 == 0:
                raise _Abandoned

    results = await asyncio.gather(*(finalize(n) for n in range(50)), return_exceptions=True)
    assert [r for r in results if r is not None and not isinstance(r, _Abandoned)] == []
    async with engine.connect() as connection:
        numbers = await connection.scalars(select(invoices.c.number).order_by(invoices.c.sequence))
        assert list(numbers) == [f"PN-{n:06}" for n in range(1, 41)]


async def test_the_same_draft_finalised_by_many_at_once_is_one_invoice(
    transaction: Transactions,
) -> None:
    async def finalize() -> str:
        async with transaction() as tx:
            return (await tx.invoices.finalize(draft())).number

    assert set(await asyncio.gather(*(finalize() for _ in range(20)))) == {"PN-000001"}
    async with transaction() as tx:
        assert (await tx.invoices.finalize(draft(1))).number == "PN-000002"


async def test_a_read_invoice_is_locked_until_the_transaction_ends(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await tx.invoices.finalize(draft())
    order: list[str] = []

    async def pay() -> None:
        async with transaction() as tx:
            record = await tx.invoices.get(draft().id)
            order.append("second reads")
            assert record is not None
            assert record.status is InvoiceStatus.PAID

    async with transaction() as tx:
        assert await tx.invoices.get(draft().id) is not None
        second = asyncio.create_task(pay())
        await somebody_waits(transaction)
        order.append("first pays")
        await tx.invoices.mark_paid(draft().id, paid_at=START)
    await second
    assert order == ["first pays", "second reads"]


async def test_an_invoice_is_paid_or_void_but_never_both(transaction: Transactions) -> None:
    async with transaction() as tx:
        paid = await tx.invoices.finalize(draft(0))
        void = await tx.invoices.finalize(draft(1))
        await tx.invoices.mark_paid(paid.id, paid_at=START)
        await tx.invoices.mark_void(void.id, voided_at=START)
        await tx.invoices.mark_paid(paid.id, paid_at=START + timedelta(days=1))
        await tx.invoices.mark_void(void.id, voided_at=START + timedelta(days=1))
        with pytest.raises(Conflict, match="is paid, not open"):
            await tx.invoices.mark_void(paid.id, voided_at=START)
        with pytest.raises(Conflict, match="is void, not open"):
            await tx.invoices.mark_paid(void.id, paid_at=START)
        with pytest.raises(NotFound):
            await tx.invoices.mark_paid("in_unknown", paid_at=START)
        paid_after = await tx.invoices.get(paid.id)
    assert paid_after is not None
    assert paid_after.paid == paid.total
    assert paid_after.amount_due == Money.zero("USD")


async def test_the_database_refuses_to_change_a_finalised_invoice(
    transaction: Transactions, engine: AsyncEngine, subtests: pytest.Subtests
) -> None:
    async with transaction() as tx:
        await tx.invoices.finalize(draft())
    for statement in (
        "UPDATE invoices SET total_minor = 1",
        "UPDATE invoices SET number = 'PN-9'",
        "DELETE FROM invoices",
        "TRUNCATE invoices CASCADE",
        "UPDATE invoice_lines SET amount_minor = 1",
        "DELETE FROM invoice_lines",
        "TRUNCATE invoice_lines CASCADE",
    ):
        refused = pytest.raises(DBAPIError, match=r"append-only|finalised")
        with subtests.test(statement=statement), refused:
            async with engine.begin() as connection:
                await connection.execute(text(statement))


async def test_the_database_refuses_to_reopen_a_closed_invoice(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.invoices.finalize(draft())
        await tx.invoices.mark_void(draft().id, voided_at=START)
    with pytest.raises(DBAPIError, match="only an open one"):
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE invoices SET status='open', voided_at=NULL"))


async def test_an_amount_beyond_64_bits_is_invalid_input(transaction: Transactions) -> None:
    dear = TEAM.model_copy(update={"model": PerUnit(unit_amount_minor=Decimal(10**14))})
    with pytest.raises(InvalidInput) as refused:
        async with transaction() as tx:
            await tx.invoices.finalize(draft(price=dear, quantity=1_000_000))
    assert refused.value.code == "value_out_of_range"
