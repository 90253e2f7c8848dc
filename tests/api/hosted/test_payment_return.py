"""The customer's return from the bank, for a payment of a subscription that runs already."""

import re
from html import unescape

import pytest

from adapters.db.tables.payment_attempt import payment_attempts
from billing.subscription import SubscriptionStatus
from tests.api.hosted.conftest import Visit
from tests.worker.desk import pass_challenge
from tests.workflows.company import Subscription


async def _action_url(subscription: Subscription) -> str:
    [invoice] = (await subscription.report()).state.open_invoices
    assert invoice.action_url is not None
    return invoice.action_url


async def _renewal_that_the_bank_asks_about(visit: Visit) -> Subscription:
    """A trial converts on a card that must be authenticated each time."""
    company = visit.desk.company
    customer_id = await company.customer(card="pm_card_authenticationRequired")
    subscription = await company.subscribe(customer_id, trial_days=14)
    await subscription.activated()
    await company.advance("2026-01-31T09:30")
    assert await subscription.status() is SubscriptionStatus.PAST_DUE
    return subscription


async def test_a_confirmed_payment_is_thanked_for(visit: Visit) -> None:
    async with visit.desk.company.working():
        customer_id = await visit.desk.company.customer(card="pm_card_authenticationRequired")
        subscription = await visit.desk.company.subscribe(customer_id)
        await subscription.activated()
        back = await pass_challenge(await _action_url(subscription))
        thanks = await visit.browser.get(back)
        assert "Thank you" in thanks.text
        assert await subscription.status() is SubscriptionStatus.ACTIVE
        assert (await visit.browser.get(back)).text == thanks.text
    assert await visit.desk.company.count(payment_attempts) == 1


async def test_a_refused_confirmation_says_what_to_do(visit: Visit) -> None:
    async with visit.desk.company.working():
        customer_id = await visit.desk.company.customer(card="pm_card_authenticationRequired")
        subscription = await visit.desk.company.subscribe(customer_id)
        await subscription.activated()
        back = await pass_challenge(await _action_url(subscription), outcome="fail")
        refused = await visit.browser.get(back)
    assert "did not go through" in refused.text
    assert await visit.desk.company.count(payment_attempts) == 1


async def test_coming_back_without_confirming_leads_to_the_bank_again(visit: Visit) -> None:
    async with visit.desk.company.working():
        customer_id = await visit.desk.company.customer(card="pm_card_authenticationRequired")
        subscription = await visit.desk.company.subscribe(customer_id)
        await subscription.activated()
        url = await _action_url(subscription)
        [invoice] = (await subscription.report()).state.open_invoices
        for _ in range(2):
            asked = await visit.browser.get(visit.links.payment_return(invoice.invoice_id))
            assert url in unescape(asked.text)


async def test_a_renewal_s_page_names_no_amount(visit: Visit) -> None:
    async with visit.desk.company.working():
        subscription = await _renewal_that_the_bank_asks_about(visit)
        [invoice] = (await subscription.report()).state.open_invoices
        told = await visit.browser.get(visit.links.payment_return(invoice.invoice_id))
    assert told.status_code == 200
    shown = told.text.partition("<main>")[2].replace(invoice.invoice_id, "")
    for secret in ("80", "USD", "Ada", "ada@example.com", "Team"):
        assert secret not in re.sub(r"signature=\w+", "", shown)


@pytest.mark.parametrize("signature", ["", f"?signature={'0' * 32}"])
async def test_a_guessed_invoice_opens_no_page(signature: str, visit: Visit) -> None:
    answer = await visit.browser.get(f"/hosted/payments/in_1/return{signature}")
    assert (answer.status_code, "does not exist" in answer.text) == (404, True)


async def test_an_unknown_invoice_opens_no_page(visit: Visit) -> None:
    assert (await visit.browser.get(visit.links.payment_return("in_1"))).status_code == 404
