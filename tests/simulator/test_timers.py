"""What happens by itself."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from simulator.config import SimulatorConfig
from simulator.control import SimulatorControl
from simulator.server import running
from tests.simulator.conftest import API_KEY, CONTROL_TOKEN, Simulator, SteppedClock, client


@pytest.fixture
async def settling() -> AsyncIterator[Simulator]:
    config = SimulatorConfig(
        api_key=API_KEY, control_token=CONTROL_TOKEN, strict=True, settlement_seconds=180
    )
    clock = SteppedClock()
    async with (
        running(config, clock=clock) as url,
        SimulatorControl(url, CONTROL_TOKEN) as control,
    ):
        yield Simulator(url, client(url), control, clock)
        assert await control.violations() == []


@pytest.mark.parametrize(
    ("account", "status"),
    [("success", "succeeded"), ("accountClosed", "requires_payment_method")],
)
async def test_a_debit_settles_as_its_account_documents(
    settling: Simulator, account: str, status: str
) -> None:
    customer, method = await settling.customer(f"pm_usBankAccount_{account}")
    intent = await settling.intent(customer, method)
    await settling.v1.payment_intents.confirm_async(
        intent.id, {"mandate_data": {"customer_acceptance": {"type": "offline"}}}
    )
    settling.clock.now += 179
    assert (await settling.v1.payment_intents.retrieve_async(intent.id)).status == "processing"
    settling.clock.now += 1
    await _until(settling, intent.id, status)
    found = await settling.v1.payment_intents.retrieve_async(intent.id)
    assert found.status == status


@pytest.mark.parametrize(
    ("method", "begins", "ends"),
    [("pendingRefund", "pending", "succeeded"), ("refundFail", "succeeded", "failed")],
)
async def test_a_refund_ends_as_its_card_documents(
    settling: Simulator, method: str, begins: str, ends: str
) -> None:
    paid = await settling.paid(f"pm_card_{method}")
    refund = await settling.v1.refunds.create_async({"payment_intent": paid.id})
    assert refund.status == begins
    settling.clock.now += 179
    assert (await settling.v1.refunds.retrieve_async(refund.id)).status == begins
    settling.clock.now += 1
    await _until(settling, refund.id, ends)


async def test_a_refund_that_was_ended_by_hand_stays_as_it_is(settling: Simulator) -> None:
    paid = await settling.paid("pm_card_pendingRefund")
    ended, other = [
        await settling.v1.refunds.create_async({"payment_intent": paid.id, "amount": 100})
        for _ in range(2)
    ]
    await settling.control.cancel_refund(ended.id)
    settling.clock.now += 180
    await _until(settling, other.id, "succeeded")
    assert (await settling.v1.refunds.retrieve_async(ended.id)).status == "canceled"


async def test_an_open_session_expires_at_its_time(settling: Simulator) -> None:
    session = await settling.v1.checkout.sessions.create_async(
        {"mode": "setup", "currency": "usd", "success_url": "https://shop.example"}
    )
    settling.clock.now = session.expires_at
    await _until(settling, session.id, "expired")
    assert (await settling.event_types())[-1] == "checkout.session.expired"


async def _until(settling: Simulator, identifier: str, status: str) -> None:
    """Wait for the background to bring an object into a state."""
    async with asyncio.timeout(10):
        while status != await _status(settling, identifier):  # noqa: ASYNC110 - remote state
            await asyncio.sleep(0.05)


async def _status(settling: Simulator, identifier: str) -> str | None:
    if identifier.startswith("cs_"):
        return (await settling.v1.checkout.sessions.retrieve_async(identifier)).status
    if identifier.startswith("re_"):
        return (await settling.v1.refunds.retrieve_async(identifier)).status
    return (await settling.v1.payment_intents.retrieve_async(identifier)).status
