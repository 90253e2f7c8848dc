"""Price versions, as billing reads them."""

import pytest

from adapters.db.engine import Transactions
from billing.errors import NotFound
from tests.adapters.db.company import TEAM, open_shop


async def test_a_price_is_read_as_it_was_written(transaction: Transactions) -> None:
    engine = transaction.engine
    await open_shop(engine)
    async with transaction() as tx:
        price = await tx.prices.get(TEAM.id, 1)
        with pytest.raises(NotFound):
            await tx.prices.get(TEAM.id, 2)
    assert price == TEAM
    assert str(price.unit_amount_minor) == "1600"
