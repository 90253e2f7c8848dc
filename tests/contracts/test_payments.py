"""Payments: created without moving money, confirmed, declined, authenticated, canceled, found."""

import asyncio

import pytest

from billing.decline import DeclineKind
from billing.errors import GatewayBusy, GatewayRefused
from billing.money import Money
from billing.ports.gateway import GatewayPayment, PaymentGateway, PaymentStatus
from tests.contracts.gateways import GatewayBench
from tests.contracts.purchases import (
    TEN_DOLLARS,
    confirmed,
    created,
    customer_at,
    fresh,
    paid_with,
    payment_request,
)


async def test_a_customer_is_created_once_per_key(gateway: PaymentGateway) -> None:
    customer_id = fresh("cus")
    made = [
        await gateway.create_customer(
            customer_id, email="ada@example.com", name=None, key=f"customer:{customer_id}"
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]


async def test_creating_a_payment_moves_no_money(gateway: PaymentGateway) -> None:
    customer = await customer_at(gateway)
    request = payment_request(customer, "pm_card_visa")
    payment = await created(gateway, request)
    assert payment.status is PaymentStatus.REQUIRES_CONFIRMATION
    assert payment.amount == TEN_DOLLARS
    assert (payment.invoice_id, payment.attempt_number) == (request.invoice_id, 1)
    assert (payment.decline, payment.action_url) == (None, None)
    assert await gateway.read_payment(payment.id) == payment


async def test_confirming_a_payment_moves_the_money(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_visa")
    assert payment.status is PaymentStatus.SUCCEEDED
    assert payment.decline is None
    assert await gateway.read_payment(payment.id) == payment


async def test_confirming_a_paid_payment_returns_it_as_it_is(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_visa")
    assert await confirmed(gateway, payment, attempt=2) == payment


@pytest.mark.parametrize(
    ("method", "code", "decline_code", "advice_code", "kind"),
    [
        (
            "pm_card_visa_chargeDeclined",
            "card_declined",
            "generic_decline",
            "try_again_later",
            DeclineKind.SOFT,
        ),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
            "try_again_later",
            DeclineKind.SOFT,
        ),
        (
            "pm_card_visa_chargeDeclinedLostCard",
            "card_declined",
            "lost_card",
            "do_not_try_again",
            DeclineKind.HARD,
        ),
        (
            "pm_card_visa_chargeDeclinedStolenCard",
            "card_declined",
            "stolen_card",
            "do_not_try_again",
            DeclineKind.HARD,
        ),
        (
            "pm_card_chargeDeclinedExpiredCard",
            "expired_card",
            "expired_card",
            "do_not_try_again",
            DeclineKind.HARD,
        ),
        (
            "pm_card_chargeDeclinedIncorrectCvc",
            "incorrect_cvc",
            "incorrect_cvc",
            "confirm_card_data",
            DeclineKind.HARD,
        ),
        (
            "pm_card_chargeDeclinedProcessingError",
            "processing_error",
            "processing_error",
            "try_again_later",
            DeclineKind.SOFT,
        ),
    ],
)
async def test_a_decline_is_returned_with_its_codes(
    gateway: PaymentGateway,
    method: str,
    code: str,
    decline_code: str,
    advice_code: str,
    kind: DeclineKind,
) -> None:
    payment = await paid_with(gateway, method)
    assert payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
    assert payment.decline is not None
    assert payment.decline.code == code
    assert payment.decline.decline_code == decline_code
    assert payment.decline.advice_code == advice_code
    assert payment.decline.kind is kind
    assert (await gateway.read_payment(payment.id)).decline == payment.decline


async def test_a_declined_payment_is_not_confirmed_again(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_visa_chargeDeclined")
    with pytest.raises(GatewayRefused) as refused:
        await confirmed(gateway, payment, attempt=2)
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_a_repeated_confirmation_is_answered_and_not_repeated(
    gateway: PaymentGateway,
) -> None:
    customer = await customer_at(gateway)
    payment = await created(gateway, payment_request(customer, "pm_card_visa_chargeDeclined"))
    answers = [await confirmed(gateway, payment) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


async def test_off_session_authentication_is_a_decline(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_authenticationRequired")
    assert payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
    assert payment.decline is not None
    assert payment.decline.kind is DeclineKind.AUTHENTICATION


async def test_on_session_authentication_gives_the_customer_a_link(
    gateway: PaymentGateway,
) -> None:
    payment = await paid_with(gateway, "pm_card_authenticationRequired", off_session=False)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert payment.action_url is not None
    assert payment.action_url.startswith("http")


async def test_an_authenticated_payment_succeeds(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await paid_with(gateway, "pm_card_authenticationRequired", off_session=False)
    await orderly.authenticate(payment)
    after = await gateway.read_payment(payment.id)
    assert after.status is PaymentStatus.SUCCEEDED
    assert (after.decline, after.action_url) == (None, None)


async def test_a_canceled_payment_takes_no_money_any_more(gateway: PaymentGateway) -> None:
    customer = await customer_at(gateway)
    payment = await created(gateway, payment_request(customer, "pm_card_visa"))
    canceled = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}")
    assert canceled.status is PaymentStatus.CANCELED
    assert (await confirmed(gateway, payment)).status is PaymentStatus.CANCELED
    again = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}:again")
    assert again.status is PaymentStatus.CANCELED


async def test_canceling_a_paid_payment_says_that_it_is_paid(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_visa")
    canceled = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}")
    assert canceled.status is PaymentStatus.SUCCEEDED


async def test_a_declined_payment_can_be_canceled(gateway: PaymentGateway) -> None:
    payment = await paid_with(gateway, "pm_card_visa_chargeDeclined")
    canceled = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}")
    assert canceled.status is PaymentStatus.CANCELED


async def test_a_payment_is_found_by_invoice_and_attempt(gateway: PaymentGateway) -> None:
    customer = await customer_at(gateway)
    request = payment_request(customer, "pm_card_visa")
    payment = await created(gateway, request)
    other = request.model_copy(update={"attempt_number": 2})
    await gateway.create_payment(other, key=f"create:{request.invoice_id}:2")
    found = await gateway.find_payment(customer, invoice_id=request.invoice_id, attempt_number=1)
    assert found == payment
    missing = await gateway.find_payment(customer, invoice_id=request.invoice_id, attempt_number=3)
    assert missing is None


async def test_of_several_payments_the_paid_one_is_found(gateway: PaymentGateway) -> None:
    customer = await customer_at(gateway)
    request = payment_request(customer, "pm_card_visa")
    first = await created(gateway, request)
    paid = await confirmed(gateway, first)
    await gateway.create_payment(request, key=f"create:{request.invoice_id}:fresh")
    found = await gateway.find_payment(customer, invoice_id=request.invoice_id, attempt_number=1)
    assert found == paid


async def test_a_payment_of_another_customer_is_not_found(gateway: PaymentGateway) -> None:
    request = payment_request(await customer_at(gateway), "pm_card_visa")
    await created(gateway, request)
    found = await gateway.find_payment(
        await customer_at(gateway), invoice_id=request.invoice_id, attempt_number=1
    )
    assert found is None


@pytest.mark.parametrize(
    "amount",
    [
        Money(amount_minor=500, currency="JPY"),
        Money(amount_minor=12345, currency="EUR"),
    ],
    ids=str,
)
async def test_amounts_are_charged_in_their_currency(
    gateway: PaymentGateway, amount: Money
) -> None:
    payment = await paid_with(gateway, "pm_card_visa", amount=amount)
    assert payment.status is PaymentStatus.SUCCEEDED
    assert payment.amount == amount


@pytest.mark.parametrize("succeeds", [True, False])
async def test_a_slow_payment_is_processing_until_the_bank_answers(
    orderly: GatewayBench, *, succeeds: bool
) -> None:
    gateway = orderly.gateway
    customer = await customer_at(gateway)
    setup = await gateway.create_setup(customer, customer_id="cus_ours", key=fresh("setup"))
    await orderly.complete_setup(setup.id, "pm_usBankAccount_success")
    method = (await gateway.read_setup(setup.id)).payment_method_id
    assert method is not None
    payment = await confirmed(gateway, await created(gateway, payment_request(customer, method)))
    assert payment.status is PaymentStatus.PROCESSING
    canceled = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}")
    assert canceled.status is PaymentStatus.PROCESSING
    await orderly.settle(payment.id, succeeds=succeeds)
    after = await gateway.read_payment(payment.id)
    assert (after.status is PaymentStatus.SUCCEEDED) is succeeds
    assert (after.decline is None) is succeeds


async def test_two_confirmations_at_once_take_the_money_once(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await created(gateway, payment_request(await customer_at(gateway), "pm_card_visa"))
    answers = await asyncio.gather(
        *(confirmed(gateway, payment) for _ in range(2)), return_exceptions=True
    )
    for answer in answers:
        assert isinstance(answer, GatewayBusy | GatewayPayment)
    assert (await gateway.read_payment(payment.id)).status is PaymentStatus.SUCCEEDED
