"""The layers of a request: authentication, rate limit, validation, idempotency, execution."""

import asyncio

import httpx
import pytest
import stripe

from simulator.api import SECONDS_A_KEY_IS_KEPT
from simulator.faults import Fault
from simulator.tls import tls_context
from tests.simulator.conftest import API_KEY, Simulator, client

_KEY: stripe.RequestOptions = {"idempotency_key": "charge:inv_1:period_1:1"}


async def test_a_repeated_key_replays_the_first_answer(simulator: Simulator) -> None:
    first = await simulator.v1.customers.create_async({"name": "Ada"}, _KEY)
    again = await simulator.v1.customers.create_async({"name": "Ada"}, _KEY)
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert len((await simulator.v1.customers.list_async()).data) == 1


async def test_a_decline_is_replayed_without_a_second_attempt(simulator: Simulator) -> None:
    customer, method = await simulator.customer("pm_card_chargeCustomerFail")
    intent = await simulator.intent(customer, method)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            await simulator.v1.payment_intents.confirm_async(intent.id, {}, _KEY)
    assert len((await simulator.v1.charges.list_async()).data) == 1
    replayed = (await simulator.control.requests())[-2]
    assert (replayed.status, replayed.replayed) == (402, True)


async def test_a_server_error_is_replayed_too(simulator: Simulator) -> None:
    await simulator.control.inject(Fault(kind="server_error", path="/v1/customers"))
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            await simulator.v1.customers.create_async({}, _KEY)
        assert caught.value.http_status == 500
    assert (await simulator.v1.customers.list_async()).data == []


async def test_a_key_with_other_parameters_or_another_endpoint_is_refused(
    simulator: Simulator,
) -> None:
    await simulator.v1.customers.create_async({"name": "Ada"}, _KEY)
    with pytest.raises(stripe.IdempotencyError):
        await simulator.v1.customers.create_async({"name": "Grace"}, _KEY)
    with pytest.raises(stripe.IdempotencyError):
        await simulator.v1.setup_intents.create_async({}, _KEY)


async def test_a_key_in_use_is_a_conflict_and_one_effect(simulator: Simulator) -> None:
    await simulator.control.inject(Fault(kind="slow", path="/v1/customers", seconds=0.3))
    results = await asyncio.gather(
        *(simulator.v1.customers.create_async({}, _KEY) for _ in range(3)), return_exceptions=True
    )
    conflicts = [error for error in results if isinstance(error, stripe.StripeError)]
    assert [error.http_status for error in conflicts] == [409, 409]
    assert {error.error and error.error.code for error in conflicts} == {"idempotency_key_in_use"}
    assert len((await simulator.v1.customers.list_async()).data) == 1
    replayed = await simulator.v1.customers.create_async({}, _KEY)
    assert replayed.id == (await simulator.v1.customers.list_async()).data[0].id


async def test_a_validation_failure_does_not_use_up_the_key(simulator: Simulator) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await simulator.v1.customers.create_async({"email": "nonsense"}, _KEY)
    await simulator.v1.customers.create_async({"email": "ada@example.com"}, _KEY)


async def test_a_rate_limit_does_not_use_up_the_key(simulator: Simulator) -> None:
    await simulator.control.inject(Fault(kind="rate_limited", path="/v1/customers"))
    with pytest.raises(stripe.RateLimitError):
        await simulator.v1.customers.create_async({"name": "Ada"}, _KEY)
    await simulator.v1.customers.create_async({"name": "Grace"}, _KEY)


async def test_keys_are_forgotten_after_a_day(simulator: Simulator) -> None:
    first = await simulator.v1.customers.create_async({}, _KEY)
    simulator.clock.now += SECONDS_A_KEY_IS_KEPT - 1
    assert (await simulator.v1.customers.create_async({}, _KEY)).id == first.id
    simulator.clock.now += 1
    assert (await simulator.v1.customers.create_async({}, _KEY)).id != first.id


async def test_create_and_confirm_in_one_call_charges_twice_once_the_key_is_forgotten(
    simulator: Simulator,
) -> None:
    customer, method = await simulator.customer()
    parameters: stripe.params.PaymentIntentCreateParams = {
        "amount": 8000,
        "currency": "usd",
        "customer": customer,
        "payment_method": method,
        "allowed_payment_method_types": ["card"],
        "confirm": True,
        "off_session": True,
    }
    await simulator.v1.payment_intents.create_async(parameters, _KEY)
    await simulator.control.forget_idempotency_keys()
    await simulator.v1.payment_intents.create_async(parameters, _KEY)
    assert (await simulator.control.totals())["usd"].captured_minor == 16000


@pytest.mark.parametrize("authorization", [None, "Bearer sk_test_other", "Basic !!", "Digest x"])
async def test_a_wrong_key_is_refused_before_anything_else(
    simulator: Simulator, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    async with httpx.AsyncClient(verify=tls_context()) as plain:
        answer = await plain.post(f"{simulator.url}/v1/nonsense?", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/v1/invoices", {}, 404),
        ("PUT", "/v1/customers", {}, 404),
        ("POST", "/v1/customers", {"content": b"{}", "kind": "application/json"}, 400),
        ("POST", "/v1/customers", {"content": b"name=\xff"}, 400),
        ("POST", "/v1/customers", {"content": b"name=%ff"}, 400),
        ("POST", "/v1/customers", {"content": b"name=%00"}, 400),
        ("POST", "/v1/customers", {"content": b"name=%ed%a0%80"}, 400),
        ("POST", "/v1/customers", {"content": b"metadata=x"}, 400),
        ("POST", "/v1/customers", {"content": b"name[a]=x"}, 400),
        ("POST", "/v1/customers", {"content": b"description=" + b"x" * (1 << 20)}, 413),
        ("GET", "/v1/customers/cus_none?expand[]=nonsense", {}, 404),
    ],
)
async def test_what_the_simulator_does_not_serve_is_refused_and_never_a_500(
    simulator: Simulator, method: str, path: str, options: dict[str, object], status: int
) -> None:
    headers = {
        "authorization": f"Bearer {API_KEY}",
        "content-type": str(options.get("kind", "application/x-www-form-urlencoded")),
    }
    content = options.get("content", b"")
    assert isinstance(content, bytes)
    async with httpx.AsyncClient(verify=tls_context()) as plain:
        answer = await plain.request(
            method, f"{simulator.url}{path}", headers=headers, content=content
        )
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_another_api_version_is_refused(simulator: Simulator) -> None:
    other = stripe.StripeClient(
        API_KEY,
        base_addresses={"api": simulator.url},
        stripe_version="2020-08-27",
        http_client=stripe.HTTPXClient(),
    )
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        await other.v1.customers.list_async()


async def test_a_property_that_does_not_expand_is_refused(simulator: Simulator) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.customers.create_async({"expand": ["subscriptions"]})
    assert caught.value.code == "property_not_expandable"
    assert (await simulator.v1.customers.list_async()).data == []


@pytest.mark.parametrize("kind", ["timeout", "reset"])
@pytest.mark.parametrize(("moment", "captured"), [("before_commit", 0), ("after_commit", 8000)])
async def test_a_lost_answer_may_or_may_not_have_charged(
    simulator: Simulator, kind: str, moment: str, captured: int
) -> None:
    customer, method = await simulator.customer()
    intent = await simulator.intent(customer, method)
    fault = Fault.model_validate(
        {"kind": kind, "moment": moment, "path": "*/confirm", "method": "POST"}
    )
    await simulator.control.inject(fault)
    impatient = client(simulator.url, timeout=0.3)
    with pytest.raises(stripe.APIConnectionError):
        await impatient.v1.payment_intents.confirm_async(intent.id, {"off_session": True}, _KEY)
    totals = await simulator.control.totals()
    assert sum(total.captured_minor for total in totals.values()) == captured
    lost = (await simulator.control.requests(path=f"/v1/payment_intents/{intent.id}/confirm"))[0]
    assert (lost.status, lost.fault, lost.idempotency_key) == (None, kind, _KEY["idempotency_key"])
    done = await simulator.v1.payment_intents.confirm_async(intent.id, {"off_session": True}, _KEY)
    assert done.status == "succeeded"
    assert (await simulator.control.totals())["usd"].captured_minor == 8000


async def test_a_silence_ends_in_a_reset_even_for_a_patient_client(simulator: Simulator) -> None:
    await simulator.control.inject(Fault(kind="timeout", path="/v1/customers", seconds=0.05))
    with pytest.raises(stripe.APIConnectionError):
        await simulator.v1.customers.create_async({})


async def test_a_server_error_after_commit_hides_an_effect(simulator: Simulator) -> None:
    await simulator.control.inject(
        Fault(kind="server_error", moment="after_commit", path="/v1/customers", method="POST")
    )
    with pytest.raises(stripe.APIError):
        await simulator.v1.customers.create_async({"name": "Ada"}, _KEY)
    assert [customer.name for customer in (await simulator.v1.customers.list_async()).data] == [
        "Ada"
    ]


async def test_a_conflict_by_order_changes_nothing(simulator: Simulator) -> None:
    await simulator.control.inject(Fault(kind="conflict", path="/v1/customers", times=2))
    for _ in range(2):
        with pytest.raises(stripe.StripeError) as caught:
            await simulator.v1.customers.create_async({}, _KEY)
        assert caught.value.http_status == 409
    await simulator.v1.customers.create_async({}, _KEY)
    assert len((await simulator.v1.customers.list_async()).data) == 1
