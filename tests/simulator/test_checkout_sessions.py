"""Checkout Sessions through their hosted page, by plain form posts."""

import httpx
import pytest
import stripe

from simulator.tls import tls_context
from tests.simulator.conftest import Simulator

_CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123"}
_SUCCESS = "https://shop.example/done?session={CHECKOUT_SESSION_ID}"


async def _setup_session(simulator: Simulator, customer: str) -> stripe.checkout.Session:
    return await simulator.v1.checkout.sessions.create_async(
        {
            "mode": "setup",
            "customer": customer,
            "currency": "usd",
            "success_url": _SUCCESS,
            "cancel_url": "https://shop.example/cancel",
            "client_reference_id": "sub_1",
            "metadata": {"subscription": "sub_1"},
            "setup_intent_data": {"metadata": {"subscription": "sub_1"}},
        }
    )


async def _post(url: str | None, **fields: str) -> httpx.Response:
    assert url is not None
    async with httpx.AsyncClient(verify=tls_context()) as browser:
        return await browser.post(url, data=fields)


async def test_setup_mode_saves_the_card_and_leads_to_the_success_page(
    simulator: Simulator,
) -> None:
    customer = await simulator.v1.customers.create_async({"email": "ada@example.com"})
    session = await _setup_session(simulator, customer.id)
    answer = await _post(session.url, **_CARD)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"https://shop.example/done?session={session.id}"
    done = await simulator.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["setup_intent.payment_method"]}
    )
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")
    assert isinstance(done.setup_intent, stripe.SetupIntent)
    assert isinstance(done.setup_intent.payment_method, stripe.PaymentMethod)
    assert done.setup_intent.payment_method.customer == customer.id
    assert done.setup_intent.metadata is not None
    assert done.setup_intent.metadata.to_dict() == {"subscription": "sub_1"}


async def test_submitting_twice_is_harmless(simulator: Simulator) -> None:
    customer = await simulator.v1.customers.create_async({})
    session = await _setup_session(simulator, customer.id)
    first = await _post(session.url, **_CARD)
    second = await _post(session.url, **_CARD)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    methods = await simulator.v1.payment_methods.list_async({"customer": customer.id})
    assert len(methods.data) == 1
    assert (await simulator.event_types()).count("checkout.session.completed") == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"number": "4000000000000002"}, "Your card was declined."),
        ({"number": "4242424242424241"}, "Your card number is incorrect."),
        ({"expiry": "nonsense"}, "expiration month is invalid"),
        ({"expiry": "12 / 20"}, "expiration year is invalid"),
        ({"cvc": "1"}, "security code is invalid"),
        ({"number": "<script>"}, "Your card number is incorrect."),
    ],
)
async def test_a_refused_card_shows_why_and_the_session_stays_open(
    simulator: Simulator, fields: dict[str, str], message: str
) -> None:
    customer = await simulator.v1.customers.create_async({})
    session = await _setup_session(simulator, customer.id)
    answer = await _post(session.url, **(_CARD | fields))
    assert answer.status_code == 402
    assert message in answer.text.replace("&#39;", "'")
    assert 'role="alert"' in answer.text
    assert "<script>" not in answer.text
    assert (await _post(session.url, **_CARD)).status_code == 303


async def test_payment_mode_charges_once_and_keeps_the_card(simulator: Simulator) -> None:
    session = await simulator.v1.checkout.sessions.create_async(
        {
            "mode": "payment",
            "success_url": _SUCCESS,
            "customer_creation": "always",
            "line_items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 1600,
                        "product_data": {"name": "Seat"},
                    },
                    "quantity": 5,
                }
            ],
            "payment_intent_data": {"setup_future_usage": "off_session"},
        }
    )
    assert (session.amount_total, session.payment_intent) == (8000, None)
    assert session.url is not None
    async with httpx.AsyncClient(verify=tls_context()) as browser:
        page = await browser.get(session.url)
    assert "Pay 80.00 USD" in page.text
    await _post(session.url, email="ada@example.com", **_CARD)
    await _post(session.url, email="ada@example.com", **_CARD)
    done = await simulator.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["customer", "payment_intent"]}
    )
    assert (done.status, done.payment_status) == ("complete", "paid")
    assert isinstance(done.customer, stripe.Customer)
    assert done.customer.email == "ada@example.com"
    assert (await simulator.control.totals())["usd"].captured_minor == 8000
    methods = await simulator.v1.payment_methods.list_async({"customer": done.customer.id})
    assert len(methods.data) == 1


async def test_a_card_with_3d_secure_comes_back_through_the_challenge(
    simulator: Simulator,
) -> None:
    customer = await simulator.v1.customers.create_async({})
    session = await _setup_session(simulator, customer.id)
    assert session.url is not None
    fields = _CARD | {"number": "4000002500003155"}
    async with httpx.AsyncClient(verify=tls_context()) as browser:
        challenge = (await browser.post(session.url, data=fields)).headers["location"]
        back = (await browser.post(challenge, data={"outcome": "complete"})).headers["location"]
        done = await browser.get(back)
    assert done.headers["location"] == f"https://shop.example/done?session={session.id}"


async def test_an_expired_session_says_so_and_takes_no_card(simulator: Simulator) -> None:
    customer = await simulator.v1.customers.create_async({})
    session = await _setup_session(simulator, customer.id)
    expired = await simulator.v1.checkout.sessions.expire_async(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    assert (await _post(session.url, **_CARD)).status_code == 410
    with pytest.raises(stripe.InvalidRequestError):
        await simulator.v1.checkout.sessions.expire_async(session.id)


async def test_an_unknown_session_is_not_found(simulator: Simulator) -> None:
    assert (await _post(f"{simulator.url}/c/pay/cs_test_none", **_CARD)).status_code == 404


async def test_an_impossible_email_is_refused_on_the_page(simulator: Simulator) -> None:
    session = await simulator.v1.checkout.sessions.create_async(
        {
            "mode": "setup",
            "currency": "usd",
            "customer_creation": "always",
            "success_url": _SUCCESS,
        }
    )
    answer = await _post(session.url, email="nonsense", **_CARD)
    assert (answer.status_code, "email is incomplete" in answer.text) == (402, True)
    assert (await simulator.v1.customers.list_async()).data == []


async def test_a_customer_deleted_meanwhile_is_no_server_error(simulator: Simulator) -> None:
    customer = await simulator.v1.customers.create_async({})
    session = await simulator.v1.checkout.sessions.create_async(
        {
            "mode": "payment",
            "customer": customer.id,
            "success_url": _SUCCESS,
            "line_items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 1600,
                        "product_data": {"name": "Seat"},
                    }
                }
            ],
        }
    )
    await simulator.v1.customers.delete_async(customer.id)
    assert (await _post(session.url, **_CARD)).status_code == 404
    assert await simulator.control.totals() == {}
