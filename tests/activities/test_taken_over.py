"""Two workers at one attempt: a terminated workflow can leave an activity behind."""

import asyncio

import pytest

from adapters.memory.gateway import MemoryGateway
from billing.errors import GatewayBusy
from billing.payment import Paid
from billing.ports.gateway import GatewayPayment, PaymentRequest
from billing.pricing import price_of
from tests.activities.till import Till
from tests.adapters.db.company import TEAM

_PRICE_MINOR = price_of(TEAM, 5).amount_minor


class SlowlyCreating(MemoryGateway):
    """Its first creation is answered when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def create_payment(self, request: PaymentRequest, *, key: str) -> GatewayPayment:
        payment = await super().create_payment(request, key=key)
        if not self.asked.is_set():
            self.asked.set()
            await self.let.wait()
        return payment


async def test_an_activity_left_behind_confirms_nothing_once_another_went_on(till: Till) -> None:
    gateway = SlowlyCreating()
    till.gateway = gateway
    await till.open_gateway()
    owing = await till.owing()
    left_behind = asyncio.create_task(till.collect(owing))
    await gateway.asked.wait()
    await till.save_card("pm_card_mastercard")

    assert isinstance((await till.collect(owing)).outcome, Paid)
    gateway.let.set()
    with pytest.raises(GatewayBusy):
        await left_behind

    assert gateway.captured_minor(till.gateway_customer_id) == _PRICE_MINOR
