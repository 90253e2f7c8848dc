"""A worker dies after it billed a period where the workflow runs, and nobody hears of it."""

import asyncio

from activities.period_billing import Billed, BillPeriod, PeriodBilling
from adapters.db.engine import unit_of_work
from billing import lifecycle
from billing.dispute import DisputeState
from billing.lineage import Lineage
from billing.subscription import SubscriptionState
from tests.workflows.company import Company, Subscription, at
from workflows.messages import CancelMode, DisputeNews


async def bill_unheard(
    company: Company, subscription: Subscription, due: SubscriptionState, recorded_revision: int
) -> None:
    """What a worker has committed before it died: the server has no event of it."""
    run_id = (await subscription.handle.describe()).run_id
    assert run_id is not None
    lineage = Lineage(run_id=run_id, recorded_revision=recorded_revision)
    state = due.model_copy(update={"lineage": lineage})
    billing = PeriodBilling(open_transaction=unit_of_work(company.engine))
    billed = await billing.bill_period(BillPeriod(state=state, now=company.present))
    assert isinstance(billed, Billed)


async def recorded(company: Company, subscription: Subscription) -> SubscriptionState:
    async with unit_of_work(company.engine)() as tx:
        state = await tx.subscriptions.recorded(subscription.id)
    assert state is not None
    return state


async def test_a_checkout_that_is_canceled_then_leaves_no_debt(company: Company) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer(), ready=False)
        await subscription.handle.execute_update("wait_until_recorded")
    waiting = await recorded(company, subscription)
    ready = lifecycle.checkout_completed(waiting, company.present)
    await bill_unheard(company, subscription, ready, waiting.revision)

    await subscription.complete_checkout()
    canceling = asyncio.create_task(subscription.cancel(CancelMode.NOW))
    await asyncio.sleep(1)
    async with company.working():
        await canceling
        await subscription.handle.result()
    assert [invoice["status"] for invoice in await company.invoices()] == ["void"]


async def test_a_renewal_that_a_lost_dispute_comes_before_leaves_no_debt(company: Company) -> None:
    company.present = at("2026-05-01T00:00")
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await company.settle()
    active = (await recorded(company, subscription)).model_copy(update={"lineage": None})
    company.present = at("2026-06-01T00:00")
    await bill_unheard(company, subscription, active, active.revision)

    lost = DisputeNews(dispute_id="dp_1", state=DisputeState.LOST)
    await subscription.handle.signal("dispute_news", lost)
    async with company.working():
        await subscription.handle.result()
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "void"]
