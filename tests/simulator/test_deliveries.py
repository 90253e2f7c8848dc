"""Webhooks: signed, at least once, and wrong on order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import stripe
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.faults import WebhookFault
from simulator.server import address_of, bound_socket
from tests.simulator.conftest import Simulator


@dataclass(slots=True)
class Receiver:
    """An endpoint that keeps what it is told; it fails the first `failures` times."""

    url: str = ""
    failures: int = 0
    received: list[tuple[str, str]] = field(default_factory=list)
    attempts: int = 0

    async def answer(self, request: Request) -> Response:
        self.attempts += 1
        if self.attempts <= self.failures:
            return Response(status_code=503)
        body = (await request.body()).decode()
        self.received.append((body, request.headers["stripe-signature"]))
        return Response()

    def types(self, secret: str) -> list[str]:
        """The types of the events received, each signature verified by the SDK."""
        return [
            stripe.Webhook.construct_event(body, signature, secret, api_key="sk_test_x").type
            for body, signature in self.received
        ]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/hook", receiver.answer, methods=["POST"])])
    listener = bound_socket("127.0.0.1", 0)
    receiver.url = f"{address_of(listener)}/hook"
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server._serve([listener]))  # noqa: SLF001 - no signal handlers
    try:
        yield receiver
    finally:
        server.should_exit = True
        await serving
        listener.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def _subscribe(simulator: Simulator, receiver: Receiver, *events: str) -> str:
    endpoint = await simulator.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": list(events)}  # type: ignore[arg-type]  # plain strings
    )
    assert endpoint.secret is not None
    assert endpoint.secret.startswith("whsec_")
    shown = await simulator.v1.webhook_endpoints.retrieve_async(endpoint.id)
    assert "secret" not in shown.to_dict()
    return endpoint.secret


async def test_every_wanted_event_arrives_signed(simulator: Simulator, receiver: Receiver) -> None:
    secret = await _subscribe(simulator, receiver, "payment_intent.succeeded", "charge.succeeded")
    await simulator.paid()
    await simulator.control.webhooks_delivered()
    assert sorted(receiver.types(secret)) == ["charge.succeeded", "payment_intent.succeeded"]
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.types("whsec_other")


async def test_a_refused_delivery_is_repeated_until_it_is_taken(
    simulator: Simulator, receiver: Receiver
) -> None:
    receiver.failures = 3
    secret = await _subscribe(simulator, receiver, "customer.created")
    await simulator.v1.customers.create_async({})
    async with asyncio.timeout(20):
        while not receiver.received:
            simulator.clock.now += 1
            await asyncio.sleep(0.05)
    await simulator.control.webhooks_delivered()
    assert receiver.attempts == 4
    assert receiver.types(secret) == ["customer.created"]
    [event] = (await simulator.v1.events.list_async({"type": "customer.created"})).data
    assert event.pending_webhooks == 0


async def test_a_duplicate_carries_the_same_event(simulator: Simulator, receiver: Receiver) -> None:
    await _subscribe(simulator, receiver, "*")
    await simulator.control.inject_webhook(WebhookFault(kind="duplicate"))
    await simulator.v1.customers.create_async({})
    await simulator.control.webhooks_delivered()
    bodies = [body for body, _ in receiver.received]
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]


async def test_a_dropped_event_never_arrives_but_is_on_record(
    simulator: Simulator, receiver: Receiver
) -> None:
    secret = await _subscribe(simulator, receiver, "*")
    await simulator.control.inject_webhook(WebhookFault(kind="drop", event="charge.*"))
    await simulator.paid()
    await simulator.control.webhooks_delivered()
    assert "charge.succeeded" not in receiver.types(secret)
    assert "charge.succeeded" in await simulator.event_types()


async def test_reordered_events_arrive_last_to_first(
    simulator: Simulator, receiver: Receiver
) -> None:
    secret = await _subscribe(simulator, receiver, "*")
    customer, method = await simulator.customer()
    await simulator.control.webhooks_delivered()
    receiver.received.clear()
    await simulator.control.inject_webhook(WebhookFault(kind="reorder", times=3))
    intent = await simulator.intent(customer, method)
    await simulator.v1.payment_intents.confirm_async(intent.id)
    await simulator.control.webhooks_delivered()
    assert receiver.types(secret) == [
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_intent.created",
    ]


async def test_a_delayed_event_waits_for_its_time(simulator: Simulator, receiver: Receiver) -> None:
    secret = await _subscribe(simulator, receiver, "*")
    await simulator.control.inject_webhook(WebhookFault(kind="delay", seconds=3600))
    await simulator.v1.customers.create_async({})
    await simulator.v1.customers.create_async({})
    async with asyncio.timeout(10):
        while not receiver.received:  # noqa: ASYNC110 - filled over the wire
            await asyncio.sleep(0.02)
    assert await simulator.control.webhooks_owed() == 1
    simulator.clock.now += 3600
    await simulator.control.webhooks_delivered()
    assert receiver.types(secret) == ["customer.created"] * 2


async def test_a_disabled_endpoint_is_not_told(simulator: Simulator, receiver: Receiver) -> None:
    await _subscribe(simulator, receiver, "*")
    [endpoint] = (await simulator.v1.webhook_endpoints.list_async()).data
    await simulator.v1.webhook_endpoints.update_async(endpoint.id, {"disabled": True})
    await simulator.v1.customers.create_async({})
    assert await simulator.control.webhooks_owed() == 0
    await simulator.v1.webhook_endpoints.delete_async(endpoint.id)
    assert (await simulator.v1.webhook_endpoints.list_async()).data == []
    assert receiver.received == []


async def test_an_endpoint_that_hangs_does_not_hold_up_a_request(simulator: Simulator) -> None:
    listener = bound_socket("127.0.0.1", 0)
    listener.listen()
    await simulator.v1.webhook_endpoints.create_async(
        {"url": f"{address_of(listener)}/hook", "enabled_events": ["*"]}
    )
    async with asyncio.timeout(2):
        await simulator.paid()
    listener.close()
