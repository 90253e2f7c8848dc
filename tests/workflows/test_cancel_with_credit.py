"""Cancelled at once: what is unused is given back where that was asked for (policy P17, P31)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from stripe import StripeClient
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from adapters.db.engine import transactions
from adapters.stripe.gateway import StripeGateway
from adapters.temporal.dispute_news import DisputeNewsDesk
from adapters.temporal.payment_news import PaymentNewsDesk
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.dispute import DisputeState
from billing.ports.gateway import GatewayPayment
from tests.conftest import StripeSimulator
from tests.worker.desk import pass_challenge
from tests.workflows.company import Company, Subscription, at
from tests.workflows.test_news_in_between import HeldGateway
from tests.workflows.test_payments import captured
from workflows.messages import (
    Cancel,
    CancelMode,
    CommandReceipt,
    DisputeNews,
    PauseSubscription,
    UndoChange,
)


async def april(company: Company) -> Subscription:
    """Pro at $11.00 from the first of April; it is the 11th."""
    company.present = at("2026-04-01T00:00")
    subscription = await company.subscribe(await company.customer(), seats=1, price_id="pro_m")
    assert (await subscription.activated()).status == "active"
    await company.advance("2026-04-11T00:00")
    return subscription


async def cancel(subscription: Subscription, unused: str) -> CommandReceipt:
    return await subscription.give(Cancel, mode=CancelMode.NOW, unused=unused)


async def balance_minor(company: Company, subscription: Subscription) -> int:
    customer = (await subscription.report()).state.customer_id
    async with transactions(company.engine)() as tx:
        return (await tx.balances.of(customer, "USD")).amount_minor


async def take_in_disputes(company: Company) -> None:
    """As a webhook of each would."""
    signals = SubscriptionSignals(company.client)
    desk = DisputeNewsDesk(
        engine=company.engine,
        gateway=company.gateway,
        payments=PaymentNewsDesk(engine=company.engine, gateway=company.gateway, signals=signals),
        signals=signals,
        real_now=lambda: datetime.now(UTC),
    )
    for dispute in (await company.stripe.v1.disputes.list_async()).data:
        assert await desk.follow(dispute.id)


async def refunded(simulator: StripeSimulator) -> int:
    return (await simulator.control.totals())["usd"].refunded_minor


async def test_the_unused_part_becomes_the_customers_balance(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await april(company)
        await cancel(subscription, "credit")
        assert await subscription.status() == "canceled"
        assert await balance_minor(company, subscription) == 733

    assert await captured(simulator) == 1100
    assert await refunded(simulator) == 0


async def test_the_unused_part_goes_back_to_the_card(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await april(company)
        await cancel(subscription, "refund")
        async with asyncio.timeout(20):
            while await refunded(simulator) == 0:  # noqa: ASYNC110 - a worker's work
                await asyncio.sleep(0.02)
        assert await balance_minor(company, subscription) == 0

    assert await refunded(simulator) == 733


async def test_a_renewal_that_succeeds_after_the_cancellation_goes_back_to_the_card(
    company: Company, simulator: StripeSimulator
) -> None:
    gateway = HeldGateway(company.stripe)
    gateway.let.set()
    company.parts = replace(company.parts, gateway=gateway)
    async with company.working(), asyncio.timeout(60):
        subscription = await april(company)
        gateway.asked.clear()
        gateway.let.clear()
        renewing = asyncio.create_task(company.advance("2026-05-01T00:00"))
        await gateway.asked.wait()
        canceling = asyncio.create_task(cancel(subscription, "refund"))
        while await subscription.status() != "canceled":  # noqa: ASYNC110 - a worker's work
            await asyncio.sleep(0.02)
        gateway.let.set()
        await asyncio.gather(renewing, canceling)
        await subscription.handle.result()
        while await refunded(simulator) == 0:  # noqa: ASYNC110 - a worker's work
            await asyncio.sleep(0.02)

    assert (await captured(simulator), await refunded(simulator)) == (2200, 1100)
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]


async def test_nothing_is_given_back_unless_asked_for(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await april(company)
        await cancel(subscription, "none")
        assert await balance_minor(company, subscription) == 0

    assert await refunded(simulator) == 0


async def test_the_next_subscription_is_paid_from_the_balance_first(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await april(company)
        await cancel(subscription, "credit")
        customer = (await subscription.report()).state.customer_id
        again = await company.subscribe(customer, seats=1, price_id="team_m")
        assert (await again.activated()).status == "active"

    assert await captured(simulator) == 1100 + 1600 - 733


async def test_a_refund_of_a_disputed_payment_is_refused_and_the_subscription_goes_on(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        company.present = at("2026-04-01T00:00")
        customer = await company.customer(card="pm_card_createDispute")
        subscription = await company.subscribe(customer, seats=1, price_id="pro_m")
        await subscription.activated()
        await company.advance("2026-04-11T00:00")
        await take_in_disputes(company)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await cancel(subscription, "refund")
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == "charge_disputed"
        assert await subscription.status() == "active"

    assert await refunded(simulator) == 0


class HeldCancellations(StripeGateway):
    """Cancels payments when it is let; says when it was asked."""

    def __init__(self, client: StripeClient) -> None:
        super().__init__(client)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def cancel_payment(self, payment_id: str, *, key: str) -> GatewayPayment:
        self.asked.set()
        await self.let.wait()
        return await super().cancel_payment(payment_id, key=key)


async def test_a_cancellation_with_credit_waits_until_a_change_that_was_given_up_is_void(
    company: Company,
) -> None:
    """What the change would have given back is free again only then."""
    gateway = HeldCancellations(company.stripe)
    company.parts = replace(company.parts, gateway=gateway)
    company.present = at("2026-04-01T00:00")
    async with company.working(), asyncio.timeout(60):
        customer = await company.customer()
        subscription = await company.subscribe(customer, seats=1, price_id="team_m")
        await subscription.activated()
        await company.save_card(customer, "pm_card_authenticationRequired")
        await company.advance("2026-04-16T00:00")
        await subscription.change("business_m")
        await subscription.give(UndoChange)
        await gateway.asked.wait()
        canceling = asyncio.create_task(cancel(subscription, "credit"))
        done, _ = await asyncio.wait([canceling], timeout=0.3)
        assert not done
        gateway.let.set()
        await canceling

        assert await subscription.status() == "canceled"
        assert await balance_minor(company, subscription) == 800


async def test_an_upgrade_at_its_challenge_gives_nothing_back_of_what_is_disputed_meanwhile(
    company: Company,
) -> None:
    """The challenge was passed all the same: what was taken for the upgrade is the customer's."""
    async with company.working():
        company.present = at("2026-04-01T00:00")
        customer = await company.customer(card="pm_card_createDispute")
        subscription = await company.subscribe(customer, seats=1, price_id="team_m")
        await subscription.activated()
        await company.save_card(customer, "pm_card_authenticationRequired")
        await company.advance("2026-04-16T00:00")
        receipt = await subscription.change("business_m")
        assert receipt.action_url is not None
        await pass_challenge(receipt.action_url)
        await take_in_disputes(company)
        await company.settle()

        state = (await subscription.report()).state
        assert (state.terms.price_id, state.change, state.open_invoices) == ("team_m", None, ())
        assert await balance_minor(company, subscription) == 1200 - 800


async def test_a_dispute_keeps_nobody_from_ending_a_subscription_that_rests(
    company: Company,
) -> None:
    async with company.working():
        company.present = at("2026-04-01T00:00")
        customer = await company.customer(card="pm_card_createDispute")
        subscription = await company.subscribe(customer, seats=1, price_id="club_extend_m")
        await subscription.activated()
        await company.advance("2026-04-11T00:00")
        await subscription.give(PauseSubscription, resumes_at=at("2026-04-21T00:00"))
        await take_in_disputes(company)
        await subscription.cancel()

        assert await subscription.status() == "canceled"
        assert await balance_minor(company, subscription) == 0


async def test_a_lost_dispute_ends_the_subscription_and_a_won_one_does_not(
    company: Company,
) -> None:
    async with company.working():
        subscription = await april(company)
        for dispute, state in (
            ("dp_1", DisputeState.OPEN),
            ("dp_2", DisputeState.OPEN),
            ("dp_1", DisputeState.WON),
        ):
            news = DisputeNews(dispute_id=dispute, state=state)
            await subscription.handle.signal("dispute_news", news)
        await company.settle()
        report = await subscription.report()
        assert (report.state.status, report.state.open_disputes) == ("active", ("dp_2",))
        lost = DisputeNews(dispute_id="dp_2", state=DisputeState.LOST)
        await subscription.handle.signal("dispute_news", lost)
        await company.settle()
        state_after = (await subscription.report()).state
        assert (state_after.status, state_after.end_reason) == ("canceled", "dispute_lost")
