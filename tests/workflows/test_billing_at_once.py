"""Periods are billed and paid where the workflow runs; what keeps them from it is waited out."""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace

import pytest

from billing.ports.storage import Transaction, UnitOfWork
from simulator.faults import Fault
from tests.conftest import StripeSimulator
from tests.histories.fingerprint import fingerprint
from tests.workflows.company import Company, Subscription, at
from tests.workflows.test_interleavings import SlowGateway, Telephone
from tests.workflows.test_payments import captured


@dataclass(slots=True)
class Database:
    """Away for as many transactions as it is told."""

    opened: UnitOfWork
    refusals: int = 0

    def __call__(self) -> AbstractAsyncContextManager[Transaction]:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionRefusedError("the database is away")
        return self.opened()


@pytest.mark.parametrize("refusals", [1, 3])
async def test_a_database_that_is_away_is_waited_for_and_the_period_billed_once(
    company: Company, refusals: int
) -> None:
    company.present = at("2026-05-01T00:00")
    database = Database(company.parts.open_transaction)
    company.parts = replace(company.parts, open_transaction=database)
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        begun = len(fingerprint(await subscription.handle.fetch_history()))
        database.refusals = refusals

        await company.advance("2026-06-01T00:00")

        assert [i["status"] for i in await company.invoices()] == ["paid", "paid"]
        commands = fingerprint(await subscription.handle.fetch_history())[begun:]
    billed = [command for command in commands if "bill_period" in command]
    assert billed == ["local activity bill_period", "activity bill_period"]


async def commands_of_june(company: Company, subscription: Subscription, begun: int) -> list[str]:
    await company.advance("2026-06-01T00:00")
    commands = fingerprint(await subscription.handle.fetch_history())[begun:]
    return [command for command in commands if "collect" in command]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "server_error", "path": "/v1/payment_intents"},
        {"kind": "reset", "path": "/v1/payment_intents", "moment": "after_commit"},
        {"kind": "rate_limited", "path": "/v1/payment_intents/*/confirm"},
        {"kind": "reset", "path": "/v1/payment_intents/*/confirm", "moment": "after_commit"},
    ],
)
async def test_a_gateway_that_fails_is_waited_for_and_the_period_paid_once(
    company: Company, simulator: StripeSimulator, fault: dict[str, str]
) -> None:
    company.present = at("2026-05-01T00:00")
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        begun = len(fingerprint(await subscription.handle.fetch_history()))
        await simulator.control.inject(Fault.model_validate({"method": "POST", **fault}))

        collected = await commands_of_june(company, subscription, begun)

        assert [i["status"] for i in await company.invoices()] == ["paid", "paid"]
    assert collected == ["local activity collect", "activity collect"]
    assert await captured(simulator) == 2 * 8000


async def test_what_was_declined_at_once_is_tried_again_by_activities_that_operators_see(
    company: Company,
) -> None:
    company.present = at("2026-05-01T00:00")
    async with company.working():
        customer_id = await company.customer()
        subscription = await company.subscribe(customer_id)
        await subscription.activated()
        begun = len(fingerprint(await subscription.handle.fetch_history()))
        await company.save_card(customer_id, "pm_card_chargeCustomerFail")

        assert await commands_of_june(company, subscription, begun) == ["local activity collect"]

        assert await subscription.status() == "past_due"
        await company.advance("2026-06-04T00:00")
        commands = fingerprint(await subscription.handle.fetch_history())[begun:]
    collected = [command for command in commands if "collect" in command]
    assert collected == ["local activity collect", "activity collect"]


async def test_of_boundaries_that_were_missed_only_the_last_is_paid_at_once(
    company: Company, simulator: StripeSimulator
) -> None:
    company.present = at("2026-05-01T00:00")
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await company.settle()
    company.present = at("2026-07-01T00:00")
    async with company.working():
        await company.wake(subscription, "2026-07-01T00:00")
        await company.settle()
        commands = fingerprint(await subscription.handle.fetch_history())
    assert [command for command in commands if "activity" in command] == [
        "local activity bill_period",
        "activity collect",
        "local activity bill_period",
        "local activity collect",
    ]
    assert await captured(simulator) == 3 * 8000


async def test_a_worker_that_is_stopped_while_it_pays_at_once_pays_once(
    company: Company, simulator: StripeSimulator
) -> None:
    company.present = at("2026-05-01T00:00")
    telephone = Telephone()
    telephone.may_hang_up.set()
    company.parts = replace(company.parts, gateway=SlowGateway(company.stripe, telephone))
    async with AsyncExitStack() as first:
        await first.enter_async_context(company.working())
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        telephone.rang.clear()
        telephone.may_hang_up.clear()
        renewing = asyncio.create_task(company.advance("2026-06-01T00:00"))
        await telephone.rang.wait()
        stopping = asyncio.create_task(first.aclose())
        await asyncio.wait([stopping], timeout=0.3)  # it waits for what is under way
        telephone.may_hang_up.set()
        await stopping
    async with company.working():
        await renewing
        assert await subscription.status() == "active"
    assert [i["status"] for i in await company.invoices()] == ["paid", "paid"]
    assert await captured(simulator) == 2 * 8000
