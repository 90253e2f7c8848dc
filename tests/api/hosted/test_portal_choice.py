"""Which plans a customer is offered in the portal."""

import pytest

from adapters.db.queries.customers import Customer
from api.hosted.portal.account import Holding
from api.hosted.portal.choice import OnSale
from tests.billing.running import YEAR, Running, at, offer

_NOW = at("2026-04-11")
_SETUP = offer("setup", 5000)
_ONCE = _SETUP.model_copy(update={"price": _SETUP.price.model_copy(update={"interval": None})})
_PLANS = (
    offer("team", 1600, also={"EUR": 1500}),
    offer("business", 2400, also={"EUR": 2300}),
    offer("yearly", 18000, interval=YEAR, also={"JPY": 24000}),
    offer("personal", 1100),
    _ONCE,
)
_ADA = Customer(
    id="cus_1",
    email="ada@example.com",
    name=None,
    metadata={},
    currency=None,
    segment=None,
    address=None,
    vat_id=None,
    tax_exempt=False,
    test_clock_id=None,
    stripe_customer_id=None,
    default_payment_method_id=None,
    created_at=_NOW,
    deleted_at=None,
)


@pytest.mark.parametrize(
    ("currency", "offered"),
    [
        (
            "USD",
            [
                "$16.00 per seat, every month",
                "$11.00 per seat, every month",
                "$24.00 per seat, every month",
                "$180.00 per seat, every year",
            ],
        ),
        ("EUR", ["€15.00 per seat, every month", "€23.00 per seat, every month"]),
    ],
)
def test_plans_are_offered_in_the_subscription_s_currency_alone(
    currency: str, offered: list[str]
) -> None:
    running = Running(*_PLANS, start=at("2026-04-01"), currency=currency)
    running.until(_NOW)
    price = running.price_of(running.state.terms)
    holding = Holding(state=running.state, price=price, planned_price=None, now=_NOW)
    options = OnSale(offers=_PLANS).options(_ADA, holding)
    assert [option.costs for option in options] == offered
