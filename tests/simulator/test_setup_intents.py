"""SetupIntents: saving a card, with and without 3D Secure."""

import httpx
import pytest
import stripe

from simulator.tls import tls_context
from tests.simulator.conftest import Simulator


async def test_a_confirmed_setup_attaches_the_card(simulator: Simulator) -> None:
    customer = await simulator.v1.customers.create_async({})
    intent = await _set_up(simulator, customer.id, "pm_card_visa")
    assert intent.status == "succeeded"
    assert isinstance(intent.payment_method, stripe.PaymentMethod)
    assert intent.payment_method.customer == customer.id


async def test_a_refused_card_leaves_the_setup_open_and_nothing_attached(
    simulator: Simulator,
) -> None:
    customer = await simulator.v1.customers.create_async({})
    with pytest.raises(stripe.CardError) as caught:
        await _set_up(simulator, customer.id, "pm_card_visa_chargeDeclined")
    assert caught.value.error is not None
    assert caught.value.error.setup_intent is not None
    assert caught.value.error.setup_intent.status == "requires_payment_method"
    methods = await simulator.v1.payment_methods.list_async({"customer": customer.id})
    assert methods.data == []


@pytest.mark.parametrize(
    "card", ["pm_card_authenticationRequiredOnSetup", "pm_card_threeDSecure2Required"]
)
async def test_a_card_set_up_with_authentication_pays_off_session_without(
    simulator: Simulator, card: str
) -> None:
    customer = await simulator.v1.customers.create_async({})
    intent = await _set_up(simulator, customer.id, card)
    assert intent.status == "requires_action"
    await _answer_challenge(intent, "complete")
    done = await simulator.v1.setup_intents.retrieve_async(intent.id)
    assert done.status == "succeeded"
    assert isinstance(done.payment_method, str)
    payment = await simulator.intent(customer.id, done.payment_method)
    paid = await simulator.v1.payment_intents.confirm_async(payment.id, {"off_session": True})
    assert paid.status == "succeeded"


async def test_a_failed_challenge_asks_for_another_card(simulator: Simulator) -> None:
    customer = await simulator.v1.customers.create_async({})
    intent = await _set_up(simulator, customer.id, "pm_card_authenticationRequiredOnSetup")
    await _answer_challenge(intent, "fail")
    failed = await simulator.v1.setup_intents.retrieve_async(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_setup_error is not None
    assert failed.last_setup_error.code == "setup_intent_authentication_failure"


async def test_a_cancelled_setup_cannot_be_confirmed(simulator: Simulator) -> None:
    intent = await simulator.v1.setup_intents.create_async({})
    await simulator.v1.setup_intents.cancel_async(intent.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.setup_intents.confirm_async(
            intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example"}
        )
    assert caught.value.code == "setup_intent_unexpected_state"


async def _set_up(simulator: Simulator, customer: str, card: str) -> stripe.SetupIntent:
    return await simulator.v1.setup_intents.create_async(
        {
            "customer": customer,
            "payment_method": card,
            "allowed_payment_method_types": ["card"],
            "confirm": True,
            "return_url": "https://shop.example/back",
            "expand": ["payment_method"],
        }
    )


async def _answer_challenge(intent: stripe.SetupIntent, outcome: str) -> None:
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = intent.next_action.redirect_to_url.url
    assert url is not None
    async with httpx.AsyncClient(verify=tls_context()) as browser:
        answer = await browser.post(url, data={"outcome": outcome})
    assert answer.headers["location"].startswith("https://shop.example/back?setup_intent=")
