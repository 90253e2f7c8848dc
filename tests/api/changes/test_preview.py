"""Previews: what a change would charge is what it charges (policy P14)."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.changes.subscriber import Json, Subscriber, stored_subscriber, subscribed
from tests.api.shop import Shop, problem

APRIL = "2026-04-01T00:00:00Z"
_START = datetime(2026, 4, 1, tzinfo=UTC)
_STEPS = 6


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_previewed_is_charged_to_the_cent(shop: Shop, seed: int) -> None:
    """A life of changes at any instants: each by its quote or anew, and its invoice the same."""
    chance = random.Random(seed)  # noqa: S311 - a figure to be had again, no secret
    ada = await subscribed(shop, "team_monthly", seats=chance.randint(1, 50), at=APRIL)
    now, charged = _START, 0
    for _ in range(_STEPS):
        now += timedelta(seconds=chance.randint(1, 20 * 86_400))
        await ada.live_until(now.isoformat())
        charged += await _changed(ada, _wish(chance, await ada.read()), chance)
    of_changes = [invoice for invoice in await ada.invoices() if invoice["change"] is not None]
    assert charged == sum(invoice["amount_paid"]["amount_minor"] for invoice in of_changes) > 0
    assert await ada.books_balance()


def _wish(chance: random.Random, subscription: Json) -> dict[str, str | int]:
    seats = chance.randint(1, 60)
    if seats <= subscription["quantity"] and chance.random() < 0.5:
        seats = subscription["quantity"] + chance.randint(1, 20)
    dearer = ["business_monthly", "team_annual", "business_annual"]
    return {"price": chance.choice([subscription["price"], *dearer]), "quantity": seats}


async def _changed(ada: Subscriber, wish: dict[str, str | int], chance: random.Random) -> int:
    """Makes the change where it is possible; returns what it charged."""
    answer = await ada.command("change/preview", wish)
    refused = await ada.command("change", wish) if answer.status_code != 200 else None
    if refused is not None:
        problem(refused, answer.status_code, answer.json()["code"])
        return 0
    preview = answer.json()
    by_quote = chance.random() < 0.5
    change = await ada.change(**({"quote": preview["quote"]} if by_quote else wish))
    if change["result"] == "scheduled":
        assert change["subscription"]["pending_change"]["at"] == preview["effective_at"]
        assert preview["lines"] == []
        await ada.done("undo_change")
        return 0
    return await _as_previewed(ada, change, preview)


async def _as_previewed(ada: Subscriber, change: Json, preview: Json) -> int:
    subscription = change["subscription"]
    assert subscription["current_period"] == preview["current_period"]
    assert {name: subscription[name] for name in preview["terms"]} == preview["terms"]
    invoice = await ada.shop.read(f"/v1/invoices/{change['invoice']}")
    assert invoice["lines"][: len(preview["lines"])] == preview["lines"]
    assert invoice["amount_paid"] == preview["amount_due"]
    assert invoice["from_balance"] == preview["from_balance"]
    parts = {name: preview[name]["amount_minor"] for name in _PARTS}
    assert parts["total"] == (
        parts["amount_due"] + parts["from_balance"] + parts["carried_over"] - parts["to_balance"]
    )
    renewal = preview["next_renewal"]
    [planned] = [a for a in subscription["next_actions"] if a["kind"] == "renew"]
    assert planned["at"] == renewal["at"]
    return int(preview["amount_due"]["amount_minor"])


_PARTS = ("total", "amount_due", "from_balance", "to_balance", "carried_over")


async def test_balance_pays_for_the_next_change(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=50, at=APRIL)
    await ada.live_until("2026-04-16T00:00:00Z")
    [first] = await ada.invoices()
    asked = {"reason": "an outage", "to": "balance", "amount_minor": 10_000}
    await shop.made(f"/v1/invoices/{first['id']}/refund", asked)
    more = await ada.preview(price="business_monthly")
    assert [line["amount"]["text"] for line in more["lines"]] == ["USD -400.00", "USD 600.00"]
    assert (more["from_balance"]["text"], more["amount_due"]["text"]) == (
        "USD 100.00",
        "USD 100.00",
    )
    paid = await shop.read(f"/v1/invoices/{(await ada.change(quote=more['quote']))['invoice']}")
    assert (paid["from_balance"], paid["amount_paid"]) == (more["from_balance"], more["amount_due"])
    assert await ada.books_balance()


async def test_a_smaller_plan_for_a_year_is_no_way_to_be_paid_out(shop: Shop) -> None:
    """Policy P12: it waits for the month's end, however large what is unused of the month is."""
    ada = await subscribed(shop, "business_monthly", seats=100, at=APRIL)
    preview = await ada.preview(price="team_annual", quantity=1)
    assert (preview["kind"], preview["lines"]) == ("decrease", [])
    assert (await ada.change(quote=preview["quote"]))["result"] == "scheduled"
    assert (await shop.read(f"/v1/customers/{ada.customer}/balance"))["balances"] == []


async def test_what_is_too_little_to_collect_comes_on_the_next_invoice(shop: Shop) -> None:
    """Policy P5: a minute of one more seat costs less than can be charged."""
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    await ada.live_until("2026-04-30T23:00:00Z")
    preview = await ada.preview(quantity=11)
    assert preview["total"] == preview["carried_over"]
    assert (preview["total"]["text"], preview["amount_due"]["text"]) == ("USD 0.02", "USD 0.00")
    assert preview["next_renewal"]["amount"]["text"] == "USD 176.02"
    assert preview["lines"][0]["explanation"] == (
        "11 seats at $16.00 = $176.00; less $160.00 for the 10 seats so far;"
        " for 0.14% of the period: $0.02"
    )
    change = await ada.change(quote=preview["quote"])
    assert (change["result"], change["subscription"]["quantity"]) == ("applied", 11)
    await ada.live_until("2026-05-01T00:00:00Z")
    assert await ada.charged() == ["USD 160.00", "USD 0.00", "USD 176.02"]
    assert await ada.books_balance()


async def test_what_cannot_be_changed_is_refused_as_the_change_is(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    for wish, status, code in (
        ({}, 422, "nothing_changes"),
        ({"quantity": 10}, 422, "nothing_changes"),
        ({"quantity_change": 0}, 422, "nothing_changes"),
        ({"quantity": 11, "quantity_change": 1}, 422, "quantity_given_twice"),
        ({"quantity_change": -10}, 422, "quantity_out_of_range"),
        ({"quantity_change": 1_000_000}, 422, "quantity_out_of_range"),
        ({"price": "pro_monthly", "quantity": 2}, 422, "quantity_out_of_range"),
        ({"quantity": 900_000}, 422, "amount_too_large"),
        ({"price": "unknown"}, 422, "price_not_found"),
        ({"price": "assistant_plus_monthly", "quantity": 1}, 422, "different_family"),
    ):
        problem(await ada.command("change/preview", wish), status, code)
        problem(await ada.command("change", wish), status, code)
    assert len(await ada.invoices()) == 1


async def test_a_change_is_to_what_is_sold_in_the_subscription_s_currency(shop: Shop) -> None:
    fay = await stored_subscriber(shop, "pro_monthly", seats=1, currency="JPY")
    answer = await fay.command("change/preview", {"price": "team_monthly"})
    assert problem(answer, 422, "currency_not_sold")["currencies"] == "USD"
    preview = await fay.preview(price="personal_free")
    assert preview["terms"]["currency"] == "JPY"


async def test_an_annual_plan_does_not_become_a_monthly_one(shop: Shop) -> None:
    ada = await subscribed(shop, "team_annual", seats=2, at=APRIL)
    wish = {"price": "team_monthly"}
    for name in ("change/preview", "change"):
        problem(await ada.command(name, wish), 409, "interval_downgrade_not_allowed")


async def test_what_is_over_or_has_not_begun_is_not_changed(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", at=APRIL)
    await ada.done("cancel", {"mode": "now"})
    for name in ("change/preview", "change"):
        problem(await ada.command(name, {"quantity": 2}), 409, "subscription_ended")
    bob = await shop.customer(card="pm_card_chargeCustomerFail")
    made = await shop.made(
        "/v1/subscriptions", {"customer": bob, "price": "team_monthly", "trial": False}
    )
    for name in ("change/preview", "change"):
        answer = await shop.post(f"/v1/subscriptions/{made['id']}/{name}", {"quantity": 2})
        problem(answer, 409, "command_not_allowed")


async def test_a_preview_needs_no_worker_and_changes_nothing(idle_shop: Shop) -> None:
    ada = await stored_subscriber(idle_shop, "team_monthly", seats=10)
    before = await ada.read()
    preview = await ada.preview(quantity=12)
    assert preview["version"] == before["version"]
    assert await ada.read() == before
    assert await ada.invoices() == []


async def test_nothing_is_previewed_while_a_period_waits_to_be_billed(idle_shop: Shop) -> None:
    ada = await stored_subscriber(idle_shop, "team_monthly", seats=10)
    async with idle_shop.transactions() as tx:
        later = datetime(2026, 5, 1, tzinfo=UTC)
        await tx.test_clocks.begin_advance(ada.clock, to=later)
    answer = await ada.command("change/preview", {"quantity": 12}, key="look")
    problem(answer, 409, "test_clock_advancing")
    async with idle_shop.transactions() as tx:
        await tx.test_clocks.finish_advance(ada.clock, at=later)
    answer = await ada.command("change/preview", {"quantity": 12}, key="look")
    problem(answer, 409, "period_ending")
