"""An engine on a database of the test's own."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, create_engine, transactions


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Closed at the end: a database with open connections could not be dropped quietly."""
    engine = create_engine(database_url, pool_size=5)
    yield engine
    await engine.dispose()


@pytest.fixture
def transaction(engine: AsyncEngine) -> Transactions:
    """Opens transactions on the test's database."""
    return transactions(engine)
