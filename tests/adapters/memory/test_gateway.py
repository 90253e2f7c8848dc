"""What only the in-memory gateway can do; the rest is the contract's (`tests/contracts`)."""

from datetime import UTC, datetime

import pytest

from adapters.memory.gateway import SUCCEED, MemoryGateway
from adapters.memory.outages import Operation, Outage
from billing.errors import GatewayBusy, GatewayFailed, GatewayRefused, GatewayUnreachable
from billing.money import Money
from billing.ports.gateway import (
    DisputeStatus,
    GatewayPayment,
    GatewayRefund,
    PaymentRequest,
    PaymentStatus,
    RefundRequest,
    RefundStatus,
)

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def gateway() -> MemoryGateway:
    return MemoryGateway(clock=lambda: NOW)


async def _customer(gateway: MemoryGateway) -> str:
    return await gateway.create_customer("cus_1", email="a@example.com", name=None, key="customer")


def _request(customer: str, number: int = 1) -> PaymentRequest:
    return PaymentRequest(
        invoice_id="in_1",
        attempt_number=number,
        subscription_id="sub_1",
        gateway_customer_id=customer,
        payment_method_id="pm_card_visa",
        amount=Money(amount_minor=8000, currency="USD"),
        description="Team",
    )


async def _payment(gateway: MemoryGateway, customer: str, number: int = 1) -> GatewayPayment:
    return await gateway.create_payment(_request(customer, number), key=f"create:{number}")


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


async def _paid(gateway: MemoryGateway, method: str = "pm_card_visa") -> GatewayPayment:
    customer = await _customer(gateway)
    request = _request(customer).model_copy(update={"payment_method_id": method})
    return await _confirm(gateway, await gateway.create_payment(request, key=f"create:{method}"))


async def _refund(gateway: MemoryGateway, payment: GatewayPayment) -> GatewayRefund:
    request = RefundRequest(refund_id="re_1", payment_id=payment.id, amount=payment.amount)
    return await gateway.create_refund(request, key="refund:re_1")


@pytest.mark.parametrize(
    ("method", "begins", "ends", "failure"),
    [
        ("pm_card_pendingRefund", RefundStatus.PENDING, RefundStatus.SUCCEEDED, None),
        (
            "pm_card_refundFail",
            RefundStatus.SUCCEEDED,
            RefundStatus.FAILED,
            "expired_or_canceled_card",
        ),
    ],
)
async def test_a_refund_ends_as_its_card_documents(
    gateway: MemoryGateway,
    method: str,
    begins: RefundStatus,
    ends: RefundStatus,
    failure: str | None,
) -> None:
    refund = await _refund(gateway, await _paid(gateway, method))
    assert (refund.status, refund.created_at) == (begins, NOW)
    gateway.finish_refund(refund.id)
    ended = await gateway.read_refund(refund.id)
    assert (ended.status, ended.failure_reason) == (ends, failure)
    with pytest.raises(GatewayRefused):
        gateway.finish_refund(refund.id)


async def test_a_refund_that_succeeded_does_not_succeed_again(gateway: MemoryGateway) -> None:
    refund = await _refund(gateway, await _paid(gateway))
    with pytest.raises(GatewayRefused):
        gateway.settle_refund(refund.id)


async def test_a_refund_in_another_currency_is_refused(gateway: MemoryGateway) -> None:
    payment = await _paid(gateway)
    with pytest.raises(GatewayRefused):
        gateway.refund_by_hand(payment.id, Money(amount_minor=100, currency="EUR"))


@pytest.mark.parametrize("status", [DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.PREVENTED])
async def test_a_decided_dispute_moves_no_more(
    gateway: MemoryGateway, status: DisputeStatus
) -> None:
    dispute = gateway.open_dispute((await _paid(gateway)).id, reason="duplicate")
    gateway.move_dispute(dispute.id, DisputeStatus.UNDER_REVIEW)
    gateway.move_dispute(dispute.id, status)
    with pytest.raises(GatewayRefused):
        gateway.move_dispute(dispute.id, DisputeStatus.NEEDS_RESPONSE)
    assert (await gateway.read_dispute(dispute.id)).status is status


async def test_only_money_that_is_there_can_be_disputed(gateway: MemoryGateway) -> None:
    payment = await _paid(gateway)
    gateway.open_dispute(payment.id)
    with pytest.raises(GatewayRefused):
        gateway.open_dispute(payment.id)
    assert len(gateway.disputes_of(payment.id)) == 1
    refunded = await _payment(gateway, await _customer(gateway), number=2)
    with pytest.raises(GatewayRefused):
        gateway.open_dispute(refunded.id)
    await _confirm(gateway, refunded)
    await _refund(gateway, refunded)
    with pytest.raises(GatewayRefused):
        gateway.open_dispute(refunded.id)


async def test_reads_of_reversals_fail_as_planned(gateway: MemoryGateway) -> None:
    for operation in (Operation.FIND_REFUND, Operation.READ_REFUND, Operation.READ_DISPUTE):
        gateway.outages.plan(operation, Outage.BUSY)
    for read in (
        gateway.find_refund("pi_1", refund_id="re_1"),
        gateway.read_refund("re_1"),
        gateway.read_dispute("du_1"),
    ):
        with pytest.raises(GatewayBusy):
            await read
