"""What is said while a payment is under way is not lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import WorkflowUpdateFailedError

from adapters.db.engine import unit_of_work
from adapters.stripe.gateway import StripeGateway
from billing.dispute import DisputeState
from billing.ports.gateway import GatewayPayment
from billing.ports.storage import Transaction
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Subscription, at
from workflows.messages import (
    Cancel,
    CancelMode,
    ClockMoved,
    DisputeNews,
    PauseSubscription,
    ResumeSubscription,
)


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


class HeldBooks:
    """Opens transactions when it is let; says when one was asked for."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._open = unit_of_work(engine)
        self._asked = asyncio.Event()
        self._let = asyncio.Event()
        self._let.set()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Transaction]:
        self._asked.set()
        await self._let.wait()
        async with self._open() as tx:
            yield tx

    @asynccontextmanager
    async def held(self) -> AsyncIterator[asyncio.Event]:
        """For the block; what it is given is set once somebody waits."""
        self._asked.clear()
        self._let.clear()
        try:
            yield self._asked
        finally:
            self._let.set()


async def _lose_a_dispute(subscription: Subscription) -> None:
    news = DisputeNews(dispute_id="dp_1", state=DisputeState.LOST)
    await subscription.handle.signal("dispute_news", news)


async def test_a_pause_that_ends_while_a_dispute_is_lost_revives_nothing(company: Company) -> None:
    held = HeldBooks(company.engine)
    company.parts = replace(company.parts, open_transaction=held)
    company.present = at("2026-04-01T00:00")
    async with company.working(), asyncio.timeout(60):
        subscription = await company.subscribe(
            await company.customer(), seats=1, price_id="club_keep_anchor_m"
        )
        await subscription.activated()
        await company.advance("2026-04-11T00:00")
        await subscription.give(PauseSubscription, resumes_at=at("2026-04-21T00:00"))
        async with held.held() as asked:
            resuming = asyncio.create_task(company.advance("2026-04-21T00:00"))
            await asked.wait()
            await _lose_a_dispute(subscription)
        await resuming
        await subscription.handle.result()
        state = (await subscription.report()).state

    assert (state.status, state.end_reason) == ("canceled", "dispute_lost")
    assert "subscription_resumed" not in company.mailbox.kinds()


async def test_a_cancellation_while_a_pause_is_ended_is_for_the_periods_end(
    company: Company,
) -> None:
    """It came while nothing ran; in its turn something does, and has an end to wait for."""
    held = HeldBooks(company.engine)
    company.parts = replace(company.parts, open_transaction=held)
    company.present = at("2026-04-01T00:00")
    async with company.working(), asyncio.timeout(60):
        subscription = await company.subscribe(
            await company.customer(), seats=1, price_id="club_keep_anchor_m"
        )
        await subscription.activated()
        await company.advance("2026-04-11T00:00")
        await subscription.give(PauseSubscription, resumes_at=at("2026-04-21T00:00"))
        await company.advance("2026-04-16T00:00")
        async with held.held() as asked:
            resuming = asyncio.create_task(subscription.give(ResumeSubscription))
            await asked.wait()
            canceling = asyncio.create_task(subscription.cancel())
            await asyncio.wait([canceling], timeout=0.3)
        await resuming
        await canceling
        state = (await subscription.report()).state

    assert state.status == "active"
    assert state.cancellation is not None
    assert state.cancellation.at == at("2026-05-01T00:00")


async def test_a_refund_that_is_issued_is_carried_out_also_where_its_cancellation_comes_too_late(
    company: Company, simulator: StripeSimulator
) -> None:
    held = HeldBooks(company.engine)
    company.parts = replace(company.parts, open_transaction=held)
    company.present = at("2026-04-01T00:00")
    async with company.working(), asyncio.timeout(60):
        subscription = await company.subscribe(await company.customer(), seats=1, price_id="pro_m")
        await subscription.activated()
        await company.advance("2026-04-11T00:00")
        async with held.held() as asked:
            canceling = asyncio.create_task(
                subscription.give(Cancel, mode=CancelMode.NOW, unused="refund")
            )
            await asked.wait()
            await _lose_a_dispute(subscription)
        with pytest.raises(WorkflowUpdateFailedError):
            await canceling
        while (await simulator.control.totals())["usd"].refunded_minor == 0:  # noqa: ASYNC110 - a worker's work
            await asyncio.sleep(0.02)
        state = (await subscription.report()).state

    assert state.end_reason == "dispute_lost"
    assert (await simulator.control.totals())["usd"].refunded_minor == 733


async def test_a_refused_change_leaves_nothing_to_be_stored_whatever_came_in_between(
    company: Company,
) -> None:
    held = HeldBooks(company.engine)
    company.parts = replace(company.parts, open_transaction=held)
    company.present = at("2026-04-01T00:00")
    async with company.working(), asyncio.timeout(60):
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        before = (await subscription.report()).state
        async with held.held() as asked:
            changing = asyncio.create_task(subscription.change(seats=before.terms.quantity))
            await asked.wait()
            moved = ClockMoved(frozen_at=at("2026-04-01T00:00") + timedelta(seconds=1))
            await subscription.handle.signal("clock_moved", moved)
        with pytest.raises(WorkflowUpdateFailedError):
            await changing

        async with asyncio.timeout(5):
            activation = await subscription.activated()
    assert activation.revision == before.revision
