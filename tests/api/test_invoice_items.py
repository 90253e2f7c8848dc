"""One-off charges over HTTP, and through a renewal."""

from decimal import Decimal

import pytest

from billing.catalog import Catalog, Product
from billing.currency_option import CurrencyOption
from billing.discount import Coupon, CouponDuration
from billing.price import Price
from billing.price_model import PerUnit
from tests.api.shop import CATALOG, Shop, problem

_SESSION = Price(
    id="onboarding_session",
    product_id="onboarding",
    currency="USD",
    model=PerUnit(unit_amount_minor=Decimal(25_000)),
    interval=None,
    unit_name="session",
    maximum_quantity=10,
    currency_options={"JPY": CurrencyOption(model=PerUnit(unit_amount_minor=Decimal(38_000)))},
)


_HELP = Coupon(
    id="HELP",
    name="Help",
    percent=Decimal(50),
    duration=CouponDuration.ONCE,
    products=("onboarding",),
)


_TWICE = Coupon(
    id="TWICE",
    name="Half of two",
    percent=Decimal(50),
    duration=CouponDuration.REPEATING,
    invoices=2,
)


@pytest.fixture
def catalog() -> Catalog:
    """The shop's, and something that is sold once."""
    onboarding = Product(id="onboarding", name="Onboarding", family="onboarding")
    return CATALOG.model_copy(
        update={
            "products": (*CATALOG.products, onboarding),
            "prices": (*CATALOG.prices, _SESSION),
            "coupons": (_HELP, _TWICE),
        }
    )


def _setup(subscription: str, **other: object) -> dict[str, object]:
    return {
        "subscription": subscription,
        "description": "Setup",
        "unit_amount_minor": 2_500,
        "currency": "USD",
        **other,
    }


async def test_a_charge_waits_for_the_next_invoice_and_is_on_it_once(shop: Shop) -> None:
    clock = await shop.clock("2026-01-31T09:30:00Z")
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    made = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "team_monthly", "trial": False}
    )
    path = f"/v1/customers/{customer}/invoice_items"
    item = await shop.made(path, _setup(made["id"], quantity=2), key="once")
    await shop.forget_answers()
    assert await shop.made(path, _setup(made["id"], quantity=2), key="once") == item
    assert (item["status"], item["amount"]["text"]) == ("pending", "USD 50.00")
    dropped = await shop.made(path, _setup(made["id"]))
    dropped = await shop.made(f"{path}/{dropped['id']}/cancel", {"reason": "a mistake"})
    assert dropped["status"] == "canceled"

    upcoming = await shop.read(f"/v1/subscriptions/{made['id']}/upcoming_invoice")
    assert upcoming["total"]["text"] == "USD 66.00"
    await shop.advance(clock, "2026-03-31T09:30:00Z")
    found = (await shop.read(path))["data"]
    taken = next(each for each in found if each["id"] == item["id"])
    assert sorted(each["status"] for each in found) == ["canceled", "invoiced"]
    invoice = await shop.read(f"/v1/invoices/{taken['invoice']}")
    assert (invoice["total"]["text"], invoice["status"]) == ("USD 66.00", "paid")
    assert [line["invoice_item"] for line in invoice["lines"]] == [None, item["id"]]
    totals = [each["total"]["text"] for each in (await shop.read("/v1/invoices"))["data"]]
    assert sorted(totals) == ["USD 16.00", "USD 16.00", "USD 66.00"]
    refused = await shop.post(f"{path}/{item['id']}/cancel", {})
    problem(refused, 409, "invoice_item_not_pending")

    await shop.made(f"/v1/subscriptions/{made['id']}/cancel", {})
    problem(await shop.post(path, _setup(made["id"])), 409, "no_next_invoice")


async def test_a_charge_now_is_an_invoice_of_its_own_and_dunned_as_any_other(shop: Shop) -> None:
    clock = await shop.clock("2026-01-31T09:30:00Z")
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    made = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "team_monthly", "trial": False}
    )
    path, now = f"/v1/customers/{customer}/invoice_items", {"when": "now"}
    item = await shop.made(path, _setup(made["id"], **now), key="once")
    await shop.forget_answers()
    assert await shop.made(path, _setup(made["id"], **now), key="once") == item
    assert item["status"] == "invoiced"
    invoice = f"/v1/invoices/{item['invoice']}"
    await shop.until(invoice, "status", "paid")
    assert (await shop.read(invoice))["total"]["text"] == "USD 25.00"
    cents = await shop.made(path, _setup(made["id"], unit_amount_minor=30, **now))
    assert (await shop.read(f"/v1/invoices/{cents['invoice']}"))["total"]["text"] == "USD 0.00"

    await shop.made(
        f"/v1/customers/{customer}/payment_methods",
        {"payment_method": "pm_card_chargeCustomerFail", "make_default": True},
    )
    await shop.made(path, _setup(made["id"], **now))
    await shop.until(f"/v1/subscriptions/{made['id']}", "status", "past_due")
    refused = await shop.post(path, _setup(made["id"], **now))
    problem(refused, 409, "command_not_allowed")
    await shop.made(
        f"/v1/customers/{customer}/payment_methods",
        {"payment_method": "pm_card_visa", "make_default": True},
    )
    await shop.until(f"/v1/subscriptions/{made['id']}", "status", "active")
    await shop.advance(clock, "2026-02-28T09:30:00Z")
    totals = [each["total"]["text"] for each in (await shop.read("/v1/invoices"))["data"]]
    assert sorted(totals) == ["USD 0.00", "USD 16.00", "USD 16.30", "USD 25.00", "USD 25.00"]


async def test_a_coupon_discounts_what_is_charged_now_and_what_waits(shop: Shop) -> None:
    clock = await shop.clock("2026-01-31T09:30:00Z")
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    order = {"customer": customer, "price": "team_monthly", "trial": False, "coupons": ["TWICE"]}
    made = await shop.made("/v1/subscriptions", order)
    path = f"/v1/customers/{customer}/invoice_items"
    full = await shop.made(path, _setup(made["id"], discountable=False))
    assert full["discountable"] is False
    await shop.made(path, _setup(made["id"]))
    upcoming = await shop.read(f"/v1/subscriptions/{made['id']}/upcoming_invoice")
    assert upcoming["total"]["text"] == "USD 45.50"
    previewed = await shop.post(f"{path}/preview", _setup(made["id"]))
    assert previewed.status_code == 200, previewed.text
    assert previewed.json()["total"]["text"] == "USD 58.00"
    previewed = await shop.post(f"{path}/preview", _setup(made["id"], when="now"))
    assert previewed.json()["amount_due"]["text"] == "USD 12.50"
    assert await shop.read(f"/v1/subscriptions/{made['id']}/upcoming_invoice") == upcoming
    now = await shop.made(path, _setup(made["id"], when="now"))
    await shop.until(f"/v1/invoices/{now['invoice']}", "status", "paid")
    invoice = await shop.read(f"/v1/invoices/{now['invoice']}")
    assert (invoice["total"]["text"], invoice["discounts"][0]["coupon"]) == ("USD 12.50", "TWICE")
    [discount] = (await shop.read(f"/v1/subscriptions/{made['id']}"))["discounts"]
    assert discount["used_up"]
    upcoming = await shop.read(f"/v1/subscriptions/{made['id']}/upcoming_invoice")
    assert upcoming["total"]["text"] == "USD 66.00"


async def test_what_cannot_be_charged_is_refused(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    made = await shop.made("/v1/subscriptions", {"customer": customer, "price": "team_monthly"})
    path = f"/v1/customers/{customer}/invoice_items"
    empty = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}
    for body, code in (
        (_setup("sub_unknown"), "subscription_not_found"),
        (_setup(made["id"], currency="EUR"), "currency_mismatch"),
        (_setup(made["id"], quantity=1_000_000), "amount_too_large"),
        (_setup(made["id"], period=empty), "period_empty"),
    ):
        problem(await shop.post(path, body), 422, code)
        problem(await shop.post(f"{path}/preview", body), 422, code)
    refused = await shop.post(f"{path}/preview", _setup(made["id"], when="now"))
    problem(refused, 409, "command_not_allowed")
    other = f"/v1/customers/{await shop.customer()}/invoice_items"
    problem(await shop.post(other, _setup(made["id"])), 422, "subscription_not_found")
    problem(await shop.post(f"{path}/ii_unknown/cancel", {}), 404, "invoice_item_not_found")


async def test_one_off_prices_are_sold_with_a_subscription_and_later(shop: Shop) -> None:
    clock = await shop.clock("2026-01-31T09:30:00Z")
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    order = {"customer": customer, "price": "team_monthly", "trial": False}
    added = {"add_invoice_items": [{"price": "onboarding_session", "quantity": 2}]}
    made = await shop.made("/v1/subscriptions", order | added, key="once")
    await shop.forget_answers()
    assert await shop.made("/v1/subscriptions", order | added, key="once") == made
    [first] = (await shop.read("/v1/invoices"))["data"]
    assert (first["total"]["text"], first["status"]) == ("USD 516.00", "paid")
    team, sessions = first["lines"]
    assert (team["price"], sessions["price"]) == ("team_monthly", "onboarding_session")
    assert sessions["description"] == "Onboarding, 2 sessions"
    assert sessions["explanation"] == "2 sessions at $250.00 = $500.00"

    path = f"/v1/customers/{customer}/invoice_items"
    [known] = (await shop.read(path))["data"]
    assert (known["status"], known["invoice"]) == ("invoiced", first["id"])
    session = {"subscription": made["id"], "price": "onboarding_session"}
    later = await shop.made(path, session | {"description": "Another session"})
    assert (later["price"], later["amount"]["text"]) == ("onboarding_session", "USD 250.00")
    upcoming = await shop.read(f"/v1/subscriptions/{made['id']}/upcoming_invoice")
    assert upcoming["total"]["text"] == "USD 266.00"
    at_once = await shop.made(path, session | {"when": "now"})
    await shop.until(f"/v1/invoices/{at_once['invoice']}", "status", "paid")
    await shop.advance(clock, "2026-02-28T09:30:00Z")
    totals = [each["total"]["text"] for each in (await shop.read("/v1/invoices"))["data"]]
    assert sorted(totals) == ["USD 250.00", "USD 266.00", "USD 516.00"]
    assert (await shop.read("/v1/reports/ledger"))["balanced"]

    for body, code in (
        (session | {"price": "assistant_monthly"}, "price_recurring"),
        (session | {"price": "unknown"}, "price_not_found"),
        (session | {"quantity": 11}, "quantity_out_of_range"),
        (session | {"unit_amount_minor": 100}, "amount_given_with_price"),
        ({"subscription": made["id"], "description": "Help"}, "item_incomplete"),
    ):
        problem(await shop.post(path, body), 422, code)


async def test_an_order_is_refused_where_a_part_of_it_is_not_sold_so(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    session = {"price": "onboarding_session"}
    for body, code in (
        ({"price": "onboarding_session"}, "price_not_recurring"),
        ({"add_invoice_items": [{"price": "assistant_monthly"}]}, "price_recurring"),
        ({"add_invoice_items": [{"price": "unknown"}]}, "price_not_found"),
        ({"price": "pro_yearly", "add_invoice_items": [session]}, "currency_not_sold"),
        ({"add_invoice_items": [session | {"quantity": 11}]}, "quantity_out_of_range"),
        ({"add_invoice_items": [session] * 11}, "list_length_out_of_range"),
        ({"coupons": ["HELP"]}, "coupon_not_applicable"),
    ):
        order = {"customer": customer, "price": "team_monthly"} | body
        problem(await idle_shop.post("/v1/subscriptions", order), 422, code)


async def test_a_checkout_says_what_is_charged_with_what_is_added(shop: Shop) -> None:
    customer = await shop.customer()
    added = [{"price": "onboarding_session"}]
    order = {
        "customer": customer,
        "price": "assistant_monthly",
        "add_invoice_items": added,
        "coupons": ["HELP"],
        "success_url": "https://a.test",
        "cancel_url": "https://b.test",
    }
    session = await shop.made("/v1/checkout/sessions", order)
    assert session["amount_due_now"]["text"] == "JPY 21,000"
    assert await shop.read(f"/v1/checkout/sessions/{session['id']}") == session
