"""The journal: balanced and append-only whoever writes, once per source key."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.tables.ledger import journal_entries, postings
from billing.ledger import Account, JournalEntry, Posting
from billing.money import Money
from tests.adapters.db.company import START, draft, open_shop, subscribe

_OWED = Money(amount_minor=8000, currency="USD")
_FINALIZED = JournalEntry(
    source_key="invoice.finalized:1",
    occurred_at=START,
    customer_id="cus_1",
    invoice_id=draft().id,
    postings=(
        Posting(account=Account.RECEIVABLE, amount=_OWED),
        Posting(account=Account.DEFERRED_REVENUE, amount=-_OWED),
    ),
)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        await tx.invoices.finalize(draft())


async def _count(engine: AsyncEngine) -> tuple[int, int]:
    async with engine.connect() as connection:
        entries = (await connection.execute(select(journal_entries))).all()
        sides = (await connection.execute(select(postings))).all()
        return len(entries), len(sides)


async def test_an_entry_is_posted_once_per_source_key(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    for _ in range(2):
        async with transaction() as tx:
            await tx.ledger.post(_FINALIZED)
            await tx.ledger.post(_FINALIZED)
    assert await _count(engine) == (1, 2)
    async with engine.connect() as connection:
        sides = await connection.execute(
            select(postings.c.account, postings.c.amount_minor).order_by(postings.c.position)
        )
        assert [tuple(side) for side in sides] == [
            ("receivable", 8000),
            ("deferred_revenue", -8000),
        ]


_NUMBERS = itertools.count()


async def _write(engine: AsyncEngine, sides: Sequence[tuple[int, str]]) -> None:
    """Past the domain's own check, as a defect or a person with a database client would."""
    async with engine.begin() as connection:
        entry_id = await connection.scalar(
            text(
                "INSERT INTO journal_entries (source_key, occurred_at, customer_id, invoice_id)"
                " VALUES (:key, now(), 'cus_1', :invoice_id) RETURNING id"
            ),
            {"key": f"entry:{next(_NUMBERS)}", "invoice_id": draft().id},
        )
        for position, (amount, currency) in enumerate(sides, start=1):
            await connection.execute(
                text("INSERT INTO postings VALUES (:entry, :position, 'cash', :amount, :currency)"),
                {
                    "entry": entry_id,
                    "position": position,
                    "amount": amount,
                    "currency": currency,
                },
            )


_SIDES = st.lists(
    st.tuples(st.integers(-3, 3), st.sampled_from(["USD", "EUR"])), min_size=0, max_size=5
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sides=_SIDES)
async def test_the_database_takes_an_entry_exactly_if_it_balances_per_currency(
    engine: AsyncEngine, sides: list[tuple[int, str]]
) -> None:
    totals = [sum(a for a, c in sides if c == currency) for currency in ("USD", "EUR")]
    before = await _count(engine)
    if len(sides) >= 2 and totals == [0, 0]:
        await _write(engine, sides)
        assert await _count(engine) == (before[0] + 1, before[1] + len(sides))
    else:
        with pytest.raises(IntegrityError, match=r"does not balance|fewer than two"):
            await _write(engine, sides)
        assert await _count(engine) == before


async def test_a_posting_added_later_must_not_unbalance_its_entry(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.ledger.post(_FINALIZED)
    with pytest.raises(IntegrityError, match="does not balance in USD"):
        async with engine.begin() as connection:
            await connection.execute(
                text("INSERT INTO postings SELECT id, 3, 'cash', 1, 'USD' FROM journal_entries")
            )


@pytest.mark.parametrize("table", ["journal_entries", "postings"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_the_journal_is_append_only(
    transaction: Transactions, engine: AsyncEngine, table: str, change: str
) -> None:
    async with transaction() as tx:
        await tx.ledger.post(_FINALIZED)
    column = {"journal_entries": "occurred_at = now()", "postings": "amount_minor = 0"}[table]
    with pytest.raises(DBAPIError, match="is append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(change.format(table, column)))
    assert await _count(engine) == (1, 2)


async def test_an_entry_in_two_currencies_balances_in_each(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    entry = JournalEntry(
        source_key="exchange:1",
        occurred_at=START,
        customer_id="cus_1",
        invoice_id=draft().id,
        postings=tuple(
            Posting(account=account, amount=Money(amount_minor=amount, currency=currency))
            for account, amount, currency in (
                (Account.CASH, 100, "USD"),
                (Account.RECEIVABLE, -100, "USD"),
                (Account.CASH, -90, "EUR"),
                (Account.RECEIVABLE, 90, "EUR"),
            )
        ),
    )
    async with transaction() as tx:
        await tx.ledger.post(entry)
    assert await _count(engine) == (1, 4)
