"""Whatever earlier truth an operator resets a workflow to, what happened since counts."""

from datetime import UTC, datetime

from billing.subscription import Clock, SubscriptionState
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Subscription, at
from tests.workflows.test_payments import captured
from tests.workflows.test_received_payments import check_books, transfer
from workflows.messages import SUBSCRIPTION_WORKFLOW, SubscriptionStart


async def begin_again(
    company: Company, subscription: Subscription, state: SubscriptionState
) -> None:
    """The workflow's truth is an earlier one, as after a reset, and its clock goes on."""
    clock = Clock(offset=company.present - datetime.now(UTC), frozen_at=company.present)
    await subscription.handle.terminate("reset to an earlier state")
    await company.client.start_workflow(
        SUBSCRIPTION_WORKFLOW,
        SubscriptionStart.of(state.model_copy(update={"clock": clock})),
        id=subscription.handle.id,
        task_queue=company.task_queue,
    )


async def test_a_reset_into_dunning_keeps_a_subscription_that_recovered_since(
    company: Company, simulator: StripeSimulator
) -> None:
    company.present = at("2026-05-01T00:00")
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, "pm_card_chargeCustomerFail")
        await company.advance("2026-06-02T00:00")
        in_dunning = (await subscription.report()).state
        await company.advance("2026-06-06T12:00")
        await company.save_card(customer, "pm_card_visa")
        await subscription.handle.signal("payment_method_changed")
        await company.advance("2026-08-10T00:00")

        await begin_again(company, subscription, in_dunning)
        await company.settle()

        assert await subscription.status() == "active"
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid"] * 4
    assert await captured(simulator) == 4 * 8000


async def test_a_reset_repeats_no_transfer_and_forgets_none(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, "pm_card_chargeCustomerFail")
        await company.advance("2026-02-17T09:31")
        in_dunning = (await subscription.report()).state
        [invoice] = in_dunning.open_invoices
        await transfer(subscription, 3000, "R-1")

        await begin_again(company, subscription, in_dunning)
        await transfer(subscription, 3000, "R-1", invoice_id=invoice.invoice_id)
        [left] = (await subscription.report()).state.open_invoices
        assert left.amount.amount_minor == 5000
        await company.save_card(customer, "pm_card_visa")
        await company.advance("2026-02-20T09:31")
        assert await subscription.status() == "active"
    assert await captured(simulator) == 8000 + 5000
    await check_books(company)
