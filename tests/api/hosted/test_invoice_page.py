"""An invoice's page: what is owed and why, and every way to pay it."""

import asyncio
from typing import Any

import pytest

from adapters.db.tables.payment_attempt import payment_attempts
from adapters.hosted_link import HostedLinks
from billing.subscription import SubscriptionStatus
from tests.api.hosted.conftest import Visit
from tests.api.hosted.guest import ASKS_EACH_TIME, DECLINED, Guest, enter_card
from tests.api.hosted.plain_browser import Sheet
from tests.conftest import StripeSimulator
from tests.worker.desk import GOOD_CARD, pass_challenge


def _link(guest: Guest, invoice: dict[str, Any]) -> str:
    return HostedLinks.of(guest.shop.deps.settings).invoice(invoice["id"])


async def _latest(guest: Guest) -> Sheet:
    return await guest.browser.open(_link(guest, (await guest.invoices())[0]))


async def _captured(simulator: StripeSimulator) -> int:
    return (await simulator.control.totals())["usd"].captured_minor


@pytest.fixture
async def owing(guest: Guest) -> Guest:
    """The renewal of 1 May was declined."""
    await guest.prefers(DECLINED)
    await guest.advance("2026-05-01T00:05:00Z")
    return guest


async def _renewed_with(guest: Guest, simulator: StripeSimulator, *declines: str) -> None:
    """The renewals of 1 May meet these declines; afterwards the card is good again."""
    [method] = (await guest.shop.read(f"/v1/customers/{guest.customer}/payment_methods"))["data"]
    await simulator.control.schedule_outcomes(method["id"], *declines)
    await guest.advance("2026-05-01T00:05:00Z")


async def test_a_paid_invoice_says_what_it_was_for(guest: Guest) -> None:
    sheet = await _latest(guest)
    for said in (
        "Invoice PN-000001",
        "$80.00 paid",
        "Paid on April 1, 2026.",
        "Team, 5 seats, every month",
        "April 1, 2026 to May 1, 2026",
        "Still to pay $0.00",
    ):
        assert said in sheet.text
    assert sheet.forms == ()


async def test_the_page_is_private_and_runs_no_script(owing: Guest) -> None:
    sheet = await _latest(owing)
    policy = sheet.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert policy.endswith("form-action 'self'")
    assert sheet.headers["cache-control"] == "no-store"
    assert sheet.headers["referrer-policy"] == "no-referrer"


async def test_an_overdue_invoice_says_why_and_what_comes_next(owing: Guest) -> None:
    sheet = await _latest(owing)
    for said in (
        "$80.00 to pay",
        "We could not collect $80.00: your bank declined it.",
        "5 seats at $16.00 = $80.00",
        "We will try again by ourselves on May 4, 2026.",
        "with Visa ending in 0341, expires",
        "To pay $80.00",
    ):
        assert said in sheet.text
    assert sheet.buttons == ["Pay $80.00 now", "Use another card"]


@pytest.mark.parametrize(
    ("decline", "said"),
    [
        ("insufficient_funds", "there were not sufficient funds"),
        ("expired_card", "the card has expired"),
        ("generic_decline", "your bank declined it"),
        ("stolen_card", "your bank declined it"),
    ],
)
async def test_a_decline_is_told_in_words_that_a_customer_may_hear(
    decline: str, said: str, guest: Guest, simulator: StripeSimulator
) -> None:
    await _renewed_with(guest, simulator, decline)
    sheet = await _latest(guest)
    assert f"We could not collect $80.00: {said}." in sheet.text
    assert "stolen" not in sheet.html


async def test_a_card_that_will_never_work_is_not_tried_again(
    guest: Guest, simulator: StripeSimulator
) -> None:
    await _renewed_with(guest, simulator, "stolen_card")
    sheet = await _latest(guest)
    assert "We will not try this card again by ourselves. Please use another one." in sheet.text


async def test_paying_now_with_a_card_that_is_good_again_settles_it(
    guest: Guest, simulator: StripeSimulator
) -> None:
    await _renewed_with(guest, simulator, "insufficient_funds")
    paid = await guest.browser.press(await _latest(guest), "Pay $80.00 now")
    assert "$80.00 paid" in paid.text
    assert (await guest.now())["status"] == "active"
    assert await _captured(simulator) == 16000
    assert len((await guest.invoices())[0]["attempts"]) == 2


async def test_paying_with_the_declined_card_says_that_it_was_tried(
    owing: Guest, simulator: StripeSimulator
) -> None:
    again = await owing.browser.press(await _latest(owing), "Pay $80.00 now")
    assert "We tried just now, and could not collect $80.00" in again.text
    assert "We tried just now" not in (await _latest(owing)).text
    assert len((await owing.invoices())[0]["attempts"]) == 2
    assert await _captured(simulator) == 8000


async def test_a_double_click_is_one_try(owing: Guest) -> None:
    form = (await _latest(owing)).form("Pay $80.00 now")
    await asyncio.gather(*(owing.browser.answer_to(form) for _ in range(4)))
    assert len((await owing.invoices())[0]["attempts"]) == 2


async def test_an_old_form_and_a_made_up_one_try_nothing(owing: Guest) -> None:
    form = (await _latest(owing)).form("Pay $80.00 now")
    await owing.browser.send(form)
    for attempt in (form.fields["attempt"], "", "7", "-1", "x"):
        answer = await owing.browser.send(form, attempt=attempt)
        assert "$80.00 to pay" in answer.text
    fresh = (await _latest(owing)).form("Pay $80.00 now")
    assert "$80.00 to pay" in (await owing.browser.send(fresh, form_id="made up")).text
    assert len((await owing.invoices())[0]["attempts"]) == 2


async def test_another_card_pays_it_at_once_and_is_kept(
    owing: Guest, simulator: StripeSimulator
) -> None:
    leading = await owing.browser.press(await _latest(owing), "Use another card")
    page_url = leading.links["Continue to the card page"]
    assert leading.refresh == f"0; url={page_url}"
    back = await enter_card(page_url, GOOD_CARD)
    paid = await owing.browser.open(back)
    assert "$80.00 paid" in paid.text
    assert (await owing.now())["status"] == "active"
    assert "Visa ending in 4242" in (await owing.portal()).text
    again = await owing.browser.open(back)
    assert "$80.00 paid" in again.text
    assert await _captured(simulator) == 16000


async def test_on_net_terms_another_card_is_tried_where_the_customer_asks_for_it_alone(
    guest: Guest, simulator: StripeSimulator
) -> None:
    path = f"/v1/customers/{guest.customer}/net_terms"
    assert (await guest.shop.client.put(path, json={"net_days": 30})).status_code == 200
    await guest.prefers(ASKS_EACH_TIME)
    await guest.advance("2026-05-01T00:05:00Z")
    await guest.browser.press(await _latest(guest), "Pay $80.00 now")
    await guest.advance("2026-05-10T00:00:00Z")
    await guest.prefers("pm_card_visa")
    await guest.advance("2026-05-11T00:00:00Z")
    assert await _captured(simulator) == 8000, "the challenge was left, and the card is for later"
    leading = await guest.browser.press(await _latest(guest), "Use another card")
    paid = await guest.browser.open(
        await enter_card(leading.links["Continue to the card page"], GOOD_CARD)
    )
    assert "$80.00 paid" in paid.text
    assert await _captured(simulator) == 16000


async def test_one_form_makes_one_card_page(owing: Guest) -> None:
    form = (await _latest(owing)).form("Use another card")
    answers = await asyncio.gather(*(owing.browser.answer_to(form) for _ in range(3)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    other = (await _latest(owing)).form("Use another card")
    assert (await owing.browser.answer_to(other)).headers["location"] != answers[0].headers[
        "location"
    ]


async def test_a_made_up_form_makes_no_card_page(owing: Guest, subtests: pytest.Subtests) -> None:
    for form_id in (
        "",
        "x",
        "é" * 32,
        "0" * 33,
    ):
        with subtests.test(form_id=form_id):
            answer = await owing.browser.press(
                await _latest(owing), "Use another card", form_id=form_id
            )
            assert "$80.00 to pay" in answer.text


async def test_another_card_that_is_declined_too_can_be_replaced_again(owing: Guest) -> None:
    leading = await owing.browser.press(await _latest(owing), "Use another card")
    back = await enter_card(leading.links["Continue to the card page"], "4000000000000341")
    declined = await owing.browser.open(back)
    assert "We tried just now, and could not collect $80.00" in declined.text
    assert declined.buttons == ["Pay $80.00 now", "Use another card"]


async def test_without_a_card_one_is_asked_for(guest: Guest) -> None:
    [method] = (await guest.shop.read(f"/v1/customers/{guest.customer}/payment_methods"))["data"]
    await guest.shop.client.delete(f"/v1/payment_methods/{method['id']}")
    await guest.advance("2026-05-01T00:05:00Z")
    sheet = await _latest(guest)
    assert "there is no payment method" in sheet.text
    assert sheet.buttons == ["Add a card"]


async def test_a_bank_that_wants_the_customer_gets_them_when_they_pay(
    guest: Guest, simulator: StripeSimulator
) -> None:
    await guest.prefers(ASKS_EACH_TIME)
    await guest.advance("2026-05-01T00:05:00Z")
    sheet = await _latest(guest)
    assert "your bank wants you to confirm it." in sheet.text
    leading = await guest.browser.press(sheet, "Pay $80.00 now")
    bank = leading.links["Continue to your bank"]
    assert leading.refresh == f"0; url={bank}"
    assert await _captured(simulator) == 8000

    asked = await _latest(guest)
    assert "Confirm your payment of $80.00" in asked.text
    assert asked.links["Continue to your bank"] == bank
    assert asked.buttons == ["Use another card"]
    thanks = await guest.browser.open(await pass_challenge(bank))
    assert "Thank you" in thanks.text
    assert "$80.00 paid" in (await _latest(guest)).text
    assert await _captured(simulator) == 16000


async def test_a_bank_that_refuses_leaves_the_invoice_to_be_paid(guest: Guest) -> None:
    await guest.prefers(ASKS_EACH_TIME)
    await guest.advance("2026-05-01T00:05:00Z")
    leading = await guest.browser.press(await _latest(guest), "Pay $80.00 now")
    back = await pass_challenge(leading.links["Continue to your bank"], outcome="fail")
    refused = await guest.browser.open(back)
    assert "did not go through" in refused.text
    sheet = await guest.browser.follow(refused, "Continue to the invoice")
    assert sheet.buttons == ["Pay $80.00 now", "Use another card"]


async def test_the_page_of_a_waived_invoice_asks_for_nothing(owing: Guest) -> None:
    form = (await _latest(owing)).form("Pay $80.00 now")
    await owing.shop.made(f"/v1/subscriptions/{owing.subscription}/cancel", {"mode": "now"})
    sheet = await _latest(owing)
    assert "There is nothing to pay" in sheet.text
    assert sheet.forms == ()
    assert "There is nothing to pay" in (await owing.browser.send(form)).text


async def test_the_signature_of_one_invoice_opens_no_other(owing: Guest) -> None:
    first, second = (_link(owing, each) for each in await owing.invoices())
    crossed = f"{first.partition('?')[0]}?{second.partition('?')[2]}"
    for url in (crossed, first.partition("?")[0], f"{first}0"):
        assert (await owing.browser.open(url)).status == 404
        posted = await owing.browser.client.post(url.replace("?", "/pay?"), data={"attempt": "1"})
        assert posted.status_code in {404, 405}


async def test_an_invoice_that_does_not_exist_has_no_page(guest: Guest) -> None:
    links = HostedLinks.of(guest.shop.deps.settings)
    assert (await guest.browser.open(links.invoice("in_1"))).status == 404


async def test_the_way_back_to_the_portal_is_shown_where_it_is_open(
    guest: Guest, stranger: Guest
) -> None:
    assert "Back to your subscriptions" not in (await _latest(guest)).links
    await guest.portal()
    assert "Back to your subscriptions" in (await _latest(guest)).links
    theirs = _link(stranger, (await stranger.invoices())[0])
    assert "Back to your subscriptions" not in (await guest.browser.open(theirs)).links


async def test_a_first_payment_is_made_at_its_checkout(visit: Visit) -> None:
    checkout = await visit.desk.open_checkout()
    async with visit.desk.company.working():
        await visit.desk.company.save_card(checkout.customer_id, "pm_card_authenticationRequired")
        await checkout.subscription.complete_checkout()
        await checkout.subscription.activated()
        [invoice] = await visit.desk.company.invoices()
        answer = await visit.browser.get(visit.links.invoice(invoice["id"]))
    assert answer.status_code == 303
    assert answer.headers["location"] == visit.links.checkout_return(checkout.id)


async def test_a_slow_payment_asks_for_nothing_while_it_is_on_its_way(visit: Visit) -> None:
    company = visit.desk.company
    async with company.working():
        customer_id = await company.customer()
        subscription = await company.subscribe(customer_id)
        await subscription.activated()
        await company.save_bank_account(customer_id)
        await company.advance("2026-02-17T09:31")
        assert await subscription.status() is SubscriptionStatus.ACTIVE
        [_, renewal] = await company.invoices()
        answer = await visit.browser.get(visit.links.invoice(renewal["id"]))
    assert "Your payment of $80.00 is on its way" in answer.text
    assert "<form" not in answer.text


async def test_an_attempt_that_is_under_way_is_waited_for(visit: Visit) -> None:
    """The gateway is out of reach in the middle of a renewal's attempt."""
    company = visit.desk.company
    async with company.working():
        customer_id = await company.customer()
        subscription = await company.subscribe(customer_id)
        await subscription.activated()
        await company.save_card(customer_id, DECLINED)
        await company.advance("2026-02-17T09:31")
        [_, renewal] = await company.invoices()
    async with company.engine.begin() as connection:
        await connection.execute(
            payment_attempts.insert().values(
                invoice_id=renewal["id"],
                number=2,
                payment_method_id="pm_1",
                amount_minor=8000,
                currency="USD",
                started_at=company.present,
                attempted_at=company.present,
            )
        )
    answer = await visit.browser.get(visit.links.invoice(renewal["id"]))
    assert "One moment" in answer.text
    assert 'http-equiv="refresh" content="3"' in answer.text
    assert "<form" not in answer.text
