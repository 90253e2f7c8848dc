"""A card that was replaced: the same by webhook and by return, once, and for its customer alone."""

import asyncio

import pytest

from adapters.db.tables.audit import audit_log
from adapters.temporal.checkout_completion import CheckoutCompletion, CheckoutProgress
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.ports.gateway import CardUpdateRequest, HostedCheckout
from tests.api.hosted.conftest import Visit
from tests.api.hosted.guest import Guest, enter_card
from tests.worker.desk import GOOD_CARD, Desk, pay


def _completion(desk: Desk) -> CheckoutCompletion:
    company = desk.company
    return CheckoutCompletion(
        engine=company.engine, gateway=company.gateway, signals=SubscriptionSignals(company.client)
    )


async def _card_page(desk: Desk, customer_id: str, key: str = "form_1") -> HostedCheckout:
    async with desk.company.parts.open_transaction() as tx:
        gateway_id = (await tx.customers.get(customer_id)).gateway_customer_id
    assert gateway_id is not None
    return await desk.company.gateway.create_card_update(
        CardUpdateRequest(
            customer_id=customer_id,
            gateway_customer_id=gateway_id,
            currency="USD",
            success_url="https://perennial.example/return",
            cancel_url="https://perennial.example/portal",
        ),
        key=key,
    )


async def test_the_new_card_becomes_the_default_by_webhook_alone(visit: Visit) -> None:
    customer_id = await visit.desk.company.customer()
    before = await visit.desk.default_of(customer_id)
    page = await _card_page(visit.desk, customer_id)
    await pay(page.url, GOOD_CARD)
    assert await visit.desk.default_of(customer_id) == before
    await visit.desk.apply(await visit.desk.told())
    after = await visit.desk.default_of(customer_id)
    hosted = await visit.desk.company.gateway.read_checkout(page.id)
    assert after == hosted.payment_method_id != before


@pytest.mark.parametrize("order", ["webhooks first", "return first"])
async def test_any_order_and_number_of_news_comes_to_one_entry(order: str, visit: Visit) -> None:
    desk = visit.desk
    customer_id = await desk.company.customer(card=None)
    page = await _card_page(desk, customer_id)
    await pay(page.url, GOOD_CARD)
    if order == "webhooks first":
        await desk.apply(await desk.told())
    followed = await asyncio.gather(*(_completion(desk).follow(page.id) for _ in range(3)))
    assert set(followed) == {CheckoutProgress.COMPLETE}
    await desk.apply(await desk.told())
    assert await desk.company.count(audit_log, subject=customer_id) == 1
    hosted = await desk.company.gateway.read_checkout(page.id)
    assert await desk.default_of(customer_id) == hosted.payment_method_id


async def test_late_news_does_not_undo_a_later_choice(visit: Visit) -> None:
    desk = visit.desk
    customer_id = await desk.company.customer()
    first, second = [await _card_page(desk, customer_id, key) for key in ("form_1", "form_2")]
    for page in (first, second):
        await pay(page.url, GOOD_CARD)
        await _completion(desk).follow(page.id)
    chosen = await desk.default_of(customer_id)
    assert await _completion(desk).follow(first.id) is CheckoutProgress.COMPLETE
    await desk.apply(await desk.told())
    assert await desk.default_of(customer_id) == chosen


async def test_a_page_that_is_open_or_closed_changes_nothing(visit: Visit) -> None:
    desk = visit.desk
    customer_id = await desk.company.customer()
    before = await desk.default_of(customer_id)
    page = await _card_page(desk, customer_id)
    assert await _completion(desk).follow(page.id) is CheckoutProgress.OPEN
    await desk.company.gateway.expire_checkout(page.id, key="expire")
    assert await _completion(desk).follow(page.id) is CheckoutProgress.EXPIRED
    assert await desk.default_of(customer_id) == before


async def test_the_page_of_another_installation_is_left_alone(visit: Visit) -> None:
    """The gateway's account is shared: its customer is none of ours."""
    desk = visit.desk
    gateway_id = await desk.company.gateway.create_customer(
        "cus_elsewhere", email="a@example.com", name=None, key="elsewhere"
    )
    page = await desk.company.gateway.create_card_update(
        CardUpdateRequest(
            customer_id="cus_elsewhere",
            gateway_customer_id=gateway_id,
            currency="USD",
            success_url="https://elsewhere.example/",
            cancel_url="https://elsewhere.example/",
        ),
        key="form_1",
    )
    await pay(page.url, GOOD_CARD)
    assert await _completion(desk).follow(page.id) is CheckoutProgress.FOREIGN
    assert await desk.company.count(audit_log, subject="cus_elsewhere") == 0


async def test_a_card_that_was_removed_meanwhile_does_not_come_back(visit: Visit) -> None:
    desk = visit.desk
    customer_id = await desk.company.customer()
    before = await desk.default_of(customer_id)
    page = await _card_page(desk, customer_id)
    await pay(page.url, GOOD_CARD)
    hosted = await desk.company.gateway.read_checkout(page.id)
    assert hosted.payment_method_id is not None
    await desk.company.gateway.detach_payment_method(hosted.payment_method_id, key="detach")
    assert await _completion(desk).follow(page.id) is CheckoutProgress.FOREIGN
    assert await desk.default_of(customer_id) == before


async def test_in_the_portal_the_new_card_is_shown_and_used_from_then_on(guest: Guest) -> None:
    home = await guest.portal()
    assert "Visa ending in 4242 expires" in home.text
    leading = await guest.browser.press(home, "Replace card")
    back = await enter_card(leading.links["Continue to the card page"], "5555555555554444")
    done = await guest.browser.open(back)
    assert "Your new card is saved." in done.text
    assert "Mastercard ending in 4444 expires 12/2034" in done.text
    await guest.advance("2026-05-01T00:05:00Z")
    attempts = (await guest.invoices())[0]["attempts"]
    methods = await guest.shop.read(f"/v1/customers/{guest.customer}/payment_methods")
    default = next(each for each in methods["data"] if each["is_default"])
    assert [attempt["payment_method"] for attempt in attempts] == [default["id"]]


async def test_one_form_makes_one_card_page(guest: Guest) -> None:
    form = (await guest.portal()).form("Replace card")
    answers = await asyncio.gather(*(guest.browser.answer_to(form) for _ in range(3)))
    assert len({answer.headers["location"] for answer in answers}) == 1


async def test_coming_back_without_a_card_changes_nothing(guest: Guest) -> None:
    leading = await guest.browser.press(await guest.portal(), "Replace card")
    page_id = leading.url.partition("page=")[2]
    back = await guest.browser.open(f"/hosted/portal/card/return?page={page_id}")
    assert back.url == "http://api.test/hosted/portal"
    assert "Visa ending in 4242" in back.text


async def test_a_completed_card_page_leads_nowhere_any_more(guest: Guest) -> None:
    leading = await guest.browser.press(await guest.portal(), "Replace card")
    await enter_card(leading.links["Continue to the card page"], GOOD_CARD)
    assert (await guest.browser.open(leading.url)).url == "http://api.test/hosted/portal"


async def test_without_anything_to_charge_no_card_is_asked_for(guest: Guest) -> None:
    customer = await guest.shop.customer()
    link = (await guest.shop.made("/v1/portal_sessions", {"customer": customer}))["url"]
    home = await guest.browser.open(link)
    assert "You have no subscription." in home.text
    assert home.buttons == ["Sign out"]
