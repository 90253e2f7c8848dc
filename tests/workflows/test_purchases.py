"""A purchase in its workflow: over once it is paid for, and never charged again."""

from billing.subscription import PurchaseKind, SubscriptionState, SubscriptionStatus
from tests.conftest import StripeSimulator
from tests.histories.settling import settled
from tests.workflows.company import Company, Subscription
from tests.workflows.test_payments import captured
from workflows.messages import SUBSCRIPTION_WORKFLOW, SubscriptionReport, SubscriptionStart
from workflows.search_attributes import BILLING_STATUS


async def _ended(purchase: Subscription) -> SubscriptionState:
    """As its workflow leaves it."""
    report = SubscriptionReport.model_validate(await purchase.handle.result())
    return report.state


async def test_a_reset_to_its_beginning_charges_nobody_again(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        purchase = await company.buy(await company.customer())
        assert purchase.handle.id == f"purchase/{purchase.id}"
        bought = await _ended(purchase)
        described = await purchase.handle.describe()
        assert described.typed_search_attributes[BILLING_STATUS] == "completed"
        begun = bought.model_copy(
            update={
                "status": SubscriptionStatus.INCOMPLETE,
                "checkout_completed_at": bought.created_at,
                "revision": 1,
                **dict.fromkeys(("period", "period_number", "ended_at", "end_reason")),
            }
        )
        await company.client.start_workflow(
            SUBSCRIPTION_WORKFLOW,
            SubscriptionStart.of(begun),
            id=purchase.handle.id,
            task_queue=company.task_queue,
        )
        again = await _ended(purchase)
    assert again.status is SubscriptionStatus.COMPLETED
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid"]
    assert await captured(simulator) == 50_000


async def test_one_at_a_checkout_waits_for_another_card_and_not_longer_than_a_day(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer(card="pm_card_chargeCustomerFail")
        purchase = await company.buy(customer, kind=PurchaseKind.CHECKOUT)
        await settled(purchase)
        assert (await purchase.report()).state.activation_refused
        await company.save_card(customer, "pm_card_visa")
        await company.advance("2026-01-18T12:00")
        expired = await _ended(purchase)
    assert expired.status is SubscriptionStatus.INCOMPLETE_EXPIRED
    assert [invoice["status"] for invoice in await company.invoices()] == ["void"]
    assert await captured(simulator) == 0
    assert company.mailbox.messages == []
