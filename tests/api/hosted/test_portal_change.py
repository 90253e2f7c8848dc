"""Changing a plan in the portal: what is offered, what it costs, and what comes of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest

from tests.api.hosted.guest import (
    ASKS_EACH_TIME,
    DECLINED,
    Guest,
    enter_card,
    opened_browser,
)
from tests.api.hosted.plain_browser import Form, Sheet
from tests.api.shop import Shop
from tests.conftest import StripeSimulator
from tests.worker.desk import GOOD_CARD, pass_challenge

_SHOW: Final = "Show what it costs"


@pytest.fixture
async def ten(shop: Shop) -> AsyncIterator[Guest]:
    """A customer with ten seats of Team, on 16 April."""
    async with opened_browser(shop) as browser:
        guest = await Guest.since_april(shop, browser, seats=10)
        await guest.advance("2026-04-16T00:00:00Z")
        await guest.portal()
        yield guest


async def _preview(guest: Guest, price: str, quantity: str) -> Sheet:
    chosen = await guest.page("change")
    return await guest.browser.press(chosen, _SHOW, price=price, quantity=quantity)


async def _captured(simulator: StripeSimulator) -> int:
    return (await simulator.control.totals())["usd"].captured_minor


def _confirmation(sheet: Sheet) -> Form:
    """The one form that executes the quote."""
    [form] = [form for form in sheet.forms if "quote" in form.fields]
    return form


async def test_what_replaces_the_plan_is_offered_and_nothing_else(ten: Guest) -> None:
    sheet = await ten.page("change")
    for offered in (
        "Team (your plan) $16.00 per seat, every month",
        "Personal Free",
        "Business $24.00 per seat, every month",
        "Team $180.00 per seat, every year",
    ):
        assert offered in sheet.text
    assert "€" not in sheet.text
    assert "Assistant" not in sheet.text
    assert sheet.form(_SHOW).fields == {"price": "team_monthly", "quantity": "10"}


async def test_an_upgrade_is_shown_to_the_cent_and_paid_at_that_price(
    ten: Guest, simulator: StripeSimulator
) -> None:
    preview = await _preview(ten, "business_monthly", "10")
    for said in ("-$80.00", "$120.00", "To pay now $40.00", "From May 1, 2026 on: $240.00 every"):
        assert said in preview.text
    assert await _captured(simulator) == 16000

    done = await ten.browser.press(preview, "Pay $40.00 and change")
    assert "You now have Business, 10 seats: $240.00 every month." in done.text
    assert "/changes/chg_" in done.url
    assert (await ten.now())["price"] == "business_monthly"
    assert await _captured(simulator) == 20000
    invoice = await ten.browser.follow(done, "See the invoice")
    assert "$40.00 paid" in invoice.text
    assert "Unused time of Team" in invoice.text


async def test_confirming_twice_and_reloading_pays_once(
    ten: Guest, simulator: StripeSimulator
) -> None:
    form = _confirmation(await _preview(ten, "team_monthly", "12"))
    answers = await asyncio.gather(*(ten.browser.answer_to(form) for _ in range(3)))
    [where] = {answer.headers["location"] for answer in answers}
    for _ in range(2):
        assert "You now have Team, 12 seats" in (await ten.browser.open(where)).text
    assert (await ten.now())["quantity"] == 12
    assert await _captured(simulator) == 16000 + 1600


async def test_a_decrease_waits_for_the_periods_end_and_can_be_undone(
    ten: Guest, simulator: StripeSimulator
) -> None:
    preview = await _preview(ten, "team_monthly", "8")
    assert "Nothing to pay now." in preview.text
    assert "takes effect on May 1, 2026" in preview.text
    planned = await ten.browser.press(preview, "Change on May 1, 2026")
    assert "From May 1, 2026 on: Team, 8 seats, $128.00 every month." in planned.text

    home = await ten.browser.follow(planned, "Back to your subscriptions")
    assert "10 seats" in home.text
    assert "Next charge $128.00 on May 1, 2026" in home.text
    undone = await ten.browser.press(home, "Undo this change")
    assert "The change is undone." in undone.text
    assert "Next charge $160.00 on May 1, 2026" in undone.text
    assert (await ten.now())["pending_change"] is None
    assert await _captured(simulator) == 16000


async def test_while_a_decrease_is_planned_more_seats_have_to_wait(ten: Guest) -> None:
    await ten.browser.send(_confirmation(await _preview(ten, "team_monthly", "8")))
    refused = await _preview(ten, "team_monthly", "12")
    assert "Undo that first." in refused.text
    assert not [form for form in refused.forms if "quote" in form.fields]


async def test_a_longer_period_begins_at_once(ten: Guest) -> None:
    preview = await _preview(ten, "team_yearly", "10")
    assert "To pay now $1,720.00" in preview.text
    assert "April 16, 2026 to April 16, 2027" in preview.text
    done = await ten.browser.press(preview, "Pay $1,720.00 and change")
    assert "$1,800.00 every year" in done.text


async def test_an_old_price_is_not_paid_but_shown_anew(
    ten: Guest, simulator: StripeSimulator
) -> None:
    form = _confirmation(await _preview(ten, "business_monthly", "10"))
    await ten.advance("2026-04-20T00:00:00Z")
    again = await ten.browser.send(form)
    assert "shown too long ago" in again.text
    assert "To pay now $29.33" in again.text
    assert (await ten.now())["price"] == "team_monthly"
    assert await _captured(simulator) == 16000


async def test_what_was_quoted_is_bought_whatever_else_the_form_says(ten: Guest) -> None:
    form = _confirmation(await _preview(ten, "team_monthly", "11"))
    await ten.browser.send(form, price="business_monthly", quantity="999")
    state = await ten.now()
    assert (state["price"], state["quantity"]) == ("team_monthly", 11)


async def test_nobody_names_a_price_of_their_own(ten: Guest, subtests: pytest.Subtests) -> None:
    for quote in (
        "",
        "x.y",
        "eyJ9.00000000000000000000000000000000",
    ):
        with subtests.test(quote=quote):
            form = _confirmation(await _preview(ten, "business_monthly", "10"))
            refused = await ten.browser.send(form, quote=quote)
            assert "Please look at the price again." in refused.text
            assert (await ten.now())["price"] == "team_monthly"


async def test_the_quote_of_another_customer_buys_nothing(ten: Guest, stranger: Guest) -> None:
    await stranger.portal()
    theirs = _confirmation(await _preview(stranger, "business_monthly", "5"))
    mine = _confirmation(await _preview(ten, "business_monthly", "10"))
    refused = await ten.browser.send(mine, quote=theirs.fields["quote"])
    assert refused.status == 404
    assert (await ten.now())["price"] == (await stranger.now())["price"] == "team_monthly"


async def test_what_cannot_be_chosen_is_explained(ten: Guest, subtests: pytest.Subtests) -> None:
    for price, quantity, said in (
        ("team_monthly", "10", "This is what you have already."),
        ("team_monthly", "", "as a whole number, 1 or more"),
        ("team_monthly", "0", "as a whole number, 1 or more"),
        ("team_monthly", "-3", "as a whole number, 1 or more"),
        ("team_monthly", "1.5", "as a whole number, 1 or more"),
        ("team_monthly", "many", "as a whole number, 1 or more"),
        ("team_monthly", "9" * 40, "as a whole number, 1 or more"),
        ("team_monthly", "1001", "in quantities from 1 to 1000"),
        ("business_monthly", "51", "in quantities from 1 to 50"),
        ("no_such_price", "10", "not sold any more"),
        ("assistant_monthly", "1", "Nothing was changed"),
    ):
        with subtests.test(price=price, quantity=quantity, said=said):
            chosen = await _preview(ten, price, quantity)
            assert chosen.status == 200
            assert said in chosen.text
            assert "<title>Error: " in chosen.html
            assert not [form for form in chosen.forms if "quote" in form.fields]


async def test_a_plan_without_quantities_ignores_the_quantity(ten: Guest) -> None:
    preview = await _preview(ten, "personal_free", "10")
    assert "After that it costs nothing." in preview.text
    planned = await ten.browser.press(preview, "Change on May 1, 2026")
    assert "From May 1, 2026 on: Personal, Free." in planned.text


async def test_while_somebody_types_nothing_takes_the_focus(ten: Guest) -> None:
    url = f"/hosted/portal/subscriptions/{ten.subscription}/change?price=team_monthly&quantity=0"
    whole = await ten.browser.client.get(url)
    typing = await ten.browser.client.get(url, headers={"HX-Request": "true"})
    assert "autofocus" in whole.text
    assert "autofocus" not in typing.text


async def test_a_declined_change_changes_nothing_and_another_card_makes_it(
    ten: Guest, simulator: StripeSimulator
) -> None:
    await ten.prefers(DECLINED)
    preview = await _preview(ten, "business_monthly", "10")
    declined = await ten.browser.press(preview, "Pay $40.00 and change")
    assert "Your card was declined" in declined.text
    assert "Nothing was changed, and you owe nothing for it." in declined.text
    assert (await ten.now())["price"] == "team_monthly"
    assert [invoice["status"] for invoice in await ten.invoices()] == ["void", "paid"]

    leading = await ten.browser.press(declined, "Use another card")
    assert leading.refresh is not None
    page_url = leading.links["Continue to the card page"]
    assert leading.refresh == f"0; url={page_url}"
    again = await ten.browser.open(await enter_card(page_url, GOOD_CARD))
    done = await ten.browser.press(again, "Pay $40.00 and change")
    assert "You now have Business, 10 seats" in done.text
    assert await _captured(simulator) == 20000


async def test_a_bank_that_asks_is_visited_on_the_way(
    ten: Guest, simulator: StripeSimulator
) -> None:
    await ten.prefers(ASKS_EACH_TIME)
    preview = await _preview(ten, "business_monthly", "10")
    leading = await ten.browser.press(preview, "Pay $40.00 and change")
    bank = leading.links["Continue to your bank"]
    assert leading.refresh == f"0; url={bank}"
    waiting = await ten.portal()
    assert "Your change to Business waits for its payment" in waiting.text
    assert await _captured(simulator) == 16000

    back = await pass_challenge(bank)
    thanks = await ten.browser.open(back)
    assert "Thank you" in thanks.text
    home = await ten.browser.follow(thanks, "Back to your subscriptions")
    assert "Business" in home.text
    assert (await ten.now())["price"] == "business_monthly"
    assert await _captured(simulator) == 20000


async def test_a_bank_that_refuses_leaves_everything_as_it_was(ten: Guest) -> None:
    await ten.prefers(ASKS_EACH_TIME)
    preview = await _preview(ten, "business_monthly", "10")
    leading = await ten.browser.press(preview, "Pay $40.00 and change")
    back = await pass_challenge(leading.links["Continue to your bank"], outcome="fail")
    refused = await ten.browser.open(back)
    assert "Your plan was not changed" in refused.text
    assert "you owe nothing for the change" in refused.text
    assert (await ten.now())["price"] == "team_monthly"


async def test_a_change_that_nobody_confirmed_is_dropped_after_a_day(ten: Guest) -> None:
    await ten.prefers(ASKS_EACH_TIME)
    preview = await _preview(ten, "business_monthly", "10")
    leading = await ten.browser.press(preview, "Pay $40.00 and change")
    change_url = leading.url.replace("&onwards=1", "")
    await ten.advance("2026-04-17T00:01:00Z")
    dropped = await ten.browser.open(change_url)
    assert "was not completed in time" in dropped.text
    assert "owe nothing" in dropped.text


async def test_a_change_in_a_trial_is_free(shop: Shop) -> None:
    clock = await shop.clock("2026-04-01T00:00:00Z")
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    made = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "team_monthly", "quantity": 5}
    )
    async with opened_browser(shop) as browser:
        guest = Guest(
            shop=shop, browser=browser, clock=clock, customer=customer, subscription=made["id"]
        )
        home = await guest.portal()
        assert "Your free trial runs until April 15, 2026." in home.text
        assert "Next charge $80.00 on April 15, 2026" in home.text
        preview = await _preview(guest, "business_monthly", "5")
        assert "takes effect at once" in preview.text
        done = await guest.browser.press(preview, "Change now")
        assert "You now have Business, 5 seats" in done.text
        assert "Next charge $120.00 on April 15, 2026" in (await guest.portal()).text


async def test_while_an_invoice_is_overdue_nothing_can_be_added(ten: Guest) -> None:
    await ten.prefers(DECLINED)
    await ten.advance("2026-05-01T00:05:00Z")
    refused = await _preview(ten, "team_monthly", "12")
    assert "Please pay the open invoice first" in refused.text


async def test_an_ended_subscription_cannot_be_changed(ten: Guest) -> None:
    await ten.shop.made(f"/v1/subscriptions/{ten.subscription}/cancel", {"mode": "now"})
    assert (await ten.page("change")).url == "http://api.test/hosted/portal"
    home = await ten.portal()
    assert "Ended" in home.text
    assert "Change plan or quantity of Team" not in home.links


async def test_an_unknown_change_is_waited_for_and_says_so(ten: Guest) -> None:
    sheet = await ten.page("changes/chg_unknown")
    assert "One moment" in sheet.text
    assert sheet.refresh == "3"


async def test_on_net_terms_an_upgrade_is_in_force_at_once_and_its_invoice_is_sent(
    ten: Guest, simulator: StripeSimulator
) -> None:
    terms = f"/v1/customers/{ten.customer}/net_terms"
    assert (await ten.shop.client.put(terms, json={"net_days": 30})).status_code == 200
    preview = await _preview(ten, "business_monthly", "10")
    assert "You are sent an invoice, due 30 days later $40.00" in preview.text
    assert "Your change takes effect at once" in preview.text

    done = await ten.browser.press(preview, "Change now")
    assert "You now have Business, 10 seats: $240.00 every month." in done.text
    invoice = await ten.browser.follow(done, "See the invoice")
    assert "Please pay it by May 16, 2026." in invoice.text
    assert "Nothing is charged by itself." in invoice.text
    assert await _captured(simulator) == 16000
    portal = (await ten.portal()).text
    assert "Your invoice over $40.00 is due on May 16, 2026." in portal
    assert "Next invoice $240.00 on May 1, 2026" in portal
    paid = await ten.browser.press(invoice, "Pay $40.00 now")
    assert "$40.00 paid" in paid.text
    assert await _captured(simulator) == 20000
