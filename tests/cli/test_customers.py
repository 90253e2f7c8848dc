"""`perennial customers`: net terms are set and cleared, with a name and a reason."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import create_engine, reading
from adapters.db.queries import audit
from tests.adapters.db.company import open_shop
from tests.cli.terminal import Terminal


@pytest.fixture(autouse=True)
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A shop with one customer."""
    engine = create_engine(database_url)
    await open_shop(engine)
    yield engine
    await engine.dispose()


async def test_terms_are_set_shown_and_cleared(terminal: Terminal, engine: AsyncEngine) -> None:
    customers = ("customers", "set-net-terms", "cus_1")
    done = await terminal.perennial(*customers, "30", "--reason", "contract", "--actor", "bob")
    assert done.out == "cus_1: invoices are sent, and due 30 days later\n"
    assert (await terminal.perennial("customers", "show", "cus_1", "--json")).json["net_days"] == 30
    for refused in (
        (*customers, "366", "--reason", "long"),
        (*customers, "30", "--reason", " "),
        ("customers", "set-net-terms", "cus_9", "30", "--reason", "who?"),
    ):
        assert (await terminal.perennial(*refused)).code == 1
    await terminal.perennial("customers", "clear-net-terms", "cus_1", "--reason", "over")
    shown = (await terminal.perennial("customers", "show", "cus_1")).out
    assert "invoices are charged" in shown
    async with reading(engine) as connection:
        entries = await audit.of_subject(connection, "cus_1", limit=10)
    assert sorted((entry.actor.id, entry.reason) for entry in entries) == [
        ("ada", "over"),
        ("bob", "contract"),
    ]
