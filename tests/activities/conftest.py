"""A till for each test, on a database of its own."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.activities.till import Till
from tests.adapters.db.conftest import engine

__all__ = ["engine"]


@pytest.fixture
async def till(engine: AsyncEngine) -> Till:
    """Open, with one customer who has no payment method yet."""
    till = Till(engine)
    await till.open()
    return till
