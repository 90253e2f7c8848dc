"""A real browser in the portal, on a telephone: with scripts, without, and by keyboard alone."""

import pytest
from playwright.async_api import ConsoleMessage, Page, expect

from tests.browser.subscriber import (
    ASKS_EACH_TIME,
    DECLINED,
    GOOD,
    Subscriber,
    whatever_the_browser,
)
from tests.conftest import StripeSimulator

_MOST_TABS = 60


def _complaints(subscriber: Subscriber) -> list[str]:
    """What the browser complains about on our pages: blocked scripts and styles, errors."""
    found: list[str] = []
    ours = subscriber.shop.deps.settings.public_url

    def note(message: ConsoleMessage) -> None:
        is_ours = message.location["url"].startswith(ours)
        if is_ours and message.type in {"error", "warning"}:
            found.append(message.text)

    subscriber.page.on("console", note)
    subscriber.page.on("pageerror", lambda error: found.append(str(error)))
    return found


async def _captured(simulator: StripeSimulator) -> int:
    return (await simulator.control.totals())["usd"].captured_minor


async def _is_live(subscriber: Subscriber) -> None:
    """The page for choosing is there, and its script has begun."""
    await subscriber.sees("Change Team")
    await subscriber.page.wait_for_load_state()


async def _tab_to(page: Page, name: str) -> None:
    """Presses Tab until something of that name has the focus, which must be seen."""
    for _ in range(_MOST_TABS):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if await focused.count() and await _is_named(page, name):
            outline = await focused.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", f"nobody sees that {name} has the focus"
            return
    raise AssertionError(f"the keyboard does not reach {name}")


async def _is_named(page: Page, name: str) -> bool:
    for role in ("button", "link", "radio", "spinbutton"):
        candidate = page.get_by_role(role, name=name, exact=True)
        if await candidate.count() and await candidate.first.evaluate(
            "element => element === document.activeElement"
        ):
            return True
    return False


@whatever_the_browser
async def test_an_upgrade_is_previewed_confirmed_and_paid(
    subscriber: Subscriber, simulator: StripeSimulator
) -> None:
    complaints = _complaints(subscriber)
    await subscriber.advance("2026-04-16T00:00:00Z")
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    await subscriber.page.get_by_label("Business").check()
    await subscriber.clicks("Show what it costs")
    await subscriber.reads("-$40.00")
    await subscriber.reads("$60.00")
    assert await subscriber.fits_the_window()
    await subscriber.clicks("Pay $20.00 and change")
    await subscriber.sees("Your plan is changed")
    await subscriber.reads("You now have Business, 5 seats: $120.00 every month.")
    assert (await subscriber.now())["price"] == "business_monthly"
    assert await _captured(simulator) == 10000
    assert complaints == []


async def test_with_scripts_the_price_follows_while_the_customer_types(
    subscriber: Subscriber, simulator: StripeSimulator
) -> None:
    complaints = _complaints(subscriber)
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    await _is_live(subscriber)
    quantity = subscriber.page.get_by_label("How many seats")
    await quantity.press("Control+A")
    await quantity.press_sequentially("7", delay=20)
    await subscriber.page.get_by_role("button", name="Pay $32.00 and change").wait_for()
    await quantity.press("Control+A")
    await quantity.press_sequentially("0", delay=20)
    await expect(subscriber.page.get_by_role("alert")).to_contain_text("whole number")
    await expect(quantity).to_be_focused()
    assert await subscriber.page.get_by_role("button", name="and change").count() == 0
    await quantity.press("Control+A")
    await quantity.press_sequentially("6", delay=20)
    await subscriber.clicks("Pay $16.00 and change")
    await subscriber.sees("Your plan is changed")
    assert await _captured(simulator) == 9600
    assert complaints == []


@pytest.mark.parametrize("runs_scripts", [False])
async def test_what_is_too_much_is_said_where_it_is_seen_first(subscriber: Subscriber) -> None:
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    await subscriber.page.get_by_label("How many seats").fill("2000")
    await subscriber.clicks("Show what it costs")
    alert = subscriber.page.get_by_role("alert")
    await expect(alert).to_contain_text("in quantities from 1 to 1000")
    await expect(alert).to_be_focused()
    assert (await subscriber.page.title()).startswith("Error: ")


@whatever_the_browser
async def test_a_bank_that_asks_is_passed_on_the_way(
    subscriber: Subscriber, simulator: StripeSimulator
) -> None:
    await subscriber.prefers(ASKS_EACH_TIME)
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    await subscriber.page.get_by_label("Business").check()
    await subscriber.clicks("Show what it costs")
    await subscriber.clicks("Pay $40.00 and change")
    await subscriber.clicks("Complete authentication")
    await subscriber.sees("Thank you, your payment is complete")
    await subscriber.clicks("Back to your subscriptions")
    await subscriber.sees("Business")
    assert (await subscriber.now())["price"] == "business_monthly"
    assert await _captured(simulator) == 12000


@whatever_the_browser
async def test_going_back_from_the_bank_is_no_trap(subscriber: Subscriber) -> None:
    await subscriber.prefers(ASKS_EACH_TIME)
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    await subscriber.page.get_by_label("Business").check()
    await subscriber.clicks("Show what it costs")
    await subscriber.clicks("Pay $40.00 and change")
    await subscriber.page.get_by_role("button", name="Complete authentication").wait_for()
    await subscriber.page.go_back(wait_until="networkidle")
    assert subscriber.page.url.startswith(subscriber.shop.deps.settings.public_url)
    await subscriber.open_portal()
    await subscriber.reads("Your change to Business waits for its payment")
    await subscriber.clicks("See how it stands")
    await subscriber.sees("Your bank asks you to confirm")
    await subscriber.clicks("Continue to your bank")
    await subscriber.clicks("Complete authentication")
    await subscriber.sees("Thank you, your payment is complete")


@whatever_the_browser
async def test_a_declined_change_is_made_with_another_card(
    subscriber: Subscriber, simulator: StripeSimulator
) -> None:
    complaints = _complaints(subscriber)
    await subscriber.prefers(DECLINED)
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    await subscriber.page.get_by_label("Business").check()
    await subscriber.clicks("Show what it costs")
    await subscriber.clicks("Pay $40.00 and change")
    await subscriber.sees("Your card was declined")
    assert await _captured(simulator) == 8000
    assert (await subscriber.now())["price"] == "team_monthly"

    await subscriber.clicks("Use another card")
    await subscriber.enters_card(GOOD)
    await subscriber.sees("Change Team")
    await subscriber.clicks("Pay $40.00 and change")
    await subscriber.sees("Your plan is changed")
    assert await _captured(simulator) == 12000
    assert complaints == []


async def test_a_double_click_changes_once(
    subscriber: Subscriber, simulator: StripeSimulator
) -> None:
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    await subscriber.page.get_by_label("Business").check()
    await subscriber.page.get_by_role("button", name="Pay $40.00 and change").dblclick()
    await subscriber.sees("Your plan is changed")
    await subscriber.page.reload()
    await subscriber.sees("Your plan is changed")
    assert await _captured(simulator) == 12000


@whatever_the_browser
async def test_a_cancellation_says_until_when_service_runs_and_is_undone(
    subscriber: Subscriber,
) -> None:
    await subscriber.open_portal()
    await subscriber.clicks("Cancel Team")
    await subscriber.reads("It runs until May 1, 2026, and you can use it as before until then.")
    await subscriber.clicks("Cancel my subscription")
    await subscriber.reads("Your subscription is canceled.")
    await subscriber.reads("It ends on May 1, 2026.")
    assert (await subscriber.now())["cancellation"]["at"] == "2026-05-01T00:00:00Z"
    await subscriber.clicks("Keep my subscription")
    await subscriber.reads("Your subscription goes on.")
    assert (await subscriber.now())["cancellation"] is None


@whatever_the_browser
async def test_a_card_is_replaced_and_shown(subscriber: Subscriber) -> None:
    complaints = _complaints(subscriber)
    await subscriber.open_portal()
    await subscriber.clicks("Replace card")
    await subscriber.enters_card("5555 5555 5555 4444")
    await subscriber.reads("Your new card is saved.")
    await subscriber.reads("Mastercard ending in 4444")
    assert complaints == []


async def test_a_customer_who_thinks_better_of_it_keeps_the_card(subscriber: Subscriber) -> None:
    await subscriber.open_portal()
    await subscriber.clicks("Replace card")
    await subscriber.clicks("Cancel and go back")
    await subscriber.sees("Your subscriptions")
    await subscriber.reads("Visa ending in 4242")


async def test_every_step_of_a_change_is_reached_by_keyboard(
    subscriber: Subscriber, simulator: StripeSimulator
) -> None:
    page = subscriber.page
    await subscriber.open_portal()
    await _tab_to(page, "Change plan or quantity of Team")
    await page.keyboard.press("Enter")
    await _is_live(subscriber)
    await _tab_to(page, "Team (your plan) $16.00 per seat, every month")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_label("Business")).to_be_checked()
    await _tab_to(page, "How many seats")
    await page.keyboard.press("Control+A")
    await page.keyboard.type("6")
    confirm = page.get_by_role("button", name="Pay $64.00 and change")
    await confirm.wait_for()
    await _tab_to(page, "Pay $64.00 and change")
    await page.keyboard.press("Enter")
    await subscriber.sees("Your plan is changed")
    await _tab_to(page, "Back to your subscriptions")
    await page.keyboard.press("Enter")
    await subscriber.sees("Business")
    assert await _captured(simulator) == 8000 + 6400


async def test_leaving_and_coming_back_within_the_hour_is_possible(
    subscriber: Subscriber,
) -> None:
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    where = subscriber.page.url
    await subscriber.page.goto(f"{subscriber.merchant}/account")
    await subscriber.page.goto(where)
    await subscriber.sees("Change Team")
    await subscriber.clicks("Sign out")
    await subscriber.sees("You have closed your subscriptions")
    await subscriber.page.goto(where)
    await subscriber.sees("Please open this page again")


async def test_scripts_of_the_page_cannot_read_the_visit(subscriber: Subscriber) -> None:
    await subscriber.open_portal()
    assert await subscriber.page.evaluate("document.cookie") == ""
    [cookie] = await subscriber.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
