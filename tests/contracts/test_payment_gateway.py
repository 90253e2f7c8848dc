"""What every payment gateway must do, checked against each of them.

Real Stripe takes part when `STRIPE_TEST_KEY` is set.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from uuid import uuid4

import pytest
import pytest_asyncio

from adapters.memory.outages import Operation, Outage
from billing.decline import DeclineKind
from billing.errors import (
    GatewayBusy,
    GatewayFailed,
    GatewayRefused,
    GatewayUnreachable,
)
from billing.money import Money
from billing.ports.gateway import (
    CheckoutRequest,
    GatewayPayment,
    PaymentGateway,
    PaymentRequest,
    PaymentStatus,
)
from tests.contracts.gateways import GatewayBench, MemoryBench, simulator_bench, stripe_bench

RETURN_URL = "https://example.com/return"
TEN_DOLLARS = Money(amount_minor=1000, currency="USD")


def _opened(name: str) -> AbstractAsyncContextManager[GatewayBench]:
    match name:
        case "memory":
            return nullcontext(MemoryBench())
        case "simulator":
            return simulator_bench()
        case _:
            key = os.environ.get("STRIPE_TEST_KEY")
            if not key:
                pytest.skip("STRIPE_TEST_KEY is not set: real Stripe takes no part")
            return stripe_bench(key)


@pytest_asyncio.fixture(scope="module", params=["memory", "simulator", "stripe"])
async def opened_bench(request: pytest.FixtureRequest) -> AsyncIterator[GatewayBench]:
    async with _opened(request.param) as bench:
        yield bench


@pytest_asyncio.fixture
async def bench(opened_bench: GatewayBench) -> AsyncIterator[GatewayBench]:
    yield opened_bench
    assert await opened_bench.complaints() == []


@pytest.fixture
def orderly(bench: GatewayBench) -> GatewayBench:
    if not bench.takes_orders:
        pytest.skip("Stripe itself takes no orders to fail, and its pages need a person")
    return bench


@pytest.fixture
def gateway(bench: GatewayBench) -> PaymentGateway:
    return bench.gateway


def _fresh(prefix: str) -> str:
    return f"{prefix}_{uuid4().hex}"


async def _customer(gateway: PaymentGateway) -> str:
    customer_id = _fresh("cus")
    return await gateway.create_customer(
        customer_id, email="ada@example.com", name="Ada Lovelace", key=f"customer:{customer_id}"
    )


def _request(customer: str, method: str, amount: Money = TEN_DOLLARS) -> PaymentRequest:
    return PaymentRequest(
        invoice_id=_fresh("in"),
        attempt_number=1,
        subscription_id=_fresh("sub"),
        gateway_customer_id=customer,
        payment_method_id=method,
        amount=amount,
        description="Team, 5 seats",
    )


async def _created(gateway: PaymentGateway, request: PaymentRequest) -> GatewayPayment:
    return await gateway.create_payment(request, key=f"create:{request.invoice_id}")


async def _confirmed(
    gateway: PaymentGateway, payment: GatewayPayment, *, off_session: bool = True, attempt: int = 1
) -> GatewayPayment:
    return await gateway.confirm_payment(
        payment.id,
        return_url=RETURN_URL,
        off_session=off_session,
        key=f"confirm:{payment.id}:{attempt}",
    )


async def _paid_with(
    gateway: PaymentGateway, method: str, *, amount: Money = TEN_DOLLARS, off_session: bool = True
) -> GatewayPayment:
    customer = await _customer(gateway)
    payment = await _created(gateway, _request(customer, method, amount))
    return await _confirmed(gateway, payment, off_session=off_session)


def _checkout(customer: str) -> CheckoutRequest:
    return CheckoutRequest(
        checkout_session_id=_fresh("cks"),
        subscription_id=_fresh("sub"),
        gateway_customer_id=customer,
        currency="USD",
        success_url="https://example.com/done?session={CHECKOUT_SESSION_ID}",
        cancel_url="https://example.com/back",
    )


async def test_a_customer_is_created_once_per_key(gateway: PaymentGateway) -> None:
    customer_id = _fresh("cus")
    made = [
        await gateway.create_customer(
            customer_id, email="ada@example.com", name=None, key=f"customer:{customer_id}"
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]


async def test_creating_a_payment_moves_no_money(gateway: PaymentGateway) -> None:
    customer = await _customer(gateway)
    request = _request(customer, "pm_card_visa")
    payment = await _created(gateway, request)
    assert payment.status is PaymentStatus.REQUIRES_CONFIRMATION
    assert payment.amount == TEN_DOLLARS
    assert (payment.invoice_id, payment.attempt_number) == (request.invoice_id, 1)
    assert (payment.decline, payment.action_url) == (None, None)
    assert await gateway.read_payment(payment.id) == payment


async def test_confirming_a_payment_moves_the_money(gateway: PaymentGateway) -> None:
    payment = await _paid_with(gateway, "pm_card_visa")
    assert payment.status is PaymentStatus.SUCCEEDED
    assert payment.decline is None
    assert await gateway.read_payment(payment.id) == payment


async def test_confirming_a_paid_payment_returns_it_as_it_is(gateway: PaymentGateway) -> None:
    payment = await _paid_with(gateway, "pm_card_visa")
    assert await _confirmed(gateway, payment, attempt=2) == payment


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
    payment = await _paid_with(gateway, method)
    assert payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
    assert payment.decline is not None
    assert payment.decline.code == code
    assert payment.decline.decline_code == decline_code
    assert payment.decline.advice_code == advice_code
    assert payment.decline.kind is kind
    assert (await gateway.read_payment(payment.id)).decline == payment.decline


async def test_a_declined_payment_is_not_confirmed_again(gateway: PaymentGateway) -> None:
    payment = await _paid_with(gateway, "pm_card_visa_chargeDeclined")
    with pytest.raises(GatewayRefused) as refused:
        await _confirmed(gateway, payment, attempt=2)
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_a_repeated_confirmation_is_answered_and_not_repeated(
    gateway: PaymentGateway,
) -> None:
    customer = await _customer(gateway)
    payment = await _created(gateway, _request(customer, "pm_card_visa_chargeDeclined"))
    answers = [await _confirmed(gateway, payment) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


async def test_off_session_authentication_is_a_decline(gateway: PaymentGateway) -> None:
    payment = await _paid_with(gateway, "pm_card_authenticationRequired")
    assert payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
    assert payment.decline is not None
    assert payment.decline.kind is DeclineKind.AUTHENTICATION


async def test_on_session_authentication_gives_the_customer_a_link(
    gateway: PaymentGateway,
) -> None:
    payment = await _paid_with(gateway, "pm_card_authenticationRequired", off_session=False)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert payment.action_url is not None
    assert payment.action_url.startswith("http")


async def test_an_authenticated_payment_succeeds(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await _paid_with(gateway, "pm_card_authenticationRequired", off_session=False)
    await orderly.authenticate(payment)
    after = await gateway.read_payment(payment.id)
    assert after.status is PaymentStatus.SUCCEEDED
    assert (after.decline, after.action_url) == (None, None)


async def test_a_canceled_payment_takes_no_money_any_more(gateway: PaymentGateway) -> None:
    customer = await _customer(gateway)
    payment = await _created(gateway, _request(customer, "pm_card_visa"))
    canceled = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}")
    assert canceled.status is PaymentStatus.CANCELED
    assert (await _confirmed(gateway, payment)).status is PaymentStatus.CANCELED
    again = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}:again")
    assert again.status is PaymentStatus.CANCELED


async def test_canceling_a_paid_payment_says_that_it_is_paid(gateway: PaymentGateway) -> None:
    payment = await _paid_with(gateway, "pm_card_visa")
    canceled = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}")
    assert canceled.status is PaymentStatus.SUCCEEDED


async def test_a_declined_payment_can_be_canceled(gateway: PaymentGateway) -> None:
    payment = await _paid_with(gateway, "pm_card_visa_chargeDeclined")
    canceled = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}")
    assert canceled.status is PaymentStatus.CANCELED


async def test_a_payment_is_found_by_invoice_and_attempt(gateway: PaymentGateway) -> None:
    customer = await _customer(gateway)
    request = _request(customer, "pm_card_visa")
    payment = await _created(gateway, request)
    other = request.model_copy(update={"attempt_number": 2})
    await gateway.create_payment(other, key=f"create:{request.invoice_id}:2")
    found = await gateway.find_payment(customer, invoice_id=request.invoice_id, attempt_number=1)
    assert found == payment
    missing = await gateway.find_payment(customer, invoice_id=request.invoice_id, attempt_number=3)
    assert missing is None


async def test_of_several_payments_the_paid_one_is_found(gateway: PaymentGateway) -> None:
    customer = await _customer(gateway)
    request = _request(customer, "pm_card_visa")
    first = await _created(gateway, request)
    paid = await _confirmed(gateway, first)
    await gateway.create_payment(request, key=f"create:{request.invoice_id}:fresh")
    found = await gateway.find_payment(customer, invoice_id=request.invoice_id, attempt_number=1)
    assert found == paid


async def test_a_payment_of_another_customer_is_not_found(gateway: PaymentGateway) -> None:
    request = _request(await _customer(gateway), "pm_card_visa")
    await _created(gateway, request)
    found = await gateway.find_payment(
        await _customer(gateway), invoice_id=request.invoice_id, attempt_number=1
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
    payment = await _paid_with(gateway, "pm_card_visa", amount=amount)
    assert payment.status is PaymentStatus.SUCCEEDED
    assert payment.amount == amount


async def test_a_saved_method_can_be_charged_until_it_is_detached(
    gateway: PaymentGateway,
) -> None:
    customer = await _customer(gateway)
    method = await gateway.attach_payment_method(
        "pm_card_visa", gateway_customer_id=customer, key=_fresh("attach")
    )
    assert (method.type, method.brand, method.last4) == ("card", "visa", "4242")
    assert method.gateway_customer_id == customer
    assert await gateway.read_payment_method(method.id) == method
    paid = await _confirmed(gateway, await _created(gateway, _request(customer, method.id)))
    assert paid.status is PaymentStatus.SUCCEEDED

    await gateway.detach_payment_method(method.id, key=f"detach:{method.id}")
    await gateway.detach_payment_method(method.id, key=f"detach:{method.id}:again")
    assert (await gateway.read_payment_method(method.id)).gateway_customer_id is None
    with pytest.raises(GatewayRefused):
        await _created(gateway, _request(customer, method.id))


async def test_attaching_twice_changes_nothing(gateway: PaymentGateway) -> None:
    customer = await _customer(gateway)
    method = await gateway.attach_payment_method(
        "pm_card_visa", gateway_customer_id=customer, key=_fresh("attach")
    )
    again = await gateway.attach_payment_method(
        method.id, gateway_customer_id=customer, key=_fresh("attach")
    )
    assert again == method


async def test_a_method_of_another_customer_is_refused(gateway: PaymentGateway) -> None:
    owner, other = await _customer(gateway), await _customer(gateway)
    method = await gateway.attach_payment_method(
        "pm_card_visa", gateway_customer_id=owner, key=_fresh("attach")
    )
    with pytest.raises(GatewayRefused):
        await gateway.attach_payment_method(
            method.id, gateway_customer_id=other, key=_fresh("attach")
        )
    with pytest.raises(GatewayRefused):
        await _created(gateway, _request(other, method.id))


async def test_a_card_declined_on_saving_is_refused(gateway: PaymentGateway) -> None:
    customer = await _customer(gateway)
    with pytest.raises(GatewayRefused) as refused:
        await gateway.attach_payment_method(
            "pm_card_visa_chargeDeclined", gateway_customer_id=customer, key=_fresh("attach")
        )
    assert refused.value.code == "card_declined"
    assert refused.value.details["decline_code"] == "generic_decline"


async def test_a_card_may_be_saved_and_then_declined(gateway: PaymentGateway) -> None:
    customer = await _customer(gateway)
    method = await gateway.attach_payment_method(
        "pm_card_chargeCustomerFail", gateway_customer_id=customer, key=_fresh("attach")
    )
    payment = await _confirmed(gateway, await _created(gateway, _request(customer, method.id)))
    assert payment.decline is not None
    assert payment.decline.kind is DeclineKind.SOFT


async def test_a_completed_setup_saves_the_method(bench: GatewayBench) -> None:
    gateway = bench.gateway
    customer = await _customer(gateway)
    setup = await gateway.create_setup(customer, customer_id="cus_ours", key=_fresh("setup"))
    assert setup.client_secret.startswith(setup.id)
    before = await gateway.read_setup(setup.id)
    assert (before.succeeded, before.payment_method_id) == (False, None)
    await bench.complete_setup(setup.id, "pm_card_visa")
    after = await gateway.read_setup(setup.id)
    assert after.succeeded
    assert after.gateway_customer_id == customer
    assert after.payment_method_id is not None
    method = await gateway.read_payment_method(after.payment_method_id)
    assert method.gateway_customer_id == customer


async def test_an_open_checkout_can_be_closed(gateway: PaymentGateway) -> None:
    request = _checkout(await _customer(gateway))
    checkout = await gateway.create_checkout(request, key=f"checkout:{_fresh('k')}")
    assert checkout.url is not None
    assert not checkout.is_complete
    assert checkout.checkout_session_id == request.checkout_session_id
    assert checkout.subscription_id == request.subscription_id
    assert await gateway.read_checkout(checkout.id) == checkout
    for attempt in range(2):
        await gateway.expire_checkout(checkout.id, key=f"expire:{checkout.id}:{attempt}")
    closed = await gateway.read_checkout(checkout.id)
    assert (closed.url, closed.is_complete) == (None, False)


async def test_a_completed_checkout_saves_the_method(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    customer = await _customer(gateway)
    checkout = await gateway.create_checkout(_checkout(customer), key=_fresh("checkout"))
    await orderly.complete_checkout(checkout, "pm_card_visa")
    complete = await gateway.read_checkout(checkout.id)
    assert complete.is_complete
    assert complete.payment_method_id is not None
    method = await gateway.read_payment_method(complete.payment_method_id)
    assert (method.last4, method.gateway_customer_id) == ("4242", customer)
    await gateway.expire_checkout(checkout.id, key=f"expire:{checkout.id}")
    assert (await gateway.read_checkout(checkout.id)).is_complete


@pytest.mark.parametrize("succeeds", [True, False])
async def test_a_slow_payment_is_processing_until_the_bank_answers(
    orderly: GatewayBench, *, succeeds: bool
) -> None:
    gateway = orderly.gateway
    customer = await _customer(gateway)
    setup = await gateway.create_setup(customer, customer_id="cus_ours", key=_fresh("setup"))
    await orderly.complete_setup(setup.id, "pm_usBankAccount_success")
    method = (await gateway.read_setup(setup.id)).payment_method_id
    assert method is not None
    payment = await _confirmed(gateway, await _created(gateway, _request(customer, method)))
    assert payment.status is PaymentStatus.PROCESSING
    canceled = await gateway.cancel_payment(payment.id, key=f"cancel:{payment.id}")
    assert canceled.status is PaymentStatus.PROCESSING
    await orderly.settle(payment.id, succeeds=succeeds)
    after = await gateway.read_payment(payment.id)
    assert (after.status is PaymentStatus.SUCCEEDED) is succeeds
    assert (after.decline is None) is succeeds


async def test_the_same_key_for_another_request_is_refused(gateway: PaymentGateway) -> None:
    customer = await _customer(gateway)
    request = _request(customer, "pm_card_visa")
    await _created(gateway, request)
    other = request.model_copy(update={"amount": Money(amount_minor=2000, currency="USD")})
    with pytest.raises(GatewayRefused) as refused:
        await _created(gateway, other)
    assert refused.value.code == "idempotency_error"


async def test_unknown_ids_are_refused_with_their_code(gateway: PaymentGateway) -> None:
    with pytest.raises(GatewayRefused) as refused:
        await gateway.read_payment("pi_unknown")
    assert refused.value.code == "resource_missing"


async def test_a_busy_gateway_did_nothing(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await _created(gateway, _request(await _customer(gateway), "pm_card_visa"))
    await orderly.plan_outage(Operation.CONFIRM_PAYMENT, Outage.BUSY)
    with pytest.raises(GatewayBusy):
        await _confirmed(gateway, payment)
    read = await gateway.read_payment(payment.id)
    assert read.status is PaymentStatus.REQUIRES_CONFIRMATION
    assert (await _confirmed(gateway, payment)).status is PaymentStatus.SUCCEEDED


async def test_a_failure_is_saved_under_its_key_and_a_fresh_key_works(
    orderly: GatewayBench,
) -> None:
    gateway = orderly.gateway
    payment = await _created(gateway, _request(await _customer(gateway), "pm_card_visa"))
    await orderly.plan_outage(Operation.CONFIRM_PAYMENT, Outage.FAILED)
    for _ in range(2):
        with pytest.raises(GatewayFailed):
            await _confirmed(gateway, payment)
    fresh = await _confirmed(gateway, payment, attempt=2)
    assert fresh.status is PaymentStatus.SUCCEEDED


async def test_a_lost_request_took_no_money(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await _created(gateway, _request(await _customer(gateway), "pm_card_visa"))
    await orderly.plan_outage(Operation.CONFIRM_PAYMENT, Outage.LOST_REQUEST)
    with pytest.raises(GatewayUnreachable):
        await _confirmed(gateway, payment)
    read = await gateway.read_payment(payment.id)
    assert read.status is PaymentStatus.REQUIRES_CONFIRMATION
    assert (await _confirmed(gateway, payment)).status is PaymentStatus.SUCCEEDED


async def test_a_lost_answer_is_found_by_reading(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await _created(gateway, _request(await _customer(gateway), "pm_card_visa"))
    await orderly.plan_outage(Operation.CONFIRM_PAYMENT, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnreachable):
        await _confirmed(gateway, payment)
    assert (await gateway.read_payment(payment.id)).status is PaymentStatus.SUCCEEDED
    assert (await _confirmed(gateway, payment)).status is PaymentStatus.SUCCEEDED


async def test_a_creation_whose_answer_was_lost_is_found_even_without_its_key(
    orderly: GatewayBench,
) -> None:
    gateway = orderly.gateway
    customer = await _customer(gateway)
    request = _request(customer, "pm_card_visa")
    await orderly.plan_outage(Operation.CREATE_PAYMENT, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnreachable):
        await _created(gateway, request)
    await orderly.forget_keys()
    found = await gateway.find_payment(customer, invoice_id=request.invoice_id, attempt_number=1)
    assert found is not None
    assert found.status is PaymentStatus.REQUIRES_CONFIRMATION


async def test_two_confirmations_at_once_take_the_money_once(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    payment = await _created(gateway, _request(await _customer(gateway), "pm_card_visa"))
    answers = await asyncio.gather(
        *(_confirmed(gateway, payment) for _ in range(2)), return_exceptions=True
    )
    for answer in answers:
        assert isinstance(answer, GatewayBusy | GatewayPayment)
    assert (await gateway.read_payment(payment.id)).status is PaymentStatus.SUCCEEDED
