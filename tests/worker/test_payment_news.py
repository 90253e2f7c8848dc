"""News of our own charges, which comes back while they are recorded, costs a workflow nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from stripe import StripeClient

from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from billing.errors import GatewayUnreachable
from billing.ports.gateway import GatewayPayment
from tests.conftest import StripeSimulator
from tests.worker.desk import Desk, pass_challenge
from tests.workflows.company import Company, Subscription
from worker.gateway_events import GatewayEvents
from workflows.messages import PayNow


@dataclass(slots=True)
class _Courier:
    """Brings every webhook there is before the answer to a confirmation is taken in."""

    desk: Desk | None = None
    loses_the_answer: bool = False

    async def bring(self) -> None:
        if self.desk is not None:
            await self.desk.apply(await self.desk.told())
        if self.loses_the_answer:
            self.loses_the_answer = False
            raise GatewayUnreachable("connection_lost", "the answer did not arrive")


class _Overtaken(StripeGateway):
    """Answers confirmations after their webhooks."""

    def __init__(self, client: StripeClient, courier: _Courier) -> None:
        super().__init__(client)
        self.courier = courier

    async def confirm_payment(
        self, payment_id: str, *, return_url: str, off_session: bool, key: str
    ) -> GatewayPayment:
        answer = await super().confirm_payment(
            payment_id, return_url=return_url, off_session=off_session, key=key
        )
        await self.courier.bring()
        return answer


@pytest.fixture
async def desk(company: Company, simulator: StripeSimulator) -> AsyncIterator[Desk]:
    async with connect_stripe(api_key=simulator.api_key, api_base=simulator.base_url) as client:
        events = GatewayEvents(
            engine=company.engine, gateway=company.gateway, temporal=company.client
        )
        yield Desk(company, client, events)


@pytest.fixture
def courier(desk: Desk) -> _Courier:
    """At work from now on."""
    courier = _Courier(desk)
    gateway = _Overtaken(desk.company.stripe, courier)
    desk.company.parts = replace(desk.company.parts, gateway=gateway)
    return courier


async def _signals(subscription: Subscription) -> list[str]:
    history = await subscription.handle.fetch_history()
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
        and event.workflow_execution_signaled_event_attributes.signal_name != "clock_moved"
    ]


@pytest.mark.usefixtures("courier")
async def test_a_renewal_whose_success_is_told_while_it_is_recorded_hears_nothing(
    desk: Desk,
) -> None:
    company = desk.company
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await company.advance("2026-02-17T09:30")
        await desk.apply(await desk.told())

    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]
    assert await _signals(subscription) == []


async def test_a_charge_whose_answer_was_lost_is_found_without_its_news(
    desk: Desk, courier: _Courier
) -> None:
    company = desk.company
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        courier.loses_the_answer = True
        await company.advance("2026-02-17T09:30")

    assert not courier.loses_the_answer
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]
    assert await _signals(subscription) == []
    assert len((await desk.stripe.v1.charges.list_async()).data) == 2


@pytest.mark.usefixtures("courier")
async def test_a_renewal_that_waited_for_its_customer_hears_at_once(desk: Desk) -> None:
    company = desk.company
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, "pm_card_authenticationRequired")
        await company.advance("2026-02-17T09:30")
        receipt = await subscription.give(PayNow, customer_present=True)
        assert receipt.action_url is not None
        assert await _signals(subscription) == []

        await pass_challenge(receipt.action_url)
        await desk.apply(await desk.told())
        await company.settle()
        assert await subscription.status() == "active"
    assert await _signals(subscription) == ["payment_news"]
