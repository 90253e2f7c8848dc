"""A real browser on an invoice's page, from the message about it to the money."""

from playwright.async_api import expect

from tests.browser.subscriber import (
    ASKS_EACH_TIME,
    DECLINED,
    GOOD,
    Subscriber,
    whatever_the_browser,
)
from tests.conftest import StripeSimulator


async def _overdue(customer: Subscriber, card: str) -> None:
    """The renewal of 1 May fails; the customer opens the link in the message about it."""
    await customer.prefers(card)
    await customer.advance("2026-05-01T00:05:00Z")
    await customer.open_mailed_invoice()


async def _captured(simulator: StripeSimulator) -> int:
    return (await simulator.control.totals())["usd"].captured_minor


@whatever_the_browser
async def test_the_message_leads_to_the_page_and_another_card_pays(
    subscriber: Subscriber, simulator: StripeSimulator
) -> None:
    await _overdue(subscriber, DECLINED)
    await subscriber.sees("$80.00 to pay")
    await subscriber.reads("We could not collect $80.00: your bank declined it.")
    assert await subscriber.fits_the_window()
    await subscriber.clicks("Pay $80.00 now")
    await subscriber.reads("We tried just now, and could not collect $80.00")
    await expect(subscriber.page.get_by_role("alert")).to_be_focused()

    await subscriber.clicks("Use another card")
    await subscriber.enters_card(GOOD)
    await subscriber.sees("$80.00 paid")
    assert (await subscriber.now())["status"] == "active"
    assert await _captured(simulator) == 16000


@whatever_the_browser
async def test_a_bank_that_asks_is_passed_on_the_way(
    subscriber: Subscriber, simulator: StripeSimulator
) -> None:
    await _overdue(subscriber, ASKS_EACH_TIME)
    await subscriber.clicks("Pay $80.00 now")
    await subscriber.clicks("Complete authentication")
    await subscriber.sees("Thank you, your payment is complete")
    await subscriber.open_mailed_invoice()
    await subscriber.sees("$80.00 paid")
    assert await _captured(simulator) == 16000


async def test_a_double_click_and_a_reload_are_one_try(
    subscriber: Subscriber, simulator: StripeSimulator
) -> None:
    await _overdue(subscriber, ASKS_EACH_TIME)
    await subscriber.page.get_by_role("button", name="Pay $80.00 now").dblclick()
    await subscriber.clicks("Complete authentication")
    await subscriber.sees("Thank you, your payment is complete")
    await subscriber.page.reload()
    await subscriber.sees("Thank you, your payment is complete")
    assert await _captured(simulator) == 16000
