"""A worker dies after what it did where the workflow runs, and nobody hears of it."""

import asyncio
from datetime import UTC, datetime

from activities.collection import Collect, Collection
from activities.period_billing import Billed, BillPeriod, PeriodBilling, after_billing
from adapters.db.engine import unit_of_work
from billing import lifecycle
from billing.credit_note import UnusedPart
from billing.dispute import DisputeState
from billing.lineage import Lineage
from billing.payment import CollectionOutcome, Declined, Paid
from billing.subscription import SubscriptionState, SubscriptionStatus
from tests.conftest import StripeSimulator
from tests.workflows.company import OPERATOR, Company, Subscription, at
from tests.workflows.test_cancel_with_credit import balance_minor
from tests.workflows.test_payments import captured
from workflows.messages import Cancel, CancelMode, DisputeNews


async def bill_unheard(
    company: Company, subscription: Subscription, due: SubscriptionState, recorded_revision: int
) -> tuple[SubscriptionState, Billed]:
    """What a worker has committed before it died: the server has no event of it."""
    run_id = (await subscription.handle.describe()).run_id
    assert run_id is not None
    lineage = Lineage(run_id=run_id, recorded_revision=recorded_revision)
    state = due.model_copy(update={"lineage": lineage})
    billing = PeriodBilling(open_transaction=unit_of_work(company.engine))
    billed = await billing.bill_period(BillPeriod(state=state, now=company.present))
    assert isinstance(billed, Billed)
    return state, billed


async def collect_unheard(
    company: Company, state: SubscriptionState, billed: Billed
) -> CollectionOutcome:
    """The payment that the same worker has asked for in the same workflow task."""
    revision, invoice_id = billed.stored_revision, billed.invoice_id
    assert state.lineage is not None
    assert invoice_id is not None
    known = {"recorded_revision": revision, "heard_revision": revision}
    lineage = state.lineage.model_copy(update=known)
    owing = after_billing(state, billed).model_copy(
        update={"revision": revision, "lineage": lineage}
    )
    collection = Collection(
        open_transaction=unit_of_work(company.engine),
        gateway=company.gateway,
        real_now=lambda: datetime.now(UTC),
        return_url=company.parts.return_url,
    )
    request = Collect(state=owing, invoice_id=invoice_id, now=company.present)
    return (await collection.collect(request)).outcome


async def billed_unheard(company: Company) -> tuple[Subscription, SubscriptionState, Billed]:
    """Billed for June, and nobody has heard of it."""
    company.present = at("2026-05-01T00:00")
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await company.settle()
    active = (await recorded(company, subscription)).model_copy(update={"lineage": None})
    company.present = at("2026-06-01T00:00")
    state, billed = await bill_unheard(company, subscription, active, active.revision)
    return subscription, state, billed


async def renewed_unheard(company: Company) -> Subscription:
    """Paid for June as well."""
    subscription, state, billed = await billed_unheard(company)
    assert isinstance(await collect_unheard(company, state, billed), Paid)
    return subscription


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
    subscription, _, _ = await billed_unheard(company)

    lost = DisputeNews(dispute_id="dp_1", state=DisputeState.LOST)
    await subscription.handle.signal("dispute_news", lost)
    async with company.working():
        await subscription.handle.result()
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "void"]


async def test_a_renewal_that_was_paid_then_is_charged_once(
    company: Company, simulator: StripeSimulator
) -> None:
    subscription = await renewed_unheard(company)

    async with company.working():
        await company.settle()
        report = await subscription.report()
    assert (report.state.period_number, report.state.open_invoices) == (1, ())
    assert (report.state.status, report.is_idle) == (SubscriptionStatus.ACTIVE, True)
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]
    assert await captured(simulator) == 2 * 8000


async def test_a_renewal_that_a_cancellation_comes_after_is_given_back_from_then_on(
    company: Company, simulator: StripeSimulator
) -> None:
    subscription = await renewed_unheard(company)

    command = Cancel(
        command_id="cmd_1", actor=OPERATOR, mode=CancelMode.NOW, unused=UnusedPart.CREDIT
    )
    canceling = asyncio.create_task(subscription.command("cancel", command))
    async with company.working():
        await canceling
        await subscription.handle.result()
        assert await balance_minor(company, subscription) == 8000
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]
    assert await captured(simulator) == 2 * 8000


async def test_a_lost_dispute_after_that_ends_what_was_paid(
    company: Company, simulator: StripeSimulator
) -> None:
    subscription = await renewed_unheard(company)

    lost = DisputeNews(dispute_id="dp_1", state=DisputeState.LOST)
    await subscription.handle.signal("dispute_news", lost)
    async with company.working():
        await subscription.handle.result()
    ended = await recorded(company, subscription)
    assert (ended.period_number, ended.open_invoices) == (1, ())
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]
    assert await captured(simulator) == 2 * 8000


async def test_a_card_that_is_saved_after_an_unheard_decline_is_charged_at_once(
    company: Company, simulator: StripeSimulator
) -> None:
    subscription, state, billed = await billed_unheard(company)
    await company.save_card(state.customer_id, "pm_card_chargeCustomerFail")
    assert isinstance(await collect_unheard(company, state, billed), Declined)

    await company.save_card(state.customer_id, "pm_card_mastercard")
    await subscription.handle.signal("payment_method_changed")
    async with company.working():
        await company.settle()
        assert await subscription.status() is SubscriptionStatus.ACTIVE
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]
    assert await captured(simulator) == 2 * 8000
    assert company.mailbox.kinds() == ["payment_failed"]
