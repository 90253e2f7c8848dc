"""Price versions, as billing reads them."""

from decimal import Decimal

import pytest

from adapters.db.engine import Transactions
from billing.catalog import Catalog, Product
from billing.currency_option import CurrencyOption
from billing.errors import InvalidInput, NotFound
from billing.offer import Offer
from billing.price_model import PerUnit
from tests.adapters.db.company import TEAM, open_shop, terms


async def test_a_price_is_read_as_it_was_written(transaction: Transactions) -> None:
    engine = transaction.engine
    await open_shop(engine)
    async with transaction() as tx:
        price = await tx.prices.of(terms())
        with pytest.raises(NotFound):
            await tx.prices.of(terms().model_copy(update={"price_version": 2}))
    assert price == TEAM


async def test_what_was_sold_is_read_in_the_currency_that_it_was_sold_in(
    transaction: Transactions,
) -> None:
    yen = CurrencyOption(model=PerUnit(unit_amount_minor=Decimal("2400.5")), tax_inclusive=True)
    sold = TEAM.model_copy(update={"currency_options": {"JPY": yen}})
    async with transaction() as tx:
        await tx.catalog.put_on_sale(
            Catalog(products=(Product(id="team", name="Team", family="plan"),), prices=(sold,))
        )
    async with transaction() as tx:
        assert (await tx.prices.offer(TEAM.id)).price == sold
        assert await tx.prices.of(terms()) == TEAM
        bought = await tx.prices.of(terms().model_copy(update={"currency": "JPY"}))
    assert (bought.currency, bought.model, bought.tax_inclusive) == ("JPY", yen.model, True)


async def test_what_is_on_sale_is_offered_with_its_product(transaction: Transactions) -> None:
    await open_shop(transaction.engine)
    async with transaction() as tx:
        offer = await tx.prices.offer(TEAM.id)
        with pytest.raises(InvalidInput) as refused:
            await tx.prices.offer("unknown")
    assert refused.value.code == "price_not_found"
    assert offer == Offer(product=Product(id="team", name="Team", family="plan"), price=TEAM)


async def test_what_is_sold_once_is_read_without_an_interval(transaction: Transactions) -> None:
    once = TEAM.model_copy(update={"id": "onboarding_session", "interval": None})
    async with transaction() as tx:
        await tx.catalog.put_on_sale(
            Catalog(products=(Product(id="team", name="Team", family="plan"),), prices=(once,))
        )
    async with transaction() as tx:
        assert (await tx.prices.offer(once.id)).price == once


async def test_a_price_that_is_replaced_is_refused_with_what_is_sold_instead(
    transaction: Transactions,
) -> None:
    prices = [TEAM.model_copy(update={"id": id_}) for id_ in ("a1", "b2", "c3")]
    catalog = Catalog(
        products=(Product(id="team", name="Team", family="plan"),),
        prices=tuple(prices),
        replacements={"a1": "b2", "b2": "c3"},
    )
    async with transaction() as tx:
        await tx.catalog.put_on_sale(catalog)
    async with transaction() as tx:
        with pytest.raises(InvalidInput) as refused:
            await tx.prices.offer("a1")
    assert refused.value.code == "price_retired"
    assert refused.value.details == {"price": "a1", "replaced_by": "c3"}
