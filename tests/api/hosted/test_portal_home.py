"""The portal's first page and what is done from there, from a customer's side."""

from datetime import datetime

import pytest

from tests.api.hosted.guest import DECLINED, Guest
from tests.api.shop import Shop


async def test_everything_of_a_customer_stands_on_one_page(guest: Guest) -> None:
    home = await guest.portal()
    for said in (
        "Team",
        "Active",
        "5 seats",
        "$16.00 per seat, every month",
        "Next charge $80.00 on May 1, 2026",
        "Visa ending in 4242",
        "PN-000001",
        "April 1, 2026",
        "Paid $80.00",
    ):
        assert said in home.text
    assert "Back to shop.example" in home.links


async def test_only_what_can_be_done_is_offered(guest: Guest) -> None:
    await guest.shop.made(
        "/v1/subscriptions", {"customer": guest.customer, "price": "assistant_monthly"}
    )
    links = (await guest.portal()).links
    assert "Change plan or quantity of Team" in links
    assert "Cancel Assistant" in links
    assert not [name for name in links if name.startswith("Change") and "Assistant" in name]


async def test_a_checkout_that_was_never_completed_is_no_subscription(
    shop: Shop, guest: Guest
) -> None:
    await shop.made(
        "/v1/checkout/sessions",
        {
            "customer": guest.customer,
            "price": "assistant_monthly",
            "success_url": "https://shop.example/ok",
            "cancel_url": "https://shop.example/",
        },
    )
    assert "Assistant" not in (await guest.portal()).text


async def test_nothing_of_another_customer_is_shown(guest: Guest, stranger: Guest) -> None:
    await stranger.shop.made(
        "/v1/subscriptions", {"customer": stranger.customer, "price": "assistant_monthly"}
    )
    for path in ("/hosted/portal", "/hosted/portal/invoices"):
        await guest.portal()
        shown = await guest.browser.open(path)
        assert "Assistant" not in shown.text
        assert "PN-000002" not in shown.text


async def test_an_open_invoice_is_paid_from_here(guest: Guest) -> None:
    await guest.prefers(DECLINED)
    await guest.advance("2026-05-01T00:05:00Z")
    home = await guest.portal()
    assert "Payment overdue" in home.text
    assert "We could not collect $80.00: your bank declined it." in home.text
    invoice = await guest.browser.follow(home, "Pay $80.00")
    assert "Pay $80.00 now" in invoice.buttons
    assert home.links["Pay"] == home.links["Pay $80.00"]


async def test_credit_is_shown_and_used_first(guest: Guest) -> None:
    await guest.advance("2026-04-16T00:00:00Z")
    await guest.shop.made(
        f"/v1/subscriptions/{guest.subscription}/cancel", {"mode": "now", "unused": "credit"}
    )
    home = await guest.portal()
    assert "You have $40.00 in your favour." in home.text
    made = await guest.shop.made(
        "/v1/subscriptions",
        {"customer": guest.customer, "price": "team_monthly", "quantity": 5, "trial": False},
    )
    assert made["status"] == "active"
    latest = await guest.browser.follow(await guest.portal(), "PN-000002")
    assert "From your balance -$40.00" in latest.text
    assert "Paid -$40.00" in latest.text


async def test_old_invoices_are_found_page_by_page(guest: Guest) -> None:
    await guest.advance("2028-04-02T00:00:00Z")
    home = await guest.portal()
    assert len([name for name in home.links if name.startswith("PN-")]) == 6
    listed = await guest.browser.follow(home, "All invoices")
    older = await guest.browser.follow(listed, "Older invoices")
    seen = [name for page in (listed, older) for name in page.links if name.startswith("PN-")]
    assert len(seen) == len(set(seen)) == 25
    assert "Older invoices" not in older.links


async def test_a_strange_cursor_finds_nothing_and_breaks_nothing(guest: Guest) -> None:
    await guest.portal()
    assert (await guest.browser.open("/hosted/portal/invoices?cursor=x")).status == 404


async def test_canceling_in_a_trial_costs_nothing(shop: Shop, guest: Guest) -> None:
    customer = await shop.customer(card="pm_card_visa", clock=guest.clock)
    made = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "team_monthly", "quantity": 2}
    )
    link = (await shop.made("/v1/portal_sessions", {"customer": customer}))["url"]
    home = await guest.browser.open(link)
    asked = await guest.browser.follow(home, "Cancel Team")
    assert "Your free trial runs until April 15, 2026" in asked.text
    assert "Nothing is charged." in asked.text
    canceled = await guest.browser.press(asked, "Cancel my subscription")
    assert "It ends on April 15, 2026." in canceled.text
    state = await shop.read(f"/v1/subscriptions/{made['id']}")
    assert datetime.fromisoformat(state["cancellation"]["at"]).day == 15


async def test_canceling_says_what_ends_with_it_and_what_of_that_becomes_credit(
    shop: Shop, guest: Guest
) -> None:
    body = {"customer": guest.customer, "price": "domains_yearly"}
    addon = await shop.made("/v1/subscriptions", body)
    asked = await guest.browser.follow(await guest.portal(), "Cancel Team")
    # 120.00 for a year, of which 335 of 365 days lie beyond the plan's month.
    assert "Domains ends with it. What you have paid of it beyond then, $110.14," in asked.text
    await guest.browser.press(asked, "Cancel my subscription")
    await guest.advance("2026-05-01T00:05:00Z")
    assert (await shop.read(f"/v1/subscriptions/{addon['id']}"))["status"] == "canceled"
    [balance] = (await shop.read(f"/v1/customers/{guest.customer}/balance"))["balances"]
    assert balance["text"] == "USD 110.14"


async def test_canceling_what_is_overdue_ends_it_and_forgives_it(guest: Guest) -> None:
    await guest.prefers(DECLINED)
    await guest.advance("2026-05-01T00:05:00Z")
    asked = await guest.browser.follow(await guest.portal(), "Cancel Team")
    assert "It ends at once." in asked.text
    assert "What is not paid is no longer owed" in asked.text
    ended = await guest.browser.press(asked, "Cancel my subscription")
    assert "Your subscription has ended." in ended.text
    assert (await guest.now())["status"] == "canceled"


async def test_a_cancellation_drops_what_was_planned_and_says_so(guest: Guest) -> None:
    await guest.shop.made(f"/v1/subscriptions/{guest.subscription}/change", {"quantity": 3})
    asked = await guest.browser.follow(await guest.portal(), "Cancel Team")
    assert "The change that was planned for then is dropped." in asked.text
    canceled = await guest.browser.press(asked, "Cancel my subscription")
    assert canceled.buttons.count("Keep my subscription") == 1
    assert "Undo this change" not in canceled.buttons


async def test_what_is_canceled_already_is_not_canceled_again(guest: Guest) -> None:
    await guest.portal()
    form = (await guest.page("cancel")).form("Cancel my subscription")
    await guest.shop.made(f"/v1/subscriptions/{guest.subscription}/cancel", {})
    assert "canceled already" in (await guest.browser.send(form, version="")).text
    assert (await guest.page("cancel")).url == "http://api.test/hosted/portal"


async def test_made_up_news_say_nothing_of_their_own(
    guest: Guest, subtests: pytest.Subtests
) -> None:
    await guest.portal()
    for notice in (
        "done=x",
        "refused=x",
        "done=%3Cscript%3E",
        "refused=%00",
    ):
        with subtests.test(notice=notice):
            home = await guest.browser.open(f"/hosted/portal?{notice}")
            assert home.status == 200
            assert "<script" not in home.html
