"""The gateways that the contract is checked against, and how a customer or a fault reaches each.

Owns the differences between them. Does not own what they must do (`test_payment_gateway`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final, Protocol
from urllib.parse import urlencode

import httpx
from stripe import StripeClient

from adapters.memory.gateway import MemoryGateway
from adapters.memory.outages import Operation, Outage
from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from billing.money import Money
from billing.ports.gateway import (
    DisputeStatus,
    GatewayPayment,
    HostedCheckout,
    PaymentGateway,
)
from simulator.config import SimulatorConfig
from simulator.control import SimulatorControl
from simulator.faults import Fault
from simulator.server import running
from simulator.tls import tls_context

_API_KEY: Final = "sk_test_contract"
_CONTROL_TOKEN: Final = "contract-control-token"
_SECONDS_FOR_STRIPE: Final = 60
_CARD_NUMBERS: Final = MappingProxyType({"pm_card_visa": "4242424242424242"})

_REQUESTS: Final = MappingProxyType(
    {
        Operation.CREATE_CUSTOMER: ("POST", "/v1/customers"),
        Operation.CREATE_PAYMENT: ("POST", "/v1/payment_intents"),
        Operation.CONFIRM_PAYMENT: ("POST", "/v1/payment_intents/*/confirm"),
        Operation.CANCEL_PAYMENT: ("POST", "/v1/payment_intents/*/cancel"),
        Operation.READ_PAYMENT: ("GET", "/v1/payment_intents/*"),
        Operation.CREATE_REFUND: ("POST", "/v1/refunds"),
    }
)


class GatewayBench(Protocol):
    """A gateway, and the hands of everybody else: its customers, its bank and its bad luck."""

    @property
    def gateway(self) -> PaymentGateway:
        """What is under test."""
        ...

    @property
    def takes_orders(self) -> bool:
        """Whether outages and hosted pages can be played."""
        ...

    async def complete_checkout(self, checkout: HostedCheckout, payment_method: str) -> None:
        """The customer fills in the hosted page."""
        ...

    async def complete_setup(self, setup_id: str, payment_method: str) -> None:
        """The customer's browser completes a SetupIntent."""
        ...

    async def authenticate(self, payment: GatewayPayment) -> None:
        """The customer passes the bank's challenge."""
        ...

    async def settle(self, payment_id: str, *, succeeds: bool) -> None:
        """The bank answers a slow payment."""
        ...

    async def refund_by_hand(self, payment_id: str, amount: Money) -> str:
        """Somebody refunds a payment in the gateway's dashboard; the refund's id."""
        ...

    async def settle_refund(self, gateway_refund_id: str, *, failure: str | None) -> None:
        """The bank takes a refund, or returns it."""
        ...

    async def open_dispute(self, payment_id: str) -> str:
        """The cardholder's bank takes back what is left of a payment; the dispute's id."""
        ...

    async def dispute_of(self, payment_id: str) -> str:
        """The id of a payment's dispute, as soon as there is one."""
        ...

    async def decide(self, dispute_id: str, *, won: bool) -> None:
        """The bank decides a dispute."""
        ...

    async def escalate(self, dispute_id: str) -> None:
        """An inquiry of the bank becomes a dispute."""
        ...

    async def plan_outage(self, operation: Operation, outage: Outage) -> None:
        """The next request of that kind goes wrong."""
        ...

    async def forget_keys(self) -> None:
        """A day passes for the idempotency keys."""
        ...

    async def complaints(self) -> list[str]:
        """What the gateway found wrong with our requests."""
        ...


class MemoryBench:
    """The in-memory gateway."""

    takes_orders = True

    def __init__(self) -> None:
        self.gateway = MemoryGateway()

    async def complete_checkout(self, checkout: HostedCheckout, payment_method: str) -> None:
        self.gateway.complete_checkout(checkout.id, payment_method)

    async def complete_setup(self, setup_id: str, payment_method: str) -> None:
        self.gateway.complete_setup(setup_id, payment_method)

    async def authenticate(self, payment: GatewayPayment) -> None:
        self.gateway.authenticate(payment.id)

    async def settle(self, payment_id: str, *, succeeds: bool) -> None:
        self.gateway.settle(payment_id, succeeds=succeeds)

    async def refund_by_hand(self, payment_id: str, amount: Money) -> str:
        return self.gateway.refund_by_hand(payment_id, amount).id

    async def settle_refund(self, gateway_refund_id: str, *, failure: str | None) -> None:
        self.gateway.settle_refund(gateway_refund_id, failure=failure)

    async def open_dispute(self, payment_id: str) -> str:
        return self.gateway.open_dispute(payment_id).id

    async def dispute_of(self, payment_id: str) -> str:
        return self.gateway.disputes_of(payment_id)[0].id

    async def decide(self, dispute_id: str, *, won: bool) -> None:
        status = DisputeStatus.WON if won else DisputeStatus.LOST
        self.gateway.move_dispute(dispute_id, status)

    async def escalate(self, dispute_id: str) -> None:
        self.gateway.move_dispute(dispute_id, DisputeStatus.NEEDS_RESPONSE)

    async def plan_outage(self, operation: Operation, outage: Outage) -> None:
        self.gateway.outages.plan(operation, outage)

    async def forget_keys(self) -> None:
        self.gateway.forget_keys()

    async def complaints(self) -> list[str]:
        return []


class SimulatorBench:
    """The Stripe adapter, talking to the simulator over HTTP."""

    takes_orders = True

    def __init__(
        self, client: StripeClient, control: SimulatorControl, browser: httpx.AsyncClient
    ) -> None:
        self.gateway = StripeGateway(client)
        self._client = client
        self._control = control
        self._browser = browser

    async def complete_checkout(self, checkout: HostedCheckout, payment_method: str) -> None:
        assert checkout.url is not None
        card = {
            "email": "ada@example.com",
            "number": _CARD_NUMBERS[payment_method],
            "expiry": "12/40",
            "cvc": "123",
        }
        await self._submit(checkout.url, card)

    async def complete_setup(self, setup_id: str, payment_method: str) -> None:
        await _confirm_setup(self._client, setup_id, payment_method)

    async def authenticate(self, payment: GatewayPayment) -> None:
        assert payment.action_url is not None
        await self._submit(payment.action_url, {"outcome": "complete"})

    async def settle(self, payment_id: str, *, succeeds: bool) -> None:
        await self._control.settle(payment_id, failure=None if succeeds else "insufficient_funds")

    async def refund_by_hand(self, payment_id: str, amount: Money) -> str:
        return await self._control.refund(payment_id, amount.amount_minor)

    async def settle_refund(self, gateway_refund_id: str, *, failure: str | None) -> None:
        await self._control.settle_refund(gateway_refund_id, failure=failure)

    async def open_dispute(self, payment_id: str) -> str:
        return await self._control.dispute(payment_id)

    async def dispute_of(self, payment_id: str) -> str:
        return await _dispute_of(self._client, payment_id)

    async def decide(self, dispute_id: str, *, won: bool) -> None:
        await _respond(self._client, dispute_id, "winning_evidence" if won else "losing_evidence")

    async def escalate(self, dispute_id: str) -> None:
        await _respond(self._client, dispute_id, "escalate_inquiry_evidence")

    async def plan_outage(self, operation: Operation, outage: Outage) -> None:
        method, path = _REQUESTS[operation]
        match outage:
            case Outage.BUSY:
                fault = Fault(kind="rate_limited", method=method, path=path)
            case Outage.FAILED:
                fault = Fault(kind="server_error", method=method, path=path)
            case Outage.LOST_REQUEST:
                fault = Fault(kind="reset", method=method, path=path)
            case Outage.LOST_ANSWER:
                fault = Fault(kind="reset", method=method, path=path, moment="after_commit")
        await self._control.inject(fault)

    async def forget_keys(self) -> None:
        await self._control.forget_idempotency_keys()

    async def complaints(self) -> list[str]:
        await self._control.clear_faults()
        return await self._control.violations()

    async def _submit(self, url: str, fields: dict[str, str]) -> None:
        response = await self._browser.post(
            url,
            content=urlencode(fields),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert response.status_code == 303, response.text


class StripeBench:
    """Stripe itself, in its test mode."""

    takes_orders = False

    def __init__(self, client: StripeClient) -> None:
        self.gateway = StripeGateway(client)
        self._client = client

    async def complete_checkout(self, checkout: HostedCheckout, payment_method: str) -> None:
        raise NotImplementedError("Stripe's own page needs a person")

    async def complete_setup(self, setup_id: str, payment_method: str) -> None:
        await _confirm_setup(self._client, setup_id, payment_method)

    async def authenticate(self, payment: GatewayPayment) -> None:
        raise NotImplementedError("Stripe's own challenge needs a person")

    async def settle(self, payment_id: str, *, succeeds: bool) -> None:
        raise NotImplementedError("Stripe settles on its own")

    async def refund_by_hand(self, payment_id: str, amount: Money) -> str:
        made = await self._client.v1.refunds.create_async(
            {"payment_intent": payment_id, "amount": amount.amount_minor},
            {"idempotency_key": f"contract.refund:{payment_id}:{amount.amount_minor}"},
        )
        return made.id

    async def settle_refund(self, gateway_refund_id: str, *, failure: str | None) -> None:
        raise NotImplementedError("Stripe settles on its own")

    async def open_dispute(self, payment_id: str) -> str:
        raise NotImplementedError("Stripe disputes the payments of its test cards alone")

    async def dispute_of(self, payment_id: str) -> str:
        return await _dispute_of(self._client, payment_id)

    async def decide(self, dispute_id: str, *, won: bool) -> None:
        await _respond(self._client, dispute_id, "winning_evidence" if won else "losing_evidence")

    async def escalate(self, dispute_id: str) -> None:
        await _respond(self._client, dispute_id, "escalate_inquiry_evidence")

    async def plan_outage(self, operation: Operation, outage: Outage) -> None:
        raise NotImplementedError("Stripe takes no orders")

    async def forget_keys(self) -> None:
        raise NotImplementedError("Stripe remembers for a day")

    async def complaints(self) -> list[str]:
        return []


@asynccontextmanager
async def simulator_bench() -> AsyncIterator[SimulatorBench]:
    """A strict simulator of its own, in memory, on a free port."""
    config = SimulatorConfig(api_key=_API_KEY, control_token=_CONTROL_TOKEN, strict=True)
    async with (
        running(config) as base,
        connect_stripe(api_key=_API_KEY, api_base=base) as client,
        SimulatorControl(base, _CONTROL_TOKEN) as control,
        httpx.AsyncClient(trust_env=False, verify=tls_context()) as browser,
    ):
        yield SimulatorBench(client, control, browser)


@asynccontextmanager
async def stripe_bench(api_key: str) -> AsyncIterator[StripeBench]:
    """Stripe; only a test key is accepted."""
    assert api_key.startswith(("sk_test_", "rk_test_")), "STRIPE_TEST_KEY must be a test key"
    async with connect_stripe(api_key=api_key) as client:
        yield StripeBench(client)


async def _confirm_setup(client: StripeClient, setup_id: str, payment_method: str) -> None:
    await client.v1.setup_intents.confirm_async(
        setup_id,
        {
            "payment_method": payment_method,
            "return_url": "https://example.com/return",
            "mandate_data": {"customer_acceptance": {"type": "offline", "offline": {}}},
        },
        {"idempotency_key": f"contract.setup:{setup_id}:{payment_method}"},
    )


async def _dispute_of(client: StripeClient, payment_id: str) -> str:
    """Stripe disputes a test payment within seconds of it, the simulator at once."""
    async with asyncio.timeout(_SECONDS_FOR_STRIPE):
        while True:
            page = await client.v1.disputes.list_async({"payment_intent": payment_id})
            if page.data:
                return page.data[0].id
            await asyncio.sleep(0.5)


async def _respond(client: StripeClient, dispute_id: str, evidence: str) -> None:
    """Stripe answers the documented evidence within seconds, the simulator at once."""
    before = await client.v1.disputes.retrieve_async(dispute_id)
    await client.v1.disputes.update_async(
        dispute_id,
        {"evidence": {"uncategorized_text": evidence}},
        {"idempotency_key": f"contract.evidence:{dispute_id}:{evidence}"},
    )
    undecided = {before.status, "under_review", "warning_under_review"}
    async with asyncio.timeout(_SECONDS_FOR_STRIPE):
        while (  # noqa: ASYNC110 - the state is remote
            await client.v1.disputes.retrieve_async(dispute_id)
        ).status in undecided:
            await asyncio.sleep(0.5)
