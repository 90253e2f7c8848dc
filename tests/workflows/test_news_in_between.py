"""What is said while a payment is under way is not lost."""

import asyncio
from dataclasses import replace

from adapters.stripe.gateway import StripeGateway
from billing.ports.gateway import GatewayPayment
from tests.workflows.company import Company, at


class HeldGateway(StripeGateway):
    """Confirms when it is let; says when it was asked."""

    asked = asyncio.Event()
    let = asyncio.Event()

    async def confirm_payment(
        self, payment_id: str, *, return_url: str, off_session: bool, key: str
    ) -> GatewayPayment:
        self.asked.set()
        await self.let.wait()
        return await super().confirm_payment(
            payment_id, return_url=return_url, off_session=off_session, key=key
        )


async def test_a_card_saved_while_the_old_one_is_being_declined_is_tried_at_once(
    company: Company,
) -> None:
    gateway = HeldGateway(company.stripe)
    gateway.let.set()
    company.parts = replace(company.parts, gateway=gateway)
    company.present = at("2026-05-01T00:00")
    async with company.working(), asyncio.timeout(60):
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, "pm_card_chargeCustomerFail")
        gateway.asked.clear()
        gateway.let.clear()
        renewing = asyncio.create_task(company.advance("2026-06-01T00:00"))
        await gateway.asked.wait()

        await company.save_card(customer, "pm_card_visa")
        await subscription.handle.signal("payment_method_changed")
        gateway.let.set()
        await renewing
        await company.settle()

        assert await subscription.status() == "active"
        assert [i["status"] for i in await company.invoices()] == ["paid", "paid"]
        assert company.mailbox.kinds() == ["payment_failed"]
