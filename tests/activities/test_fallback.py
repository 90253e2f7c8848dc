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
from tests.adapters.db.company import TEAM, subscription, terms

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
