"""What Stripe is sent; what it does with it is the contract's matter (`tests/contracts`)."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio
import stripe
from stripe import StripeClient

from adapters.stripe.client import API_VERSION, connect_stripe
from adapters.stripe.gateway import StripeGateway
from billing.errors import GatewayRefused
from billing.money import Money
from billing.ports.gateway import (
    CardUpdateRequest,
    CheckoutRequest,
    DisputeStatus,
    GatewayPayment,
    PaymentRequest,
    RefundReason,
    RefundRequest,
)
from simulator.control import SimulatorControl
from simulator.request_log import RecordedRequest
from tests.conftest import StripeSimulator


@dataclass(frozen=True, slots=True)
class Connected:
    gateway: StripeGateway
    control: SimulatorControl

    async def last_request(self) -> RecordedRequest:
        return (await self.control.requests())[-1]


@pytest_asyncio.fixture
async def connected(simulator: StripeSimulator) -> AsyncIterator[Connected]:
    async with connect_stripe(api_key=simulator.api_key, api_base=simulator.base_url) as client:
        yield Connected(StripeGateway(client), simulator.control)


async def _customer(gateway: StripeGateway) -> str:
    return await gateway.create_customer(
        "cus_ada", email="ada@example.com", name="Ada", key="customer.create:cus_ada"
    )


def _payment(customer: str, *, attempt: int = 1, amount_minor: int = 10_000) -> PaymentRequest:
    return PaymentRequest(
        invoice_id="in_1",
        attempt_number=attempt,
        subscription_id="sub_1",
        gateway_customer_id=customer,
        payment_method_id="pm_card_visa",
        amount=Money(amount_minor=amount_minor, currency="USD"),
        description="Team, 5 seats, every month",
    )


async def test_a_payment_carries_our_ids_and_our_key(connected: Connected) -> None:
    customer = await _customer(connected.gateway)
    await connected.gateway.create_payment(_payment(customer), key="payment.create:in_1:1")
    sent = await connected.last_request()
    assert (sent.method, sent.path) == ("POST", "/v1/payment_intents")
    assert sent.idempotency_key == "payment.create:in_1:1"
    assert sent.parameters == {
        "amount": "10000",
        "currency": "usd",
        "customer": customer,
        "payment_method": "pm_card_visa",
        "automatic_payment_methods[enabled]": "true",
        "description": "Team, 5 seats, every month",
        "metadata[perennial_invoice]": "in_1",
        "metadata[perennial_attempt]": "1",
        "metadata[perennial_subscription]": "sub_1",
    }


async def test_a_checkout_carries_our_ids_into_its_setup_intent(connected: Connected) -> None:
    customer = await _customer(connected.gateway)
    request = CheckoutRequest(
        checkout_session_id="cks_1",
        subscription_id="sub_1",
        gateway_customer_id=customer,
        currency="USD",
        success_url="https://example.com/done?session={CHECKOUT_SESSION_ID}",
        cancel_url="https://example.com/back",
    )
    checkout = await connected.gateway.create_checkout(request, key="checkout.create:cks_1")
    assert (checkout.expires_at.tzinfo is not None, checkout.subscription_id) == (True, "sub_1")
    sent = (await connected.last_request()).parameters
    assert sent["mode"] == "setup"
    assert sent["success_url"] == request.success_url
    assert sent["client_reference_id"] == "cks_1"
    for holder in ("metadata", "setup_intent_data[metadata]"):
        assert sent[f"{holder}[perennial_subscription]"] == "sub_1"
        assert sent[f"{holder}[perennial_checkout]"] == "cks_1"


async def test_a_card_update_carries_our_customer_into_its_setup_intent(
    connected: Connected,
) -> None:
    customer = await _customer(connected.gateway)
    request = CardUpdateRequest(
        customer_id="cus_ada",
        gateway_customer_id=customer,
        currency="USD",
        success_url="https://example.com/portal?session={CHECKOUT_SESSION_ID}",
        cancel_url="https://example.com/portal",
    )
    await connected.gateway.create_card_update(request, key="card.update:cus_ada:1")
    sent = await connected.last_request()
    assert sent.idempotency_key == "card.update:cus_ada:1"
    assert sent.parameters == {
        "mode": "setup",
        "currency": "usd",
        "customer": customer,
        "metadata[perennial_customer]": "cus_ada",
        "setup_intent_data[metadata][perennial_customer]": "cus_ada",
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
    }


async def _paid(connected: Connected) -> GatewayPayment:
    customer = await _customer(connected.gateway)
    payment = await connected.gateway.create_payment(_payment(customer), key="k:create")
    return await connected.gateway.confirm_payment(
        payment.id, return_url="https://example.com", off_session=True, key="k:confirm"
    )


@pytest.mark.parametrize("reason", [None, RefundReason.DUPLICATE])
async def test_a_refund_carries_our_id_and_our_key(
    connected: Connected, reason: RefundReason | None
) -> None:
    payment = await _paid(connected)
    request = RefundRequest(
        refund_id="re_ours",
        payment_id=payment.id,
        amount=Money(amount_minor=4_000, currency="USD"),
        reason=reason,
    )
    await connected.gateway.create_refund(request, key="refund.create:re_ours:0")
    sent = await connected.last_request()
    assert (sent.method, sent.path) == ("POST", "/v1/refunds")
    assert sent.idempotency_key == "refund.create:re_ours:0"
    said = {} if reason is None else {"reason": "duplicate"}
    assert sent.parameters == said | {
        "payment_intent": payment.id,
        "amount": "4000",
        "metadata[perennial_refund]": "re_ours",
    }


async def test_a_refund_is_found_behind_a_hundred_newer_ones(connected: Connected) -> None:
    payment = await _paid(connected)
    one_cent = Money(amount_minor=1, currency="USD")
    for number in range(102):
        request = RefundRequest(refund_id=f"re_{number}", payment_id=payment.id, amount=one_cent)
        await connected.gateway.create_refund(request, key=f"refund:{number}")
    found = await connected.gateway.find_refund(payment.id, refund_id="re_0")
    assert found is not None
    assert (found.refund_id, found.amount) == ("re_0", one_cent)


async def test_every_write_carries_the_key_that_it_was_given(connected: Connected) -> None:
    gateway = connected.gateway
    customer = await _customer(gateway)
    payment = await gateway.create_payment(_payment(customer), key="k:create")
    await gateway.confirm_payment(
        payment.id, return_url="https://example.com", off_session=True, key="k:confirm"
    )
    await gateway.cancel_payment(payment.id, key="k:cancel")
    setup = await gateway.create_setup(customer, customer_id="cus_ada", key="k:setup")
    await gateway.read_setup(setup.id)
    method = await gateway.attach_payment_method(
        "pm_card_visa", gateway_customer_id=customer, key="k:attach"
    )
    await gateway.detach_payment_method(method.id, key="k:detach")
    keys = [
        request.idempotency_key
        for request in await connected.control.requests(method="POST")
        if request.path != "/v1/customers"
    ]
    assert keys == ["k:create", "k:confirm", "k:cancel", "k:setup", "k:attach", "k:detach"]


async def test_a_payment_is_found_behind_a_hundred_newer_ones(connected: Connected) -> None:
    gateway = connected.gateway
    customer = await _customer(gateway)
    oldest = await gateway.create_payment(_payment(customer, attempt=1), key="create:1")
    for attempt in range(2, 103):
        await gateway.create_payment(_payment(customer, attempt=attempt), key=f"create:{attempt}")
    found = await gateway.find_payment(customer, invoice_id="in_1", attempt_number=1)
    assert found == oldest


class Answering(stripe.HTTPClient):
    """Answers every request with one document."""

    name = "answering"

    def __init__(self, document: dict[str, object]) -> None:
        super().__init__()
        self._document = document

    async def request_with_retries_async(
        self, *_: object, **__: object
    ) -> tuple[bytes, int, Mapping[str, str]]:
        return json.dumps(self._document).encode(), 200, {}


def _answered(**fields: object) -> StripeGateway:
    money = {"amount": 1000, "currency": "usd", "created": 1_800_000_000, "metadata": {}}
    transport = Answering(money | fields)
    return StripeGateway(
        StripeClient("sk_test_answers", stripe_version=API_VERSION, http_client=transport)
    )


async def test_a_charge_without_a_payment_is_refunded_and_disputed_by_others() -> None:
    refund = _answered(
        id="re_1", object="refund", status="succeeded", payment_intent=None, reason=None
    )
    assert (await refund.read_refund("re_1")).payment_id is None
    dispute = _answered(
        id="du_1", object="dispute", status="prevented", payment_intent=None, reason="general"
    )
    assert (await dispute.read_dispute("du_1")).payment_id is None


@pytest.mark.parametrize("status", [status.value for status in DisputeStatus])
async def test_every_status_of_a_dispute_is_read(status: str) -> None:
    gateway = _answered(
        id="du_1", object="dispute", status=status, payment_intent="pi_1", reason="general"
    )
    assert (await gateway.read_dispute("du_1")).status.value == status


@pytest.mark.parametrize("status", ["evaporated", None])
async def test_a_status_that_nobody_knows_is_refused(status: str | None) -> None:
    gateway = _answered(id="re_1", object="refund", status=status, payment_intent="pi_1")
    with pytest.raises(GatewayRefused) as refused:
        await gateway.read_refund("re_1")
    assert refused.value.code == "unexpected_refund_status"
    gateway = _answered(id="du_1", object="dispute", status=status, payment_intent="pi_1")
    with pytest.raises(GatewayRefused) as refused:
        await gateway.read_dispute("du_1")
    assert refused.value.code == "unexpected_dispute_status"


class EndlessPayments(stripe.HTTPClient):
    """Answers every list with a full page of somebody else's payments, and has more."""

    name = "endless"

    def __init__(self) -> None:
        super().__init__()
        self.pages = 0

    async def request_with_retries_async(
        self, *_: object, **__: object
    ) -> tuple[bytes, int, Mapping[str, str]]:
        self.pages += 1
        intents = [{"id": f"pi_{self.pages}", "object": "payment_intent", "metadata": {}}]
        page = {"object": "list", "data": intents, "has_more": True, "url": "/v1/payment_intents"}
        return json.dumps(page).encode(), 200, {}


async def test_an_endless_list_is_refused_rather_than_taken_for_none() -> None:
    transport = EndlessPayments()
    client = StripeClient("sk_test_endless", stripe_version=API_VERSION, http_client=transport)
    with pytest.raises(GatewayRefused) as refused:
        await StripeGateway(client).find_payment("cus_1", invoice_id="in_1", attempt_number=1)
    assert refused.value.code == "payment_lookup_incomplete"
    assert transport.pages == 20
