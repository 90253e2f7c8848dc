"""PaymentIntents: states, declines, 3D Secure, slow payments."""

import httpx
import pytest
import stripe

from simulator.tls import tls_context
from tests.simulator.conftest import Simulator


async def test_create_then_confirm_captures_once(simulator: Simulator) -> None:
    customer, method = await simulator.customer()
    intent = await simulator.intent(customer, method)
    assert (intent.status, intent.latest_charge) == ("requires_confirmation", None)
    done = await simulator.v1.payment_intents.confirm_async(
        intent.id, {"off_session": True, "expand": ["latest_charge", "payment_method", "customer"]}
    )
    assert (done.status, done.amount_received) == ("succeeded", 8000)
    assert isinstance(done.latest_charge, stripe.Charge)
    assert (done.latest_charge.status, done.latest_charge.amount_captured) == ("succeeded", 8000)
    assert isinstance(done.customer, stripe.Customer)
    assert (await simulator.control.totals())["usd"].captured_minor == 8000
    assert (await simulator.event_types())[-3:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


async def test_confirming_a_succeeded_intent_is_an_unexpected_state(simulator: Simulator) -> None:
    paid = await simulator.paid()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.payment_intents.confirm_async(paid.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert caught.value.error is not None
    assert caught.value.error.payment_intent is not None
    assert caught.value.error.payment_intent.status == "succeeded"
    assert (await simulator.control.totals())["usd"].captured_minor == 8000


async def test_a_declined_confirmation_records_the_attempt_and_frees_the_intent(
    simulator: Simulator,
) -> None:
    customer, method = await simulator.customer("pm_card_chargeCustomerFail")
    intent = await simulator.intent(customer, method)
    with pytest.raises(stripe.CardError) as caught:
        await simulator.v1.payment_intents.confirm_async(intent.id, {"off_session": True})
    error = caught.value.error
    assert error is not None
    assert error.payment_intent is not None
    assert error.payment_intent.id == intent.id
    after = await simulator.v1.payment_intents.retrieve_async(intent.id)
    assert (after.status, after.payment_method) == ("requires_payment_method", None)
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == "generic_decline"
    assert after.latest_charge == error.charge
    charges = await simulator.v1.charges.list_async({"payment_intent": intent.id})
    assert [(charge.status, charge.failure_code) for charge in charges.data] == [
        ("failed", "card_declined")
    ]
    assert await simulator.control.totals() == {}


async def test_another_card_recovers_a_declined_intent(simulator: Simulator) -> None:
    customer, method = await simulator.customer("pm_card_chargeCustomerFail")
    intent = await simulator.intent(customer, method)
    with pytest.raises(stripe.CardError):
        await simulator.v1.payment_intents.confirm_async(intent.id)
    done = await simulator.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": "pm_card_visa"}
    )
    assert (done.status, done.last_payment_error) == ("succeeded", None)


async def test_a_schedule_of_outcomes_is_followed_then_ends(simulator: Simulator) -> None:
    customer, method = await simulator.customer()
    await simulator.control.schedule_outcomes(method, "insufficient_funds", "stolen_card")
    for expected in ("insufficient_funds", "stolen_card"):
        intent = await simulator.intent(customer, method)
        with pytest.raises(stripe.CardError) as caught:
            await simulator.v1.payment_intents.confirm_async(intent.id, {"off_session": True})
        assert caught.value.error is not None
        assert caught.value.error.decline_code == expected
    intent = await simulator.intent(customer, method)
    done = await simulator.v1.payment_intents.confirm_async(intent.id, {"off_session": True})
    assert done.status == "succeeded"


async def test_off_session_authentication_is_a_decline(simulator: Simulator) -> None:
    customer, method = await simulator.customer("pm_card_authenticationRequired")
    intent = await simulator.intent(customer, method)
    with pytest.raises(stripe.CardError) as caught:
        await simulator.v1.payment_intents.confirm_async(intent.id, {"off_session": True})
    assert caught.value.code == "authentication_required"


@pytest.mark.parametrize(
    ("outcome", "status", "redirect"),
    [("complete", "succeeded", "succeeded"), ("fail", "requires_payment_method", "failed")],
)
async def test_the_challenge_decides_an_on_session_payment(
    simulator: Simulator, outcome: str, status: str, redirect: str
) -> None:
    customer, method = await simulator.customer("pm_card_authenticationRequired")
    intent = await simulator.intent(customer, method)
    waiting = await simulator.v1.payment_intents.confirm_async(
        intent.id, {"return_url": "https://shop.example/back?order=7"}
    )
    assert waiting.next_action is not None
    assert waiting.next_action.redirect_to_url is not None
    url = waiting.next_action.redirect_to_url.url
    assert url is not None
    async with httpx.AsyncClient(verify=tls_context()) as browser:
        page = await browser.get(url)
        answer = await browser.post(url, data={"outcome": outcome})
        again = await browser.post(url, data={"outcome": outcome})
    assert (page.status_code, answer.status_code, again.status_code) == (200, 303, 404)
    assert answer.headers["location"].startswith(
        "https://shop.example/back?order=7&payment_intent="
    )
    assert f"redirect_status={redirect}" in answer.headers["location"]
    after = await simulator.v1.payment_intents.retrieve_async(intent.id)
    assert after.status == status


async def test_the_challenge_page_needs_the_client_secret(simulator: Simulator) -> None:
    customer, method = await simulator.customer("pm_card_authenticationRequired")
    intent = await simulator.intent(customer, method)
    await simulator.v1.payment_intents.confirm_async(intent.id)
    async with httpx.AsyncClient(verify=tls_context()) as browser:
        page = await browser.get(f"{simulator.url}/3d_secure/{intent.id}?client_secret=wrong")
    assert page.status_code == 404


async def test_a_bank_debit_is_processing_until_it_settles(simulator: Simulator) -> None:
    intent = await _debit(simulator)
    assert await simulator.control.totals() == {}
    await simulator.control.settle(intent.id)
    after = await simulator.v1.payment_intents.retrieve_async(intent.id)
    assert (after.status, after.amount_received) == ("succeeded", 8000)


async def test_a_bank_debit_can_fail_days_later(simulator: Simulator) -> None:
    intent = await _debit(simulator)
    await simulator.control.settle(intent.id, failure="insufficient_funds")
    after = await simulator.v1.payment_intents.retrieve_async(
        intent.id, {"expand": ["latest_charge"]}
    )
    assert after.status == "requires_payment_method"
    assert isinstance(after.latest_charge, stripe.Charge)
    assert after.latest_charge.failure_code == "insufficient_funds"
    assert (await simulator.event_types())[-2:] == [
        "charge.failed",
        "payment_intent.payment_failed",
    ]


async def test_a_processing_payment_cannot_be_cancelled_or_confirmed(simulator: Simulator) -> None:
    intent = await _debit(simulator)
    with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
        await simulator.v1.payment_intents.cancel_async(intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
        await simulator.v1.payment_intents.confirm_async(intent.id)


async def test_a_cancelled_intent_stays_cancelled(simulator: Simulator) -> None:
    customer, method = await simulator.customer()
    intent = await simulator.intent(customer, method)
    canceled = await simulator.v1.payment_intents.cancel_async(
        intent.id, {"cancellation_reason": "abandoned"}
    )
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError):
        await simulator.v1.payment_intents.confirm_async(intent.id)


async def test_setup_future_usage_keeps_the_card_for_off_session_use(simulator: Simulator) -> None:
    customer = await simulator.v1.customers.create_async({})
    intent = await simulator.v1.payment_intents.create_async(
        {
            "amount": 8000,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "setup_future_usage": "off_session",
            "allowed_payment_method_types": ["card"],
            "confirm": True,
        }
    )
    saved = await simulator.v1.payment_methods.list_async({"customer": customer.id})
    assert [method.id for method in saved.data] == [intent.payment_method]


@pytest.mark.parametrize(
    ("parameters", "code", "param"),
    [
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "amount"),
        ({"amount": -1, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "12.5", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "NaN", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 800, "currency": "xyz"}, None, "currency"),
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": 800, "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
        (
            {"amount": 800, "currency": "usd", "customer": "cus_none"},
            "resource_missing",
            "customer",
        ),
        ({"amount": 800, "currency": "usd", "capture_method": "manual"}, None, "capture_method"),
        (
            {"amount": 800, "currency": "usd", "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        ({"amount": 800, "currency": "usd", "off_session": True}, None, "off_session"),
    ],
)
async def test_bad_parameters_are_refused_by_name(
    simulator: Simulator,
    parameters: stripe.params.PaymentIntentCreateParams,
    code: str | None,
    param: str,
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.payment_intents.create_async(parameters)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert (await simulator.v1.payment_intents.list_async()).data == []


async def test_automatic_methods_with_redirects_need_a_return_url(simulator: Simulator) -> None:
    customer, method = await simulator.customer()
    intent = await simulator.v1.payment_intents.create_async(
        {"amount": 800, "currency": "usd", "customer": customer, "payment_method": method}
    )
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.payment_intents.confirm_async(intent.id, {"off_session": True})
    assert caught.value.param == "return_url"


async def _debit(simulator: Simulator) -> stripe.PaymentIntent:
    customer, method = await simulator.customer("pm_usBankAccount_success")
    intent = await simulator.intent(customer, method)
    debit = await simulator.v1.payment_intents.confirm_async(
        intent.id,
        {
            "mandate_data": {
                "customer_acceptance": {
                    "type": "online",
                    "online": {"ip_address": "127.0.0.1", "user_agent": "test"},
                }
            }
        },
    )
    assert debit.status == "processing"
    return debit
