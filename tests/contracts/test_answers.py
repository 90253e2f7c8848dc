"""Keys and outages: an effect happens once, and an outage never decides anything."""

import pytest

from adapters.memory.outages import Operation, Outage
from billing.errors import GatewayBusy, GatewayFailed, GatewayRefused, GatewayUnreachable
from billing.money import Money
from billing.ports.gateway import PaymentGateway, PaymentStatus
from tests.contracts.gateways import GatewayBench
from tests.contracts.purchases import confirmed, created, customer_at, payment_request


async def test_the_same_key_for_another_request_is_refused(gateway: PaymentGateway) -> None:
    customer = await customer_at(gateway)
    request = payment_request(customer, "pm_card_visa")
    await created(gateway, request)
    other = request.model_copy(update={"amount": Money(amount_minor=2000, currency="USD")})
    with pytest.raises(GatewayRefused) as refused:
        await created(gateway, other)
    assert refused.value.code == "idempotency_error"


async def test_unknown_ids_are_refused_with_their_code(gateway: PaymentGateway) -> None:
    with pytest.raises(GatewayRefused) as refused:
        await gateway.read_payment("pi_unknown")
    assert refused.value.code == "resource_missing"


async def test_a_busy_gateway_did_nothing(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await created(gateway, payment_request(await customer_at(gateway), "pm_card_visa"))
    await orderly.plan_outage(Operation.CONFIRM_PAYMENT, Outage.BUSY)
    with pytest.raises(GatewayBusy):
        await confirmed(gateway, payment)
    read = await gateway.read_payment(payment.id)
    assert read.status is PaymentStatus.REQUIRES_CONFIRMATION
    assert (await confirmed(gateway, payment)).status is PaymentStatus.SUCCEEDED


async def test_a_failure_is_saved_under_its_key_and_a_fresh_key_works(
    orderly: GatewayBench,
) -> None:
    gateway = orderly.gateway
    payment = await created(gateway, payment_request(await customer_at(gateway), "pm_card_visa"))
    await orderly.plan_outage(Operation.CONFIRM_PAYMENT, Outage.FAILED)
    for _ in range(2):
        with pytest.raises(GatewayFailed):
            await confirmed(gateway, payment)
    fresh = await confirmed(gateway, payment, attempt=2)
    assert fresh.status is PaymentStatus.SUCCEEDED


async def test_a_lost_request_took_no_money(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await created(gateway, payment_request(await customer_at(gateway), "pm_card_visa"))
    await orderly.plan_outage(Operation.CONFIRM_PAYMENT, Outage.LOST_REQUEST)
    with pytest.raises(GatewayUnreachable):
        await confirmed(gateway, payment)
    read = await gateway.read_payment(payment.id)
    assert read.status is PaymentStatus.REQUIRES_CONFIRMATION
    assert (await confirmed(gateway, payment)).status is PaymentStatus.SUCCEEDED


async def test_a_lost_answer_is_found_by_reading(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await created(gateway, payment_request(await customer_at(gateway), "pm_card_visa"))
    await orderly.plan_outage(Operation.CONFIRM_PAYMENT, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnreachable):
        await confirmed(gateway, payment)
    assert (await gateway.read_payment(payment.id)).status is PaymentStatus.SUCCEEDED
    assert (await confirmed(gateway, payment)).status is PaymentStatus.SUCCEEDED


async def test_a_creation_whose_answer_was_lost_is_found_even_without_its_key(
    orderly: GatewayBench,
) -> None:
    gateway = orderly.gateway
    customer = await customer_at(gateway)
    request = payment_request(customer, "pm_card_visa")
    await orderly.plan_outage(Operation.CREATE_PAYMENT, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnreachable):
        await created(gateway, request)
    await orderly.forget_keys()
    found = await gateway.find_payment(customer, invoice_id=request.invoice_id, attempt_number=1)
    assert found is not None
    assert found.status is PaymentStatus.REQUIRES_CONFIRMATION
