"""A strict simulator for each test, reached by the real `stripe` SDK over HTTP.

Whatever a test does, at its end no request and no response may have left Stripe's documented types.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import stripe

from simulator.config import SimulatorConfig
from simulator.control import SimulatorControl
from simulator.server import running

API_KEY = "sk_test_simulator"
CONTROL_TOKEN = "control-token"


@dataclass(slots=True)
class SteppedClock:
    """A clock that moves only when a test moves it."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator and the two ways to talk to it."""

    url: str
    sdk: stripe.StripeClient
    control: SimulatorControl
    clock: SteppedClock

    @property
    def v1(self) -> stripe.V1Services:
        return self.sdk.v1

    async def customer(self, method: str | None = None) -> tuple[str, str]:
        """A customer with a payment method attached, `pm_card_visa` unless named."""
        customer = await self.v1.customers.create_async({"email": "ada@example.com"})
        attached = await self.v1.payment_methods.attach_async(
            method or "pm_card_visa", {"customer": customer.id}
        )
        return customer.id, attached.id

    async def intent(
        self, customer: str, method: str, *, amount: int = 8000
    ) -> stripe.PaymentIntent:
        """An unconfirmed PaymentIntent in USD."""
        return await self.v1.payment_intents.create_async(
            {
                "amount": amount,
                "currency": "usd",
                "customer": customer,
                "payment_method": method,
                "allowed_payment_method_types": ["card", "us_bank_account"],
            }
        )

    async def paid(self, method: str | None = None, *, amount: int = 8000) -> stripe.PaymentIntent:
        """A PaymentIntent that has succeeded, with `pm_card_visa` unless named."""
        customer, method = await self.customer(method)
        intent = await self.intent(customer, method, amount=amount)
        return await self.v1.payment_intents.confirm_async(intent.id, {"off_session": True})

    async def event_types(self) -> list[str]:
        """The types of all events, oldest first."""
        page = await self.v1.events.list_async({"limit": 100})
        return [event.type for event in reversed(page.data)]


def client(url: str, **options: float) -> stripe.StripeClient:
    """The real SDK, without retries of its own."""
    return stripe.StripeClient(
        API_KEY,
        base_addresses={"api": url},
        http_client=stripe.HTTPXClient(timeout=options.get("timeout", 10.0)),
        max_network_retries=0,
    )


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    clock = SteppedClock()
    config = SimulatorConfig(
        api_key=API_KEY,
        control_token=CONTROL_TOKEN,
        strict=True,
        webhook_backoff_seconds=0.01,
    )
    async with (
        running(config, clock=clock) as url,
        SimulatorControl(url, CONTROL_TOKEN) as control,
    ):
        yield Simulator(url, client(url), control, clock)
        assert await control.violations() == []
