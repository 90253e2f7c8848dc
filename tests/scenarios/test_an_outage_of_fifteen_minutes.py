"""Stripe answers 429 and 500 for fifteen minutes across renewals: all are paid, nobody hears of it.

The customers live by real time, which is skipped: on a test clock an outage takes no time.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.testing import TimeSkipper, TimeSkippingConfig

from simulator.faults import Fault
from tests.scenarios.company import Company
from workflows.messages import subscription_workflow_id

_OUTAGE: Final = timedelta(minutes=15)
_LONGEST_PAUSE: Final = timedelta(minutes=6)
"""Before the gateway is asked once more."""


async def test_renewals_in_an_outage_are_paid_after_it_and_nobody_is_past_due(
    company: Company,
) -> None:
    subscriptions = [await live_subscription(company) for _ in range(3)]
    for kind in ("rate_limited", "server_error") * 50:
        fault = {"kind": kind, "method": "POST", "path": "/v1/payment_intents*", "times": 2}
        await company.stripe.inject(Fault.model_validate(fault))

    listed = (await company.shop.read("/v1/subscriptions"))["data"]
    renewal = max(datetime.fromisoformat(each["current_period"]["end"]) for each in listed)
    await pass_time(company, subscriptions, renewal - datetime.now(UTC) + _OUTAGE)

    assert await statuses(company) == [("active", "open")] * 3
    assert await company.captured() == 3 * 16_000
    await company.stripe.clear_faults()
    await pass_time(company, subscriptions, _LONGEST_PAUSE)
    async with asyncio.timeout(60):
        while await statuses(company) != [("active", "paid")] * 3:  # noqa: ASYNC110 - as callers do
            await asyncio.sleep(0.05)
    assert await company.captured() == 6 * 16_000
    assert company.messages() == []
    assert await company.books_balance()


async def live_subscription(company: Company) -> str:
    """Ten seats of Team, paid for a month, of a customer who lives by real time."""
    customer = await company.shop.customer(card="pm_card_visa")
    body = {"customer": customer, "price": "team_monthly", "quantity": 10, "trial": False}
    made = await company.shop.made("/v1/subscriptions", body)
    assert made["status"] == "active"
    return str(made["id"])


async def pass_time(company: Company, subscriptions: list[str], length: timedelta) -> None:
    """As if that much time went by for each."""
    temporal = company.shop.deps.temporal
    skipper = TimeSkipper(temporal, config=TimeSkippingConfig(max_session_skip_count=1_000_000))
    for subscription in subscriptions:
        handle = temporal.get_workflow_handle(subscription_workflow_id(subscription))
        await skipper.fast_forward(handle, length)


async def statuses(company: Company) -> list[tuple[str, str]]:
    """Of each subscription and of its last invoice, which is the renewal's."""
    listed = (await company.shop.read("/v1/subscriptions"))["data"]
    invoices = [await company.shop.read("/v1/invoices", subscription=each["id"]) for each in listed]
    for page in invoices:
        assert len(page["data"]) == 2
    return [
        (each["status"], page["data"][0]["status"])
        for each, page in zip(listed, invoices, strict=True)
    ]
