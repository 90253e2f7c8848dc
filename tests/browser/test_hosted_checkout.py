"""A real browser through the hosted checkout: one subscription, one charge, whatever happens."""

import asyncio

from tests.browser.shopper import Shopper
from tests.conftest import StripeSimulator
from tests.worker.desk import pay

_GOOD = "4242 4242 4242 4242"
_REFUSED_AT_ONCE = "4000 0000 0000 0002"
_REFUSED_LATER = "4000 0000 0000 0341"
_ALWAYS_AUTHENTICATES = "4000 0027 6000 3184"


async def _captured_minor(simulator: StripeSimulator) -> int:
    totals = await simulator.control.totals()
    return totals["usd"].captured_minor if "usd" in totals else 0


async def test_a_card_buys_a_subscription_and_the_shop_is_told(
    shopper: Shopper, simulator: StripeSimulator
) -> None:
    session = await shopper.open_checkout()
    await shopper.enter_card(_GOOD)
    await shopper.save_card()
    await shopper.arrives(session)
    [subscription] = await shopper.subscriptions(session)
    assert (subscription["id"], subscription["status"]) == (session["subscription"], "active")
    assert await _captured_minor(simulator) == 8000


async def test_a_double_click_makes_one_subscription_and_one_charge(
    shopper: Shopper, simulator: StripeSimulator
) -> None:
    session = await shopper.open_checkout()
    await shopper.enter_card(_GOOD)
    await shopper.page.get_by_role("button", name="Save card").dblclick()
    await shopper.arrives(session)
    await shopper.page.goto(session["url"])
    await shopper.arrives(session)
    await simulator.control.webhooks_delivered()
    assert len(await shopper.subscriptions(session)) == 1
    assert await _captured_minor(simulator) == 8000


async def test_a_card_refused_on_the_page_can_be_replaced_there(
    shopper: Shopper, simulator: StripeSimulator
) -> None:
    session = await shopper.open_checkout()
    await shopper.enter_card(_REFUSED_AT_ONCE)
    await shopper.save_card()
    await shopper.page.get_by_role("alert").wait_for()
    await shopper.enter_card(_GOOD)
    await shopper.save_card()
    await shopper.arrives(session)
    assert await _captured_minor(simulator) == 8000


async def test_a_card_declined_when_charged_is_replaced_by_keyboard_alone(
    shopper: Shopper, simulator: StripeSimulator
) -> None:
    session = await shopper.open_checkout()
    await shopper.enter_card(_REFUSED_LATER)
    await shopper.save_card()
    await shopper.page.get_by_role("heading", name="Your card was declined").wait_for()
    assert await shopper.fits_the_window()
    assert await _captured_minor(simulator) == 0

    await shopper.page.keyboard.press("Tab")
    await shopper.page.keyboard.press("Enter")
    await shopper.page.get_by_label("Card number").wait_for()
    await shopper.enter_card(_GOOD)
    await shopper.save_card()
    await shopper.arrives(session)
    [subscription] = await shopper.subscriptions(session)
    assert subscription["status"] == "active"
    assert await _captured_minor(simulator) == 8000


async def test_a_bank_that_asks_is_answered_on_the_way(
    shopper: Shopper, simulator: StripeSimulator
) -> None:
    session = await shopper.open_checkout()
    await shopper.enter_card(_ALWAYS_AUTHENTICATES)
    await shopper.save_card()
    complete = shopper.page.get_by_role("button", name="Complete authentication")
    await complete.click()
    await shopper.page.get_by_role("link", name="Continue to your bank").click()
    await complete.click()
    await shopper.arrives(session)
    assert await _captured_minor(simulator) == 8000


async def test_a_customer_who_never_comes_back_is_subscribed_all_the_same(
    shopper: Shopper, simulator: StripeSimulator
) -> None:
    session = await shopper.open_checkout()
    await pay(session["url"], _GOOD)
    async with asyncio.timeout(20):
        while (await shopper.subscriptions(session))[0]["status"] != "active":  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.1)
    assert await _captured_minor(simulator) == 8000


async def test_a_customer_who_changes_their_mind_goes_back_and_pays_nothing(
    shopper: Shopper, simulator: StripeSimulator
) -> None:
    session = await shopper.open_checkout()
    await shopper.page.get_by_role("link", name="Cancel and go back").click()
    await shopper.page.wait_for_url(f"{shopper.merchant}/pricing")
    [subscription] = await shopper.subscriptions(session)
    assert subscription["status"] == "incomplete"
    assert await _captured_minor(simulator) == 0
