"""Fifty workers that bill and charge one period at once are one (policy P29, P32)."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from adapters.db.engine import snapshot
from adapters.db.queries import books
from adapters.db.tables.invoice import invoices
from adapters.db.tables.ledger import journal_entries
from adapters.db.tables.payment_attempt import payment_attempts
from billing.errors import GatewayBusy
from billing.invoice import InvoiceStatus
from billing.payment import Paid
from tests.activities.till import Till
from tests.adapters.db.company import subscription

_AT_ONCE = 50
_PRICE_MINOR = 8000

T = TypeVar("T")


async def _all(calls: Iterable[Awaitable[T]]) -> list[T]:
    """What came of them; who was told that another one makes the attempt would try again."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    done: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            if not isinstance(result, GatewayBusy):
                raise result
        else:
            done.append(result)
    return done


async def test_one_period_is_one_invoice_and_one_charge(till: Till) -> None:
    await till.save_card("pm_card_visa")
    states = await _all(till.billed(subscription()) for _ in range(_AT_ONCE))
    assert {state.open_invoices for state in states} == {states[0].open_invoices}
    collected = await _all(till.collect(states[0]) for _ in range(_AT_ONCE))
    assert collected
    assert all(isinstance(each.outcome, Paid) for each in collected)

    assert till.taken_minor() == _PRICE_MINOR
    assert await till.count(invoices, status=InvoiceStatus.PAID) == await till.count(invoices) == 1
    assert await till.count(payment_attempts) == 1
    assert await till.count(journal_entries) == len(("finalised", "paid"))
    async with snapshot(till.engine) as connection:
        assert (await books.read(connection)).balance
