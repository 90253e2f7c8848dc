"""Checkout sessions: the page and the subscription that it completes."""

from tests.api.shop import Shop, problem
from tests.conftest import StripeSimulator

_URLS = {"success_url": "https://example.com/welcome", "cancel_url": "https://example.com/prices"}


async def test_a_checkout_is_a_page_and_an_incomplete_subscription(
    shop: Shop, simulator: StripeSimulator
) -> None:
    customer = await shop.customer()
    session = await shop.made(
        "/v1/checkout/sessions",
        {"customer": customer, "price": "team_monthly", "quantity": 5, **_URLS},
    )
    assert session["status"] == "open"
    assert session["url"].startswith(simulator.base_url)
    assert session["amount_due_now"]["amount_minor"] == 0
    assert session["trial_end"] is not None
    assert await shop.read(f"/v1/checkout/sessions/{session['id']}") == session
    subscription = await shop.read(f"/v1/subscriptions/{session['subscription']}")
    assert subscription["status"] == "incomplete"
    assert [action["kind"] for action in subscription["next_actions"]] == ["expire_checkout"]


async def test_a_double_click_opens_one_checkout(shop: Shop, simulator: StripeSimulator) -> None:
    customer = await shop.customer()
    order = {"customer": customer, "price": "pro_yearly", **_URLS}
    first = await shop.made("/v1/checkout/sessions", order, key="click")
    second = await shop.made("/v1/checkout/sessions", order, key="click")
    assert second == first
    assert len(await simulator.control.requests(method="POST", path="/v1/checkout/sessions")) == 1


async def test_a_retry_after_a_crash_finds_what_the_first_try_made(
    shop: Shop, simulator: StripeSimulator
) -> None:
    customer = await shop.customer()
    order = {"customer": customer, "price": "pro_yearly", **_URLS}
    first = await shop.made("/v1/checkout/sessions", order, key="click")
    await shop.forget_answers()
    second = await shop.made("/v1/checkout/sessions", order, key="click")
    assert second == first
    assert len((await shop.read("/v1/subscriptions", customer=customer))["data"]) == 1
    assert len(await simulator.control.requests(method="POST", path="/v1/checkout/sessions")) == 1


async def test_a_checkout_is_refused_where_the_family_is_taken(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    await shop.made("/v1/subscriptions", {"customer": customer, "price": "pro_yearly"})
    answer = await shop.post(
        "/v1/checkout/sessions", {"customer": customer, "price": "team_monthly", **_URLS}
    )
    problem(answer, 409, "family_taken")


async def test_an_unknown_checkout_is_not_found(idle_shop: Shop) -> None:
    for written in ("cs_unknown", "1", "cs_%00"):
        answer = await idle_shop.client.get(f"/v1/checkout/sessions/{written}")
        problem(answer, 404, "checkout_session_not_found")
