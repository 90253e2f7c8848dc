"""What can never succeed waits for an operator, and keeps nobody else from going on."""

import asyncio

from adapters.db.engine import unit_of_work
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Subscription
from tests.workflows.test_payments import captured
from workflows.messages import Retry


async def waits_for_an_operator(subscription: Subscription) -> None:
    async with asyncio.timeout(30):
        while (await subscription.report()).problem is None:  # noqa: ASYNC110 - a worker's work
            await asyncio.sleep(0.02)


async def test_a_clock_arrives_although_one_subscription_waits_and_it_catches_up(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        stuck_customer = await company.customer()
        stuck = await company.subscribe(stuck_customer)
        well = await company.subscribe(await company.customer())
        for subscription in (stuck, well):
            assert (await subscription.activated()).status == "active"
        async with unit_of_work(company.engine)() as tx:
            await tx.customers.set_default_payment_method(stuck_customer, "pm_unheard_of")

        await company.advance("2026-03-20T00:00")
        await waits_for_an_operator(stuck)
        assert await captured(simulator) == 2 * 8000 + 2 * 8000

        await company.save_card(stuck_customer, "pm_card_visa")
        await stuck.give(Retry)
        await company.settle()
        assert await stuck.status() == "active"
        assert (await stuck.report()).problem is None

    assert await captured(simulator) == 6 * 8000
