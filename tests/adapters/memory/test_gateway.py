"""What only the in-memory gateway can do; the rest is the contract's (`tests/contracts`)."""

from datetime import UTC, datetime

import pytest

from adapters.memory.gateway import SUCCEED, MemoryGateway
from adapters.memory.outages import Operation, Outage
from billing.errors import GatewayBusy, GatewayFailed, GatewayRefused, GatewayUnreachable
from billing.money import Money
from billing.ports.gateway import GatewayPayment, PaymentRequest, PaymentStatus

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def gateway() -> MemoryGateway:
    return MemoryGateway(clock=lambda: NOW)


async def _customer(gateway: MemoryGateway) -> str:
    return await gateway.create_customer("cus_1", email="a@example.com", name=None, key="customer")


async def _payment(gateway: MemoryGateway, customer: str, number: int = 1) -> GatewayPayment:
    request = PaymentRequest(
        invoice_id="in_1",
        attempt_number=number,
        subscription_id="sub_1",
        gateway_customer_id=customer,
        payment_method_id="pm_card_visa",
        amount=Money(amount_minor=8000, currency="USD"),
        description="Team",
    )
    return await gateway.create_payment(request, key=f"create:{number}")


async def _confirm(gateway: MemoryGateway, payment: GatewayPayment) -> GatewayPayment:
    return await gateway.confirm_payment(
        payment.id, return_url="https://example.com", off_session=True, key=f"confirm:{payment.id}"
    )


async def test_objects_are_created_at_the_clocks_time(gateway: MemoryGateway) -> None:
    payment = await _payment(gateway, await _customer(gateway))
    assert payment.created_at == NOW


async def test_scheduled_outcomes_are_used_up_in_order(gateway: MemoryGateway) -> None:
    customer = await _customer(gateway)
    gateway.schedule_outcomes(customer, "insufficient_funds", SUCCEED, "lost_card")
    reasons = []
    for number in range(1, 5):
        paid = await _confirm(gateway, await _payment(gateway, customer, number))
        reasons.append(paid.decline.reason if paid.decline else paid.status.value)
    assert reasons == ["insufficient_funds", "succeeded", "lost_card", "succeeded"]


@pytest.mark.parametrize(
    ("outage", "error"),
    [
        (Outage.BUSY, GatewayBusy),
        (Outage.FAILED, GatewayFailed),
        (Outage.LOST_REQUEST, GatewayUnreachable),
        (Outage.LOST_ANSWER, GatewayUnreachable),
    ],
)
async def test_reads_fail_as_planned_and_then_recover(
    gateway: MemoryGateway, outage: Outage, error: type[Exception]
) -> None:
    payment = await _payment(gateway, await _customer(gateway))
    gateway.outages.plan(Operation.READ_PAYMENT, outage, times=2)
    for _ in range(2):
        with pytest.raises(error):
            await gateway.read_payment(payment.id)
    assert await gateway.read_payment(payment.id) == payment


async def test_an_outage_of_one_operation_leaves_the_others(gateway: MemoryGateway) -> None:
    gateway.outages.plan(Operation.CANCEL_PAYMENT, Outage.BUSY)
    payment = await _payment(gateway, await _customer(gateway))
    assert (await _confirm(gateway, payment)).status is PaymentStatus.SUCCEEDED


async def test_a_closed_checkout_takes_no_card(gateway: MemoryGateway) -> None:
    with pytest.raises(GatewayRefused):
        gateway.complete_checkout("cs_unknown", "pm_card_visa")


async def test_only_what_waits_can_be_authenticated_or_settled(gateway: MemoryGateway) -> None:
    payment = await _payment(gateway, await _customer(gateway))
    with pytest.raises(GatewayRefused):
        gateway.authenticate(payment.id)
    with pytest.raises(GatewayRefused):
        gateway.settle(payment.id, succeeds=True)
