"""What can never succeed waits for an operator, and keeps nobody else from going on."""

import asyncio
from dataclasses import replace

from adapters.db.engine import unit_of_work
from billing.errors import InvalidInput
from billing.message import Message
from billing.ports.customers import CustomerRecord
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Subscription
from tests.workflows.test_payments import captured
from tests.workflows.test_received_payments import check_books, transfer
from workflows.messages import PayNow, Retry


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


async def test_what_a_card_cannot_pay_is_paid_by_transfer_and_needs_nobody(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        async with unit_of_work(company.engine)() as tx:
            await tx.customers.set_default_payment_method(customer, "pm_unheard_of")
        await company.advance("2026-02-17T09:31")
        await waits_for_an_operator(subscription)

        await transfer(subscription, 3000, "R-1")
        await waits_for_an_operator(subscription)
        await transfer(subscription, 5000, "R-2")
        await company.settle()
        report = await subscription.report()
        assert (report.state.status, report.problem) == ("active", None)
    assert await captured(simulator) == 8000
    await check_books(company)


class BouncingPost:
    """Nothing can be delivered to this address, ever."""

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        raise InvalidInput("address_refused", f"{message.key} to {to.id} bounced")


async def test_a_message_that_bounces_keeps_nobody_from_an_answer(
    company: Company, simulator: StripeSimulator
) -> None:
    company.parts = replace(company.parts, post=BouncingPost())
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, "pm_card_chargeCustomerFail")
        await company.advance("2026-02-17T09:30")
        await waits_for_an_operator(subscription)
        await company.save_card(customer, "pm_card_visa")

        receipt = await subscription.give(PayNow)

        assert (receipt.invoice_id, receipt.decline) == (None, None), "it waited for the payment"
        assert await subscription.status() == "active"
    assert await captured(simulator) == 16000
