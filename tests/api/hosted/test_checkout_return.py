"""The customer's return from the gateway's page, without any webhook."""

import asyncio
from html import unescape

import httpx
import pytest

from adapters.db.engine import transactions
from adapters.db.tables.checkout_session import CheckoutSessionStatus
from adapters.db.tables.payment_attempt import payment_attempts
from billing.subscription import SubscriptionStatus
from simulator.faults import Fault
from tests.api.hosted.conftest import PUBLIC_URL, Visit
from tests.conftest import StripeSimulator
from tests.worker.desk import (
    ALWAYS_AUTHENTICATES,
    DECLINED_LATER,
    GOOD_CARD,
    Checkout,
    pass_challenge,
    pay,
)


def _link(answer: httpx.Response, label: str) -> str:
    """Where the page's link of that label leads."""
    before = answer.text.partition(f">{label}</a>")[0]
    return unescape(before.rpartition('href="')[2].partition('"')[0])


def _form(answer: httpx.Response) -> str:
    return unescape(answer.text.partition('<form method="post" action="')[2].partition('"')[0])


async def _page_of(visit: Visit, checkout: Checkout) -> str:
    """The page that the session stands on now."""
    session = await visit.desk.session(checkout)
    assert session.stripe_session_id is not None
    return session.stripe_session_id


async def test_a_paid_checkout_leads_to_the_merchant(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await pay(checkout.page.url, GOOD_CARD)
    async with visit.desk.company.working():
        answer = await visit.come_back(checkout.id)
    assert answer.status_code == 303
    assert answer.headers["location"] == (
        f"https://shop.example/ok?checkout_session_id={checkout.id}"
    )
    assert answer.headers["referrer-policy"] == "no-referrer"
    [invoice] = await visit.desk.company.invoices()
    assert (invoice["status"], invoice["total_minor"]) == ("paid", 8000)
    assert (await visit.desk.session(checkout)).status is CheckoutSessionStatus.COMPLETE


async def test_a_trial_begins_without_a_payment(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout(trial_days=14)
    await pay(checkout.page.url, GOOD_CARD)
    async with visit.desk.company.working():
        answer = await visit.come_back(checkout.id)
        assert await checkout.subscription.status() is SubscriptionStatus.TRIALING
    assert answer.status_code == 303
    assert await visit.desk.company.invoices() == []


async def test_coming_back_often_and_at_once_charges_once(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await pay(checkout.page.url, GOOD_CARD)
    async with visit.desk.company.working():
        answers = await asyncio.gather(*(visit.come_back(checkout.id) for _ in range(5)))
        await visit.desk.apply(await visit.desk.told())
        answers.append(await visit.come_back(checkout.id))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await visit.desk.company.count(payment_attempts) == 1


async def test_a_declined_card_is_said_plainly_and_another_one_can_be_tried(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await pay(checkout.page.url, DECLINED_LATER)
    async with visit.desk.company.working():
        declined = await visit.come_back(checkout.id)
        assert (declined.status_code, "Your card was declined" in declined.text) == (200, True)
        assert (await visit.come_back(checkout.id)).text == declined.text

        clicks = await asyncio.gather(*(visit.browser.post(_form(declined)) for _ in range(3)))
        assert {click.status_code for click in clicks} == {303}
        [page_url] = {click.headers["location"] for click in clicks}
        assert page_url != checkout.page.url
        origin = page_url.partition("/c/pay/")[0]
        assert f"form-action 'self' {origin}" in declined.headers["content-security-policy"]
        unfinished = await visit.come_back(checkout.id)
        assert unfinished.headers["location"] == page_url

        await pay(page_url, GOOD_CARD)
        answer = await visit.come_back(checkout.id)
        assert answer.headers["location"].startswith("https://shop.example/ok")
        assert await checkout.subscription.status() is SubscriptionStatus.ACTIVE
    [invoice] = await visit.desk.company.invoices()
    assert invoice["status"] == "paid"
    assert await visit.desk.company.count(payment_attempts) == 2


async def test_another_card_is_offered_only_after_a_decline(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await pay(checkout.page.url, GOOD_CARD)
    link = visit.links.checkout_return(checkout.id)
    async with visit.desk.company.working():
        await visit.come_back(checkout.id)
        answer = await visit.browser.post(link.replace("/return?", "/another_card?"))
    assert (answer.status_code, answer.headers["location"]) == (303, link)
    assert await _page_of(visit, checkout) == checkout.page.id


async def test_a_bank_that_asks_is_asked_and_the_customer_led_on(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await pay(checkout.page.url, ALWAYS_AUTHENTICATES)
    await visit.desk.authenticate_setups()
    async with visit.desk.company.working():
        asked = await visit.come_back(checkout.id)
        assert "Your bank asks you to confirm" in asked.text
        back = await pass_challenge(_link(asked, "Continue to your bank"))
        assert back.startswith(f"{PUBLIC_URL}/hosted/payments/")
        returned = await visit.browser.get(back)
        assert returned.headers["location"] == visit.links.checkout_return(checkout.id)
        led_on = await visit.browser.get(returned.headers["location"])
    assert led_on.headers["location"].startswith("https://shop.example/ok")
    assert await visit.desk.company.count(payment_attempts) == 1


async def test_a_failed_authentication_is_a_declined_card(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await pay(checkout.page.url, ALWAYS_AUTHENTICATES)
    await visit.desk.authenticate_setups()
    async with visit.desk.company.working():
        asked = await visit.come_back(checkout.id)
        back = await pass_challenge(_link(asked, "Continue to your bank"), outcome="fail")
        returned = await visit.browser.get(back)
        declined = await visit.browser.get(returned.headers["location"])
    assert "Your card was declined" in declined.text


async def test_an_unfinished_page_is_gone_back_to(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    answer = await visit.come_back(checkout.id)
    assert (answer.status_code, answer.headers["location"]) == (303, checkout.page.url)


async def test_an_expired_page_says_so(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await visit.desk.company.gateway.expire_checkout(checkout.page.id, key="expire")
    answer = await visit.come_back(checkout.id)
    assert "This checkout is closed" in answer.text
    assert _link(answer, "Go back") == "https://shop.example/cancel"


async def test_while_nobody_works_the_page_asks_again_by_itself(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await pay(checkout.page.url, GOOD_CARD)
    with visit.hurried():
        answer = await visit.come_back(checkout.id)
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    async with visit.desk.company.working():
        assert (await visit.come_back(checkout.id)).status_code == 303


async def test_while_the_gateway_is_out_the_page_asks_again_by_itself(
    visit: Visit, simulator: StripeSimulator
) -> None:
    checkout = await visit.desk.open_checkout()
    await simulator.control.inject(
        Fault(kind="server_error", method="GET", path="/v1/checkout/sessions/*")
    )
    answer = await visit.come_back(checkout.id)
    assert (answer.status_code, 'http-equiv="refresh"' in answer.text) == (503, True)
    assert (await visit.come_back(checkout.id)).status_code == 303


async def test_a_guessed_id_opens_no_page(visit: Visit, subtests: pytest.Subtests) -> None:
    checkout = await visit.desk.open_checkout()
    for signature in (
        "",
        "?signature=",
        f"?signature={'0' * 32}",
        "?signature=%00",
    ):
        with subtests.test(signature=signature):
            for path in ("return", "another_card"):
                url = f"/hosted/checkout/{checkout.id}/{path}{signature}"
                answer = await visit.browser.request("GET" if path == "return" else "POST", url)
                assert (answer.status_code, "does not exist" in answer.text) == (404, True)


async def test_an_unknown_session_opens_no_page(visit: Visit) -> None:
    for unknown in ("cs_unknown", "%2e%2e", "cs_" + "x" * 5000):
        answer = await visit.come_back(unknown)
        assert answer.status_code == 404
    for unreadable in ("%00", "%ff", "%ED%A0%80"):
        answer = await visit.browser.get(f"/hosted/checkout/{unreadable}/return?signature=%00")
        assert answer.status_code == 404


async def test_a_second_checkout_of_a_family_charges_nothing(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await pay(checkout.page.url, GOOD_CARD)
    async with visit.desk.company.working():
        await visit.desk.company.save_card(checkout.customer_id, "pm_card_visa")
        other = await visit.desk.company.subscribe(checkout.customer_id)
        await other.activated()
        answer = await visit.come_back(checkout.id)
    assert "You are subscribed already" in answer.text
    assert len(await visit.desk.company.invoices()) == 1


async def test_a_deleted_card_is_not_made_the_default(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    await pay(checkout.page.url, GOOD_CARD)
    completed = await visit.desk.company.gateway.read_checkout(checkout.page.id)
    assert completed.payment_method_id is not None
    await visit.desk.company.gateway.detach_payment_method(completed.payment_method_id, key="d")
    async with visit.desk.company.working():
        answer = await visit.come_back(checkout.id)
    assert "declined" in answer.text
    async with transactions(visit.desk.company.engine)() as tx:
        assert (await tx.customers.get(checkout.customer_id)).default_payment_method_id is None
