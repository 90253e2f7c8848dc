"""The free plan that dunning ends with, as it is on sale in the subscription's currency."""

from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.change import Changing, FindFallback
from adapters.db.engine import transactions, unit_of_work
from billing.catalog import Catalog, Product
from billing.currency_option import CurrencyOption
from billing.money import Money
from billing.price_model import PerUnit
from tests.adapters.db.company import START, TEAM, subscription, terms

_FREE = TEAM.model_copy(
    update={
        "id": "personal_free",
        "model": PerUnit(unit_amount_minor=Decimal(0)),
        "currency_options": {"EUR": CurrencyOption(model=PerUnit(unit_amount_minor=Decimal(0)))},
    }
)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    async with transactions(engine)() as tx:
        product = Product(id="team", name="Team", family="plan", free_fallback="personal_free")
        await tx.catalog.put_on_sale(Catalog(products=(product,), prices=(TEAM, _FREE)))


@pytest.mark.parametrize(("currency", "sold"), [("USD", "USD"), ("EUR", "EUR"), ("JPY", None)])
async def test_it_is_sold_in_the_subscription_s_currency_or_not_at_all(
    engine: AsyncEngine, currency: str, sold: str | None
) -> None:
    paid = terms().model_copy(
        update={
            "currency": currency,
            "period_amount": Money(amount_minor=8000, currency=currency),
            "free_fallback_price_id": "personal_free",
        }
    )
    state = subscription().model_copy(update={"terms": paid})
    found = await Changing(open_transaction=unit_of_work(engine)).find_fallback(
        FindFallback(state=state)
    )
    assert (None if found.terms is None else found.terms.currency) == sold
    assert found.terms is None or found.terms.period_amount == Money.zero(currency)


@pytest.mark.parametrize(("unit_minor", "sold"), [(0, "starter"), (900, None)])
async def test_what_replaces_it_is_sold_where_that_is_free(
    engine: AsyncEngine, unit_minor: int, sold: str | None
) -> None:
    model = PerUnit(unit_amount_minor=Decimal(unit_minor))
    starter = _FREE.model_copy(
        update={
            "id": "starter",
            "model": model,
            "currency_options": {"EUR": CurrencyOption(model=model)},
        }
    )
    async with transactions(engine)() as tx:
        product = Product(id="team", name="Team", family="plan")
        retired = {"personal_free": "starter"}
        await tx.catalog.put_on_sale(
            Catalog(products=(product,), prices=(TEAM, _FREE, starter), replacements=retired)
        )
    paid = terms().model_copy(update={"free_fallback_price_id": "personal_free"})
    found = await Changing(open_transaction=unit_of_work(engine)).find_fallback(
        FindFallback(state=subscription().model_copy(update={"terms": paid}))
    )
    assert (None if found.terms is None else found.terms.price_id) == sold


async def test_an_add_on_stays_on_its_parents_boundaries(engine: AsyncEngine) -> None:
    paid = terms().model_copy(
        update={"free_fallback_price_id": "personal_free", "anchored_at": START}
    )
    found = await Changing(open_transaction=unit_of_work(engine)).find_fallback(
        FindFallback(state=subscription().model_copy(update={"terms": paid}))
    )
    assert found.terms is not None
    assert found.terms.anchored_at == START
