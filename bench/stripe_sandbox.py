"""The processes of production on one machine, with the simulator in Stripe's place.

Owns their start: the simulator, the API, which takes in the webhooks of payments, and the worker.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from bench.stage import Running, Stage, started
from local import ports
from local.parts import is_healthy
from local.stripe_webhook import PATH
from simulator.control import SimulatorControl

_PAYMENT_EVENTS: Final = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.canceled",
    "payment_intent.requires_action",
)
"""What a merchant's endpoint is subscribed to, as far as renewals can cause it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The running system, and how it is looked at."""

    gateway: StripeGateway
    control: SimulatorControl


@asynccontextmanager
async def running_sandbox(stage: Stage, *, workers: int = 1) -> AsyncIterator[Sandbox]:
    """The simulator, the API and the workers, each `python -m` as in production."""
    api_key, token = f"sk_test_{secrets.token_hex(12)}", secrets.token_hex(12)
    async with (
        started(
            stage,
            *("simulator", "--port", "0"),
            variables={"SIMULATOR_API_KEY": api_key, "SIMULATOR_CONTROL_TOKEN": token},
            is_ready=lambda program: "listening" in program.said,
        ) as simulator,
        SimulatorControl(_address(simulator.said["listening"]), token) as control,
        connect_stripe(api_key=api_key, api_base=_address(simulator.said["listening"])) as stripe,
    ):
        api_port = ports.find_free_port()
        endpoint = await stripe.v1.webhook_endpoints.create_async(
            {
                "url": f"http://{ports.LOOPBACK}:{api_port}{PATH}",
                "enabled_events": list(_PAYMENT_EVENTS),
            }
        )
        variables = process_variables(
            stripe_api_key=api_key,
            stripe_api_base=_address(simulator.said["listening"]),
            stripe_webhook_secret=endpoint.secret or "",
        )
        async with AsyncExitStack() as running:
            await running.enter_async_context(running_api(stage, variables, port=api_port))
            for _ in range(workers):
                await running.enter_async_context(_running_worker(stage, variables))
            yield Sandbox(gateway=StripeGateway(stripe), control=control)


def _running_worker(
    stage: Stage, variables: Mapping[str, str]
) -> AbstractAsyncContextManager[Running]:
    """`python -m worker`."""
    port = ports.find_free_port()
    return _until_healthy(stage, "worker", {**variables, "WORKER_HEALTH_PORT": str(port)}, port)


def _until_healthy(
    stage: Stage, program: str, variables: Mapping[str, str], port: int
) -> AbstractAsyncContextManager[Running]:
    return started(stage, program, variables=variables, is_ready=lambda _: is_healthy(port))


def running_api(
    stage: Stage, variables: Mapping[str, str], *, port: int
) -> AbstractAsyncContextManager[Running]:
    """`python -m api`."""
    return _until_healthy(stage, "api", {**variables, "PERENNIAL_API_PORT": str(port)}, port)


def process_variables(
    *,
    stripe_api_key: str = "sk_test_nobody",
    stripe_api_base: str = "http://127.0.0.1:1",
    stripe_webhook_secret: str = "whsec_nobody",  # noqa: S107 - opens nothing
) -> dict[str, str]:
    """Settings that our processes need besides those of the stage; by default no Stripe."""
    return {
        "STRIPE_API_KEY": stripe_api_key,
        "STRIPE_API_BASE": stripe_api_base,
        "STRIPE_WEBHOOK_SECRET": stripe_webhook_secret,
        "PERENNIAL_LINK_SECRET": secrets.token_hex(32),
    }


def _address(said: str) -> str:
    """Of a simulator that is `listening on http://…`."""
    return said.removeprefix("on ")
