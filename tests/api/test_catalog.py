"""What is sold, as callers see it."""

from adapters.catalog_file import parse_catalog
from tests.api.shop import Shop

_CATALOG = b"""
products:
  - id: personal
    name: Personal
    family: plan
    prices:
      - {id: personal_free, amount: "0", currency: USD, interval: month}
  - id: team
    name: Team
    family: plan
    trial: {days: 14, without_payment_method: pause}
    proration: day_inclusive
    anchor: calendar
    pause: {mode: keep_anchor, max_days: 60}
    shorter_interval: true
    free_fallback: personal_free
    dispute_lost: keep
    entitlements:
      users: {limit: 2, unit: user, per_unit: true}
    dunning:
      retry_days: [2, 4]
      segments:
        enterprise: {retry_days: [30], final_action: unpaid}
    prices:
      - id: seats_monthly
        amount: "16.005"
        currency: USD
        currencies: {JPY: {amount: "2400", tax_inclusive: true}}
        interval: month
        unit: seat
"""


async def _put_on_sale(shop: Shop) -> None:
    async with shop.transactions() as tx:
        await tx.catalog.put_on_sale(parse_catalog(_CATALOG, source="catalog.yaml"))


async def test_products_are_shown_with_their_rules(idle_shop: Shop) -> None:
    await _put_on_sale(idle_shop)
    personal, team = (await idle_shop.read("/v1/products"))["data"]
    assert team == {
        "id": "team",
        "name": "Team",
        "family": "plan",
        "trial_days": 14,
        "trial_without_payment_method": "pause",
        "proration": "day_inclusive",
        "anchor": "calendar",
        "pause": {"mode": "keep_anchor", "max_days": 60},
        "shorter_interval": True,
        "free_fallback": "personal_free",
        "dunning": {
            "retry_days": [2, 4],
            "final_action": "downgrade_to_free",
            "segments": {"enterprise": {"retry_days": [30], "final_action": "unpaid"}},
        },
        "dispute_lost": "keep",
        "addon_to": None,
        "entitlements": [
            {
                "feature": "users",
                "limit": 2,
                "unlimited": False,
                "unit": "user",
                "per_unit": True,
                "combine": "highest",
            }
        ],
    }
    assert personal == {
        "id": "personal",
        "name": "Personal",
        "family": "plan",
        "trial_days": None,
        "trial_without_payment_method": None,
        "proration": "by_second",
        "anchor": "anniversary",
        "pause": None,
        "shorter_interval": False,
        "free_fallback": None,
        "dunning": {
            "retry_days": [3, 8, 15],
            "final_action": "downgrade_to_free",
            "segments": {},
        },
        "dispute_lost": "cancel",
        "addon_to": None,
        "entitlements": [],
    }


async def test_prices_are_shown_to_the_fraction_of_a_cent(idle_shop: Shop) -> None:
    await _put_on_sale(idle_shop)
    free, team = (await idle_shop.read("/v1/prices"))["data"]
    assert free["id"] == "personal_free"
    assert free["model"] == {"kind": "per_unit", "unit_amount_minor": "0"}
    assert team["model"] == {"kind": "per_unit", "unit_amount_minor": "1600.5"}
    assert team["unit_name"] == "seat"
    assert (await idle_shop.read("/v1/prices", product="team"))["data"] == [team]
    assert (await idle_shop.read("/v1/prices", currency="EUR"))["data"] == []


async def test_a_price_is_shown_with_all_of_its_currencies(idle_shop: Shop) -> None:
    await _put_on_sale(idle_shop)
    [team] = (await idle_shop.read("/v1/prices", currency="JPY"))["data"]
    assert (team["id"], team["currency"], team["tax_inclusive"]) == ("seats_monthly", "USD", False)
    assert team["currency_options"] == {
        "JPY": {
            "model": {"kind": "per_unit", "unit_amount_minor": "2400"},
            "minimum_amount_minor": None,
            "maximum_amount_minor": None,
            "tax_inclusive": True,
        }
    }
    in_dollars = (await idle_shop.read("/v1/prices", currency="USD"))["data"]
    assert [price["id"] for price in in_dollars] == ["personal_free", "seats_monthly"]
    assert in_dollars[0]["currency_options"] == {}
