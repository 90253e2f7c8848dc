"""Quotes: a previewed price, to be had for ten minutes (policy P14)."""

from decimal import Decimal

import pytest

from billing.catalog import Catalog
from billing.price_model import PerUnit
from tests.api.changes.subscriber import subscribed
from tests.api.shop import Shop, problem

APRIL = "2026-04-01T00:00:00Z"
UPGRADE_AT = "2026-04-16T13:37:11Z"
LAST_SECOND = "2026-04-16T13:47:10Z"
TOO_LATE = "2026-04-16T13:47:11Z"


async def test_a_quote_is_executed_at_its_price_until_the_last_second(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    await ada.live_until(UPGRADE_AT)
    preview = await ada.preview(price="business_monthly")
    assert [line["amount"]["text"] for line in preview["lines"]] == ["USD -76.97", "USD 115.46"]
    assert preview["quote_expires_at"] == TOO_LATE
    await ada.live_until(LAST_SECOND)
    later = await ada.preview(price="business_monthly")
    assert later["lines"] != preview["lines"]
    change = await ada.change(quote=preview["quote"])
    assert change["result"] == "applied"
    invoice = (await ada.invoices())[-1]
    assert invoice["lines"] == preview["lines"]
    assert invoice["amount_paid"] == preview["amount_due"]


async def test_a_quote_is_executed_whatever_was_published_since(
    shop: Shop, catalog: Catalog
) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    bob = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    quotes = [await each.preview(price="business_monthly") for each in (ada, bob)]
    dearer = PerUnit(unit_amount_minor=Decimal(9_900))
    changes = {"model": dearer, "version": 2, "currency_options": {}}
    prices = [
        price.model_copy(update=changes) if price.id == "business_monthly" else price
        for price in catalog.prices
    ]
    second = catalog.model_copy(update={"prices": tuple(prices)})
    retired = second.model_copy(update={"replacements": {"business_monthly": "business_annual"}})
    for customer, preview, published in zip((ada, bob), quotes, (second, retired), strict=True):
        async with shop.transactions() as tx:
            await tx.catalog.put_on_sale(published)
        change = await customer.change(quote=preview["quote"])
        assert change["subscription"]["price_version"] == 1
        assert (await customer.invoices())[-1]["lines"] == preview["lines"]


async def test_a_quote_of_ten_minutes_ago_is_expired(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    await ada.live_until(UPGRADE_AT)
    preview = await ada.preview(price="business_monthly")
    await ada.live_until(TOO_LATE)
    problem(await ada.command("change", {"quote": preview["quote"]}), 409, "quote_expired")
    assert await ada.charged() == ["USD 160.00"]


async def test_a_quote_is_executed_once(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    quote = (await ada.preview(quantity_change=2))["quote"]
    first = await ada.done("change", {"quote": quote}, key="execute")
    problem(await ada.command("change", {"quote": quote}), 409, "quote_expired")
    await shop.forget_answers()
    await ada.live_until("2026-04-02T00:00:00Z")
    again = await ada.done("change", {"quote": quote}, key="execute")
    assert (again["id"], again["result"]) == (first["id"], "applied")
    assert await ada.charged() == ["USD 160.00", "USD 32.00"]


async def test_a_quote_of_a_live_customer_is_executed_right_away(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    made = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "pro_monthly", "trial": False}
    )
    path = f"/v1/subscriptions/{made['id']}"
    preview = await shop.made(f"{path}/change/preview", {"price": "pro_annual"})
    assert preview["kind"] == "upgrade"
    change = await shop.made(f"{path}/change", {"quote": preview["quote"]})
    assert change["subscription"]["price"] == "pro_annual"
    invoice = await shop.read(f"/v1/invoices/{change['invoice']}")
    assert (invoice["lines"], invoice["total"]) == (preview["lines"], preview["total"])


async def test_a_decrease_is_quoted_too(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    preview = await ada.preview(quantity=8)
    assert (preview["kind"], preview["total"]["amount_minor"]) == ("decrease", 0)
    assert preview["effective_at"] == preview["next_renewal"]["at"] == "2026-05-01T00:00:00Z"
    assert preview["next_renewal"]["amount"]["text"] == "USD 128.00"
    change = await ada.change(quote=preview["quote"])
    assert (change["result"], change["subscription"]["quantity"]) == ("scheduled", 10)
    await ada.live_until("2026-05-01T00:00:00Z")
    assert (await ada.read())["quantity"] == 8
    assert await ada.charged() == ["USD 160.00", "USD 128.00"]


async def test_a_quote_that_somebody_touched_is_none_of_ours(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    bob = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    quote: str = (await ada.preview(quantity=12))["quote"]
    said, signature = quote.split(".")
    for position in (0, len(said) // 2, len(said) - 1):
        other = "A" if said[position] != "A" else "B"
        touched = said[:position] + other + said[position + 1 :]
        answer = await ada.command("change", {"quote": f"{touched}.{signature}"})
        problem(answer, 422, "quote_invalid")
    problem(await bob.command("change", {"quote": quote}), 422, "quote_invalid")
    assert (await ada.read())["quantity"] == (await bob.read())["quantity"] == 10


async def test_garbage_is_no_quote(idle_shop: Shop, subtests: pytest.Subtests) -> None:
    for token in (
        "x",
        ".",
        "a.b",
        "é.é",
        "a" * 2_000,
        "a.b.c",
        "=.=",
        "\t",
    ):
        with subtests.test(token=token):
            answer = await idle_shop.post("/v1/subscriptions/sub_1/change", {"quote": token})
            problem(answer, 422, "quote_invalid")


async def test_a_quote_says_everything_itself(idle_shop: Shop) -> None:
    answer = await idle_shop.post(
        "/v1/subscriptions/sub_1/change", {"quote": "a.b", "quantity_change": 1}
    )
    problem(answer, 422, "quote_given_with_change")
