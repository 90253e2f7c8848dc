"""Price versions, as billing reads them."""

import pytest

from adapters.db.engine import Transactions
from billing.catalog import Product
from billing.errors import InvalidInput, NotFound
from billing.offer import Offer
from tests.adapters.db.company import TEAM, open_shop


async def test_a_price_is_read_as_it_was_written(transaction: Transactions) -> None:
    engine = transaction.engine
    await open_shop(engine)
    async with transaction() as tx:
        price = await tx.prices.get(TEAM.id, 1)
        with pytest.raises(NotFound):
            await tx.prices.get(TEAM.id, 2)
    assert price == TEAM


async def test_what_is_on_sale_is_offered_with_its_product(transaction: Transactions) -> None:
    await open_shop(transaction.engine)
    async with transaction() as tx:
        offer = await tx.prices.offer(TEAM.id)
        with pytest.raises(InvalidInput) as refused:
            await tx.prices.offer("unknown")
    assert refused.value.code == "price_not_found"
    assert offer == Offer(product=Product(id="team", name="Team", family="plan"), price=TEAM)
