"""`perennial reports`: the books as CSV and JSON, from the database."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import create_engine, transactions
from tests.adapters.db.company import draft, open_shop, subscribe
from tests.cli.terminal import Terminal


@pytest.fixture(autouse=True)
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A shop with one open invoice of USD 80.00, from 31 January to 28 February."""
    engine = create_engine(database_url)
    await open_shop(engine)
    await subscribe(engine)
    async with transactions(engine)() as tx:
        await tx.invoices.finalize(draft(0))
    yield engine
    await engine.dispose()


async def test_reports_are_tables_of_the_books(terminal: Terminal) -> None:
    said = await terminal.perennial("reports", "revenue", "--from", "2026-01", "--to", "2026-03")
    assert said.out.split() == [
        "month,currency,invoiced,recognised,deferred,accrued",
        "2026-01,USD,80.00,2.86,77.14,0.00",
        "2026-02,USD,0.00,77.14,0.00,0.00",
    ]
    said = await terminal.perennial("reports", "tax", "--from", "2026-01", "--to", "2026-03")
    assert said.out.split() == [
        (
            "jurisdiction,name,rate,reason,currency,invoiced,invoiced_tax,credited,credited_tax,net,"
            "tax,category"
        )
    ]
    said = await terminal.perennial("reports", "receivables", "--as-of", "2026-03-05")
    assert said.out.split()[1].startswith("cus_1,,c1@example.com,USD,0.00,0.00,80.00")
    wrong = await terminal.perennial("reports", "revenue", "--from", "January", "--to", "2026-03")
    assert wrong.code == 1
    assert "2026-01" in wrong.err + wrong.out
