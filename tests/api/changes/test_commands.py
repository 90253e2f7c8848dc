"""Commands over HTTP: cancel with credit or refund, pause, pay, grace and waiver."""

from collections.abc import AsyncIterator

import pytest

from tests.api.changes.subscriber import Subscriber, subscribed
from tests.api.shop import Shop, problem

APRIL = "2026-04-01T00:00:00Z"
MAY = "2026-05-01T00:00:00Z"


@pytest.fixture
async def past_due(shop: Shop) -> AsyncIterator[Subscriber]:
    """Ten seats whose renewal in May was declined softly."""
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    await ada.save_card("pm_card_chargeCustomerFail")
    await ada.live_until(MAY)
    assert (await ada.read())["status"] == "past_due"
    yield ada
    assert await ada.books_balance()


async def test_what_is_unused_becomes_balance_when_it_is_cancelled_now(shop: Shop) -> None:
    ada = await subscribed(shop, "pro_monthly", at=APRIL)
    await ada.live_until("2026-04-11T00:00:00Z")
    answer = await ada.command("cancel", {"unused": "credit"})
    problem(answer, 422, "unused_needs_now")
    ended = await ada.done("cancel", {"mode": "now", "unused": "credit"})
    assert (ended["status"], ended["ended_at"]) == ("canceled", "2026-04-11T00:00:00Z")
    again = await shop.made(
        "/v1/subscriptions",
        {"customer": ada.customer, "price": "pro_monthly", "quantity": 1, "trial": False},
    )
    invoice = await shop.read(f"/v1/invoices/{again['latest_invoice']}")
    assert (invoice["from_balance"]["text"], invoice["amount_paid"]["text"]) == (
        "USD 7.33",
        "USD 3.67",
    )
    assert (invoice["status"], invoice["amount_due"]["amount_minor"]) == ("paid", 0)
    assert await ada.books_balance()


async def test_a_pause_ends_by_itself_or_when_somebody_says_so(shop: Shop) -> None:
    ada = await subscribed(shop, "pro_monthly", at=APRIL)
    await ada.live_until("2026-04-11T00:00:00Z")
    for until in ("2026-04-11T00:00:00Z", "2026-05-12T00:00:00Z"):
        answer = await ada.command("pause", {"resumes_at": until})
        problem(answer, 422, "resumes_at_out_of_range")
    problem(await ada.command("resume"), 409, "command_not_allowed")
    paused = await ada.done("pause", {"resumes_at": "2026-04-21T00:00:00Z"})
    assert (paused["status"], paused["pause"]) == (
        "paused",
        {
            "mode": "extend",
            "paused_at": "2026-04-11T00:00:00Z",
            "resumes_at": "2026-04-21T00:00:00Z",
        },
    )
    await ada.live_until("2026-04-21T00:00:00Z")
    going_on = await ada.read()
    assert (going_on["status"], going_on["pause"]) == ("active", None)
    assert going_on["current_period"]["end"] == "2026-05-11T00:00:00Z"
    await ada.done("pause")
    resumed = await ada.done("resume")
    assert (resumed["status"], resumed["current_period"]) == ("active", going_on["current_period"])


async def test_a_product_without_pauses_is_not_paused(shop: Shop) -> None:
    ada = await subscribed(shop, "business_monthly", at=APRIL)
    problem(await ada.command("pause"), 409, "pause_not_supported")


async def test_a_declined_payment_is_a_problem_and_a_new_card_pays(past_due: Subscriber) -> None:
    problem(await past_due.command("change", {"quantity": 12}), 409, "past_due")
    problem(await past_due.command("change/preview", {"quantity": 12}), 409, "past_due")
    [invoice] = (await past_due.read())["open_invoices"]
    refused = problem(await past_due.command("pay"), 402, "payment_declined")
    assert (refused["decline"], refused["invoice"]) == ("generic_decline", invoice["id"])
    due = (await past_due.invoices())[-1]
    assert due["pay_url"].startswith(f"http://api.test/hosted/invoices/{invoice['id']}?signature=")
    await past_due.save_card("pm_card_visa")
    await past_due.shop.until(past_due.path, "status", "active")
    assert await past_due.charged() == ["USD 160.00", "USD 160.00"]
    assert (await past_due.invoices())[-1]["pay_url"] is None
    problem(await past_due.command("pay"), 409, "nothing_to_pay")


async def test_a_customer_who_is_present_is_led_to_their_bank(past_due: Subscriber) -> None:
    await past_due.save_card("pm_card_authenticationRequired")
    await past_due.shop.until(past_due.path, "status", "past_due")
    waiting = await past_due.done("pay", {"customer_present": True})
    [invoice] = waiting["open_invoices"]
    assert invoice["action_url"] is not None
    assert invoice["last_decline"] == "authentication_required"


async def test_a_grace_puts_the_final_action_off(past_due: Subscriber) -> None:
    def gives_up(subscription: dict[str, list[dict[str, str]]]) -> str:
        [action] = [a for a in subscription["next_actions"] if a["kind"] == "give_up"]
        return action["at"]

    before = gives_up(await past_due.read())
    assert before == "2026-05-16T00:00:00Z"
    for until in (before, "2026-09-01T00:00:00Z"):
        answer = await past_due.command("extend_grace", {"until": until})
        problem(answer, 422, "grace_out_of_range")
    later = await past_due.done(
        "extend_grace", {"until": "2026-05-23T00:00:00Z", "reason": "Asked"}
    )
    assert (gives_up(later), later["grace_until"]) == ("2026-05-23T00:00:00Z",) * 2


async def test_a_waived_invoice_is_owed_no_longer(past_due: Subscriber) -> None:
    [invoice] = (await past_due.read())["open_invoices"]
    problem(await past_due.command("waive", {"invoice": invoice["id"]}), 422, "field_missing")
    other = {"invoice": "in_other", "reason": "The service was down"}
    problem(await past_due.command("waive", other), 409, "invoice_not_open")
    await past_due.done("waive", other | {"invoice": invoice["id"]})
    await past_due.shop.until(past_due.path, "status", "active")
    assert (await past_due.read())["open_invoices"] == []
    assert [i["status"] for i in await past_due.invoices()] == ["paid", "void"]
