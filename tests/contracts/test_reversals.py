"""Money that goes back: refunds, disputes, and what the one does to the other."""

import pytest

from adapters.memory.outages import Operation, Outage
from billing.errors import GatewayBusy, GatewayFailed, GatewayRefused, GatewayUnreachable
from billing.money import Money
from billing.ports.gateway import (
    DisputeStatus,
    GatewayPayment,
    GatewayRefund,
    PaymentGateway,
    RefundReason,
    RefundRequest,
    RefundStatus,
)
from tests.contracts.gateways import GatewayBench
from tests.contracts.purchases import (
    TEN_DOLLARS,
    created,
    customer_at,
    fresh,
    paid_with,
    payment_request,
)

THREE_DOLLARS = Money(amount_minor=300, currency="USD")


def _request(
    payment: GatewayPayment, amount: Money = TEN_DOLLARS, reason: RefundReason | None = None
) -> RefundRequest:
    return RefundRequest(refund_id=fresh("re"), payment_id=payment.id, amount=amount, reason=reason)


async def _refunded(
    gateway: PaymentGateway, payment: GatewayPayment, amount: Money = TEN_DOLLARS
) -> GatewayRefund:
    request = _request(payment, amount)
    return await gateway.create_refund(request, key=f"refund:{request.refund_id}")


async def _refusal(
    gateway: PaymentGateway, payment: GatewayPayment, amount: Money = TEN_DOLLARS
) -> str:
    with pytest.raises(GatewayRefused) as refused:
        await _refunded(gateway, payment, amount)
    return refused.value.code


async def test_a_refund_pays_back_under_our_id(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_visa")
    request = _request(payment, THREE_DOLLARS, RefundReason.REQUESTED_BY_CUSTOMER)
    refund = await gateway.create_refund(request, key=f"refund:{request.refund_id}")
    assert refund.status is RefundStatus.SUCCEEDED
    assert (refund.payment_id, refund.refund_id) == (payment.id, request.refund_id)
    assert (refund.amount, refund.reason) == (THREE_DOLLARS, "requested_by_customer")
    assert refund.failure_reason is None
    assert await gateway.read_refund(refund.id) == refund


async def test_a_refund_needs_no_reason(gateway: PaymentGateway) -> None:
    refund = await _refunded(gateway, await paid_with(gateway, "pm_card_visa"))
    assert refund.reason is None


async def test_a_repeated_refund_is_answered_and_not_repeated(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_visa")
    request = _request(payment, THREE_DOLLARS)
    answers = [
        await gateway.create_refund(request, key=f"refund:{request.refund_id}") for _ in range(2)
    ]
    assert answers[0] == answers[1]
    seven = Money(amount_minor=700, currency="USD")
    assert (await _refunded(gateway, payment, seven)).status is RefundStatus.SUCCEEDED


async def test_refunds_never_exceed_what_was_paid(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_visa")
    await _refunded(gateway, payment, THREE_DOLLARS)
    assert await _refusal(gateway, payment, TEN_DOLLARS) == "amount_too_large"
    await _refunded(gateway, payment, Money(amount_minor=700, currency="USD"))
    one_cent = Money(amount_minor=1, currency="USD")
    assert await _refusal(gateway, payment, one_cent) == "charge_already_refunded"


async def test_a_refund_in_a_currency_without_decimals_keeps_its_amount(
    gateway: PaymentGateway,
) -> None:
    yen = Money(amount_minor=500, currency="JPY")
    payment = await paid_with(gateway, "pm_card_visa", amount=yen)
    assert (await _refunded(gateway, payment, yen)).amount == yen


@pytest.mark.parametrize("method", ["pm_card_visa_chargeDeclined", None])
async def test_a_payment_that_took_no_money_is_not_refunded(
    gateway: PaymentGateway, method: str | None
) -> None:
    payment = (
        await created(gateway, payment_request(await customer_at(gateway), "pm_card_visa"))
        if method is None
        else await paid_with(gateway, method)
    )
    with pytest.raises(GatewayRefused):
        await _refunded(gateway, payment)


async def test_a_refund_of_an_unknown_payment_is_refused(gateway: PaymentGateway) -> None:
    request = RefundRequest(refund_id=fresh("re"), payment_id="pi_unknown", amount=TEN_DOLLARS)
    with pytest.raises(GatewayRefused) as refused:
        await gateway.create_refund(request, key=f"refund:{request.refund_id}")
    assert refused.value.code == "resource_missing"


async def test_a_refund_is_found_by_our_id(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_visa")
    first = await _refunded(gateway, payment, THREE_DOLLARS)
    second = await _refunded(gateway, payment, THREE_DOLLARS)
    for refund in (first, second):
        assert refund.refund_id is not None
        assert await gateway.find_refund(payment.id, refund_id=refund.refund_id) == refund
    assert await gateway.find_refund(payment.id, refund_id=fresh("re")) is None


async def test_a_refund_made_by_hand_carries_no_id_of_ours(bench: GatewayBench) -> None:
    payment = await paid_with(bench.gateway, "pm_card_visa")
    identifier = await bench.refund_by_hand(payment.id, THREE_DOLLARS)
    refund = await bench.gateway.read_refund(identifier)
    assert (refund.payment_id, refund.amount, refund.refund_id) == (
        payment.id,
        THREE_DOLLARS,
        None,
    )
    assert await _refusal(bench.gateway, payment, TEN_DOLLARS) == "amount_too_large"


async def test_a_slow_refund_begins_pending(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_pendingRefund")
    refund = await _refunded(gateway, payment, THREE_DOLLARS)
    assert refund.status is RefundStatus.PENDING


async def test_a_pending_refund_succeeds_when_the_bank_took_it(orderly: GatewayBench) -> None:
    payment = await paid_with(orderly.gateway, "pm_card_pendingRefund")
    refund = await _refunded(orderly.gateway, payment)
    assert await _refusal(orderly.gateway, payment) == "charge_already_refunded"
    await orderly.settle_refund(refund.id, failure=None)
    after = await orderly.gateway.read_refund(refund.id)
    assert (after.status, after.failure_reason) == (RefundStatus.SUCCEEDED, None)


@pytest.mark.parametrize("method", ["pm_card_pendingRefund", "pm_card_refundFail"])
async def test_a_refund_that_fails_can_be_made_again(orderly: GatewayBench, method: str) -> None:
    payment = await paid_with(orderly.gateway, method)
    refund = await _refunded(orderly.gateway, payment)
    await orderly.settle_refund(refund.id, failure="expired_or_canceled_card")
    failed = await orderly.gateway.read_refund(refund.id)
    assert failed.status is RefundStatus.FAILED
    assert failed.failure_reason == "expired_or_canceled_card"
    again = await _refunded(orderly.gateway, payment)
    assert again.amount == TEN_DOLLARS


async def test_of_several_refunds_of_ours_the_one_that_pays_back_is_found(
    orderly: GatewayBench,
) -> None:
    payment = await paid_with(orderly.gateway, "pm_card_visa")
    request = _request(payment, THREE_DOLLARS)
    paid_back = await orderly.gateway.create_refund(request, key=fresh("refund"))
    failed = await orderly.gateway.create_refund(request, key=fresh("refund"))
    await orderly.settle_refund(failed.id, failure="unknown")
    found = await orderly.gateway.find_refund(payment.id, refund_id=request.refund_id)
    assert found == paid_back


async def test_a_refund_whose_answer_was_lost_is_found_even_without_its_key(
    orderly: GatewayBench,
) -> None:
    payment = await paid_with(orderly.gateway, "pm_card_visa")
    request = _request(payment)
    await orderly.plan_outage(Operation.CREATE_REFUND, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnreachable):
        await orderly.gateway.create_refund(request, key=f"refund:{request.refund_id}")
    await orderly.forget_keys()
    found = await orderly.gateway.find_refund(payment.id, refund_id=request.refund_id)
    assert found is not None
    assert (found.status, found.amount) == (RefundStatus.SUCCEEDED, TEN_DOLLARS)


@pytest.mark.parametrize(
    ("outage", "error"),
    [(Outage.BUSY, GatewayBusy), (Outage.LOST_REQUEST, GatewayUnreachable)],
)
async def test_a_refund_that_did_not_arrive_paid_nothing_back(
    orderly: GatewayBench, outage: Outage, error: type[Exception]
) -> None:
    payment = await paid_with(orderly.gateway, "pm_card_visa")
    request = _request(payment)
    await orderly.plan_outage(Operation.CREATE_REFUND, outage)
    with pytest.raises(error):
        await orderly.gateway.create_refund(request, key=f"refund:{request.refund_id}")
    assert await orderly.gateway.find_refund(payment.id, refund_id=request.refund_id) is None
    refund = await orderly.gateway.create_refund(request, key=f"refund:{request.refund_id}")
    assert refund.status is RefundStatus.SUCCEEDED


async def test_a_failed_creation_needs_a_fresh_key(orderly: GatewayBench) -> None:
    payment = await paid_with(orderly.gateway, "pm_card_visa")
    request = _request(payment)
    await orderly.plan_outage(Operation.CREATE_REFUND, Outage.FAILED)
    for _ in range(2):
        with pytest.raises(GatewayFailed):
            await orderly.gateway.create_refund(request, key=f"refund:{request.refund_id}")
    fresh_one = await orderly.gateway.create_refund(request, key=f"refund:{request.refund_id}:1")
    assert fresh_one.status is RefundStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("pm_card_createDispute", "fraudulent"),
        ("pm_card_createDisputeProductNotReceived", "product_not_received"),
    ],
)
async def test_a_disputed_payment_is_not_refunded(
    bench: GatewayBench, method: str, reason: str
) -> None:
    payment = await paid_with(bench.gateway, method)
    dispute = await bench.gateway.read_dispute(await bench.dispute_of(payment.id))
    assert (dispute.payment_id, dispute.amount) == (payment.id, TEN_DOLLARS)
    assert (dispute.status, dispute.reason) == (DisputeStatus.NEEDS_RESPONSE, reason)
    assert await _refusal(bench.gateway, payment, THREE_DOLLARS) == "charge_disputed"


async def test_a_payment_may_be_disputed_long_after_it_was_made(orderly: GatewayBench) -> None:
    payment = await paid_with(orderly.gateway, "pm_card_visa")
    await _refunded(orderly.gateway, payment, THREE_DOLLARS)
    dispute = await orderly.gateway.read_dispute(await orderly.open_dispute(payment.id))
    assert dispute.status is DisputeStatus.NEEDS_RESPONSE
    assert dispute.amount == Money(amount_minor=700, currency="USD")
    assert await _refusal(orderly.gateway, payment, THREE_DOLLARS) == "charge_disputed"


@pytest.mark.parametrize(
    ("won", "status"), [(True, DisputeStatus.WON), (False, DisputeStatus.LOST)]
)
async def test_a_decided_dispute_says_how_it_ended(
    bench: GatewayBench, *, won: bool, status: DisputeStatus
) -> None:
    payment = await paid_with(bench.gateway, "pm_card_createDispute")
    dispute_id = await bench.dispute_of(payment.id)
    await bench.decide(dispute_id, won=won)
    dispute = await bench.gateway.read_dispute(dispute_id)
    assert dispute.status is status
    assert dispute.status.is_closed
    if won:
        refund = await _refunded(bench.gateway, payment, THREE_DOLLARS)
        assert refund.status is RefundStatus.SUCCEEDED
    else:
        assert await _refusal(bench.gateway, payment, THREE_DOLLARS) == "charge_disputed"


async def test_an_inquiry_leaves_the_money_and_allows_a_refund(bench: GatewayBench) -> None:
    payment = await paid_with(bench.gateway, "pm_card_createDisputeInquiry")
    dispute = await bench.gateway.read_dispute(await bench.dispute_of(payment.id))
    assert dispute.status is DisputeStatus.WARNING_NEEDS_RESPONSE
    assert dispute.status.is_inquiry
    refund = await _refunded(bench.gateway, payment, THREE_DOLLARS)
    assert refund.status is RefundStatus.SUCCEEDED


async def test_a_refund_during_an_inquiry_fails_when_it_becomes_a_dispute(
    orderly: GatewayBench,
) -> None:
    payment = await paid_with(orderly.gateway, "pm_card_createDisputeInquiry")
    refund = await _refunded(orderly.gateway, payment, THREE_DOLLARS)
    dispute_id = await orderly.dispute_of(payment.id)
    await orderly.escalate(dispute_id)
    dispute = await orderly.gateway.read_dispute(dispute_id)
    assert (dispute.status, dispute.amount) == (DisputeStatus.NEEDS_RESPONSE, TEN_DOLLARS)
    failed = await orderly.gateway.read_refund(refund.id)
    assert failed.status is RefundStatus.FAILED
    assert failed.failure_reason == "charge_for_pending_refund_disputed"


async def test_unknown_reversals_are_refused_with_their_code(gateway: PaymentGateway) -> None:
    for read in (gateway.read_refund("re_unknown"), gateway.read_dispute("du_unknown")):
        with pytest.raises(GatewayRefused) as refused:
            await read
        assert refused.value.code == "resource_missing"
