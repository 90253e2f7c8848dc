"""What is sold when a subscription begins: by the product's rules, to this customer."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from adapters.catalog_file import parse_catalog
from adapters.db.engine import reading
from adapters.db.tables.subscription import subscriptions
from api.subscription_start import CheckedOrder, Order, check_order
from billing.dunning import FinalAction
from billing.errors import InvalidInput
from billing.period import Period
from billing.subscription import SubscriptionStatus, Terms
from tests.api.shop import Shop, problem

_CATALOG = b"""
products:
  - id: personal
    name: Personal
    family: plan
    prices:
      - {id: personal_free, amount: "0", currency: USD, interval: month, maximum_quantity: 1}
  - id: team
    name: Team
    family: plan
    pause: {mode: extend}
    free_fallback: personal_free
    dunning:
      segments:
        enterprise: {retry_days: [30], final_action: unpaid}
    prices:
      - id: seats_monthly
        amount: "16.00"
        currency: USD
        currencies: {JPY: {amount: "2400"}, EUR: {amount: "15.00"}}
        interval: month
        unit: seat
      - {id: team_kwd, amount: "5.25", currency: KWD, interval: month}
      - {id: team_bulk, amount: "0.251", currency: KWD, interval: month, minimum_quantity: 10}
  - id: domains
    name: Domains
    family: domains
    addon_to: plan
    prices:
      - id: domains_yearly
        amount: "90.00"
        currency: USD
        currencies: {JPY: {amount: "13500"}}
        interval: year
      - id: domains_monthly
        amount: "9.00"
        currency: USD
        currencies: {EUR: {amount: "8.00"}}
        interval: month
"""


async def _purchase(
    shop: Shop, price_id: str, quantity: int, *, currency: str | None = None, **customer: str
) -> CheckedOrder:
    async with shop.transactions() as tx:
        await tx.catalog.put_on_sale(parse_catalog(_CATALOG, source="catalog.yaml"))
    made = await shop.made("/v1/customers", {"email": "ada@example.com"} | customer)
    order = Order(
        subscription_id="sub_1",
        customer_id=made["id"],
        price_id=price_id,
        quantity=quantity,
        trial=None,
        currency=currency,
    )
    async with reading(shop.deps.engine) as connection:
        return await check_order(connection, order)


async def test_a_subscription_is_sold_by_the_rules_of_its_product(idle_shop: Shop) -> None:
    terms = (await _purchase(idle_shop, "seats_monthly", 5)).state.terms
    assert terms.pause is not None
    assert terms.free_fallback_price_id == "personal_free"
    assert terms.dunning.retry_days == (3, 8, 15)
    assert terms.dunning.final_action is FinalAction.DOWNGRADE_TO_FREE


async def test_a_customer_of_a_segment_is_dunned_by_its_ladder(idle_shop: Shop) -> None:
    bought = await _purchase(idle_shop, "seats_monthly", 5, segment="enterprise")
    assert bought.state.terms.dunning.retry_days == (30,)
    assert bought.state.terms.dunning.final_action is FinalAction.UNPAID


async def test_what_costs_nothing_is_bought_like_everything_else(idle_shop: Shop) -> None:
    terms = (await _purchase(idle_shop, "personal_free", 1)).state.terms
    assert terms.period_amount.amount_minor == 0
    assert terms.dunning.final_action is FinalAction.CANCEL


async def test_an_amount_that_no_gateway_takes_is_not_sold(idle_shop: Shop) -> None:
    bought = await _purchase(idle_shop, "team_kwd", 3)
    assert bought.state.terms.period_amount.amount_minor == 15_750
    with pytest.raises(InvalidInput) as refused:
        await _purchase(idle_shop, "team_bulk", 11)
    assert refused.value.code == "amount_not_chargeable"


async def test_the_buyer_says_in_which_of_its_currencies_a_price_is_bought(
    idle_shop: Shop,
) -> None:
    for currency, costs in ((None, "USD 80.00"), ("EUR", "EUR 75.00"), ("JPY", "JPY 12,000")):
        bought = await _purchase(idle_shop, "seats_monthly", 5, currency=currency)
        assert str(bought.state.terms.period_amount) == costs
        assert bought.price.currency == bought.state.terms.currency
        assert str(await bought.due_now(idle_shop.deps)) == costs


async def test_a_currency_that_the_price_does_not_have_is_refused(idle_shop: Shop) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _purchase(idle_shop, "seats_monthly", 5, currency="KWD")
    assert refused.value.code == "currency_not_sold"
    customer = await idle_shop.customer()
    for path, body in (
        ("/v1/subscriptions", {}),
        (
            "/v1/checkout/sessions",
            {"success_url": "https://a.test", "cancel_url": "https://b.test"},
        ),
    ):
        order = {"customer": customer, "price": "seats_monthly", "currency": "KWD", **body}
        answer = problem(await idle_shop.post(path, order), 422, "currency_not_sold")
        assert answer["currencies"] == "USD, EUR, JPY"
        order["currency"] = "yen"
        problem(await idle_shop.post(path, order), 422, "unknown_currency")


async def _bought_beside(shop: Shop, price_id: str) -> Terms:
    """An add-on of a customer whose plan is paid in yen."""
    plan = (await _purchase(shop, "seats_monthly", 5, currency="JPY")).state
    begins = plan.created_at
    running = plan.model_copy(
        update={
            "subscription_id": "sub_plan",
            "status": SubscriptionStatus.ACTIVE,
            "anchor_at": begins,
            "period_number": 0,
            "period": Period(start=begins, end=begins + timedelta(days=28)),
        }
    )
    async with shop.transactions() as tx:
        await tx.subscriptions.save(running)
        await tx.subscriptions.claim(running, with_trial=False)
    order = Order(
        subscription_id="sub_1",
        customer_id=plan.customer_id,
        price_id=price_id,
        quantity=1,
        trial=None,
    )
    async with reading(shop.deps.engine) as connection:
        return (await check_order(connection, order)).state.terms


async def test_an_addon_is_paid_in_its_parents_currency(idle_shop: Shop) -> None:
    terms = await _bought_beside(idle_shop, "domains_yearly")
    assert str(terms.period_amount) == "JPY 13,500"


async def test_an_addon_that_is_not_sold_in_its_parents_currency_is_refused_until_one_is_said(
    idle_shop: Shop,
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _bought_beside(idle_shop, "domains_monthly")
    assert (refused.value.code, refused.value.details) == (
        "currency_not_sold",
        {"currencies": "USD, EUR"},
    )
    assert "not in JPY, as the subscription that it belongs to is" in refused.value.message
    async with reading(idle_shop.deps.engine) as connection:
        [plan] = await connection.execute(select(subscriptions.c.customer_id))
        order = Order(
            subscription_id="sub_1",
            customer_id=plan.customer_id,
            price_id="domains_monthly",
            quantity=1,
            trial=None,
            currency="EUR",
        )
        assert str((await check_order(connection, order)).state.terms.period_amount) == "EUR 8.00"
