"""Lives of refunds, which are workflows of their own; `tests.histories.lives` lists them."""

import asyncio
from dataclasses import replace

from sqlalchemy import select

from adapters.db.tables.refund import refunds
from tests.histories.settling import started
from tests.workflows.company import OPERATOR, Company, Subscription
from workflows.messages import Cancel, CancelMode, Retry, refund_workflow_id


async def refund_paid_back(company: Company) -> Subscription:
    """What a cancellation leaves unused goes back to the card at once."""
    refund = await _refunded(company, "pm_card_visa")
    await refund.handle.result()
    return refund


async def refund_at_its_bank(company: Company) -> Subscription:
    """The bank takes its time; an operator has it looked at again."""
    refund = await _refunded(company, "pm_card_pendingRefund")
    await _waits(refund, times=1)
    retry = Retry(command_id="retry_1", actor=OPERATOR, reason="asked for")
    await refund.handle.execute_update("retry_now", retry)
    await _waits(refund, times=2)
    return refund


async def _refunded(company: Company, card: str) -> Subscription:
    """The workflow of the refund, by which its history is found."""
    customer = await company.customer(card=card)
    subscription = await company.subscribe(customer, seats=1, price_id="pro_m")
    await started(subscription)
    await company.advance("2026-01-25T00:00")
    await subscription.give(Cancel, mode=CancelMode.NOW, unused="refund")
    await subscription.handle.result()
    async with company.engine.connect() as connection:
        refund_id = (await connection.execute(select(refunds.c.id))).scalar_one()
    workflow_id = refund_workflow_id(refund_id)
    return replace(subscription, handle=company.client.get_workflow_handle(workflow_id))


async def _waits(refund: Subscription, *, times: int) -> None:
    """Until its waiting for the bank has begun so often."""
    async with asyncio.timeout(60):
        while await _timers(refund) < times:  # noqa: ASYNC110 - a worker's work
            await asyncio.sleep(0.02)


async def _timers(refund: Subscription) -> int:
    history = await refund.handle.fetch_history()
    return sum(event.HasField("timer_started_event_attributes") for event in history.events)
