"""One command sent five times: applied once, five identical answers."""

import asyncio

import httpx

from tests.scenarios.company import Company, Customer


async def test_a_command_sent_five_times_is_applied_once_and_answered_alike(
    company: Company,
) -> None:
    jo = await company.customer("2026-01-31T12:00:00Z", card="pm_card_visa")
    business = await jo.subscribe("business_monthly")

    answers = await asyncio.gather(*(answered_cancel(jo, business) for _ in range(5)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    timeline = await company.shop.read(f"/v1/subscriptions/{business}/timeline")
    types = [entry["type"] for entry in timeline["data"]]
    assert types.count("subscription.cancel_at_period_end") == 1, types
    await jo.settled(business)
    assert company.messages() == ["subscription_canceled"]


async def answered_cancel(customer: Customer, subscription_id: str) -> httpx.Response:
    """As callers do: asks again, under the same key, while the first request runs."""
    async with asyncio.timeout(30):
        while True:
            answer = await customer.cancel(subscription_id, key="five-times")
            if answer.status_code != 409:
                return answer
            assert answer.json()["code"] == "idempotency_key_in_use"
            await asyncio.sleep(0.02)
