"""Balances: the sum of their movements, never below zero, in whatever order they come."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from billing.balance import BalanceCause, BalanceMovement
from billing.errors import BooksBroken
from billing.money import Money
from tests.adapters.db.company import START, open_shop
from tests.adapters.db.reversals import usd


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=2)


def _movement(
    minor: int, key: str = "1", *, customer: str = "cus_1", currency: str = "USD"
) -> BalanceMovement:
    return BalanceMovement(
        source_key=f"refund.failed:{key}",
        customer_id=customer,
        cause=BalanceCause.REFUND_FAILED,
        amount=Money(amount_minor=minor, currency=currency),
        at=START,
    )


async def test_a_movement_moves_once_per_source_key(transaction: Transactions) -> None:
    for _ in range(2):
        async with transaction() as tx:
            await tx.balances.move(_movement(500))
            await tx.balances.move(_movement(500))
    async with transaction() as tx:
        await tx.balances.move(_movement(-200, "2"))
        assert await tx.balances.of("cus_1", "USD") == usd(300)


async def test_customers_and_currencies_have_balances_of_their_own(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await tx.balances.move(_movement(500))
        await tx.balances.move(_movement(70, "2", currency="EUR"))
        await tx.balances.move(_movement(3, "3", customer="cus_2"))
    async with transaction() as tx:
        assert await tx.balances.of("cus_1", "USD") == usd(500)
        assert await tx.balances.of("cus_1", "EUR") == Money(amount_minor=70, currency="EUR")
        assert await tx.balances.of("cus_2", "USD") == usd(3)
        assert await tx.balances.of("cus_2", "EUR") == Money.zero("EUR")


@pytest.mark.parametrize("before", [0, 500])
async def test_a_balance_is_never_overdrawn(transaction: Transactions, before: int) -> None:
    if before:
        async with transaction() as tx:
            await tx.balances.move(_movement(before))
    with pytest.raises(BooksBroken) as refused:
        async with transaction() as tx:
            await tx.balances.move(_movement(-before - 1, "2"))
    assert refused.value.code == "balance_negative"
    async with transaction() as tx:
        assert await tx.balances.of("cus_1", "USD") == usd(before)
        await tx.balances.move(_movement(10, "2"))
        assert await tx.balances.of("cus_1", "USD") == usd(before + 10)


async def test_concurrent_movements_lose_nothing_and_overdraw_nothing(
    transaction: Transactions,
) -> None:
    """The first movements make the balance; twenty takers want three times what is there."""

    async def move(minor: int, key: str) -> bool:
        try:
            async with transaction() as tx:
                await tx.balances.move(_movement(minor, key))
        except BooksBroken:
            return False
        return True

    given = await asyncio.gather(*(move(10, f"give:{n % 10}") for n in range(20)))
    assert all(given)
    taken = await asyncio.gather(*(move(-15, f"take:{n}") for n in range(20)))
    assert sum(taken) == 6
    async with transaction() as tx:
        assert await tx.balances.of("cus_1", "USD") == usd(100 - 6 * 15)


_MOVEMENT_OF_NOTHING = """
    INSERT INTO balance_movements (source_key, customer_id, cause, amount_minor, currency, at)
    VALUES ('2', 'cus_1', 'restored', 0, 'USD', now())
"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE customer_balances SET balance_minor = 9",
        "INSERT INTO customer_balances VALUES ('cus_2', 'USD', 9)",
        "DELETE FROM customer_balances",
        "TRUNCATE customer_balances",
        "UPDATE balance_movements SET amount_minor = 9",
        "DELETE FROM balance_movements",
        "TRUNCATE balance_movements",
        _MOVEMENT_OF_NOTHING,
    ],
)
async def test_the_database_refuses_a_balance_that_no_movement_made(
    transaction: Transactions, engine: AsyncEngine, statement: str
) -> None:
    async with transaction() as tx:
        await tx.balances.move(_movement(500))
    with pytest.raises(DBAPIError, match=r"append-only|by hand|amount_minor_check"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    async with transaction() as tx:
        assert await tx.balances.of("cus_1", "USD") == usd(500)
