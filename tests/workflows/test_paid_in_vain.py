"""Money that comes for what somebody gave up while the gateway was asked is the customer's."""

import asyncio

import pytest
from sqlalchemy import select

from adapters.db.repositories.balances import SqlBalances
from adapters.db.tables.domain_event import domain_events
from billing.subscription import ChangeResult
from tests.conftest import StripeSimulator
from tests.histories.settling import BROKE
from tests.workflows.company import Company, Subscription
from tests.workflows.test_interleavings import Telephone, working_with
from tests.workflows.test_payments import captured
from workflows.messages import CancelMode, PayNow, WaiveInvoice

_LEFT_OF_THE_PERIOD = 7256
"""Of $80.00 for 17 February 09:30 to 17 March, from the 20th on."""


async def _balance_minor(company: Company, subscription: Subscription) -> int:
    state = (await subscription.report()).state
    async with company.engine.connect() as connection:
        balance = await SqlBalances(connection).of(state.customer_id, "USD")
    return balance.amount_minor


async def _told(company: Company) -> list[str]:
    async with company.engine.connect() as connection:
        return list((await connection.execute(select(domain_events.c.type))).scalars())


async def test_an_upgrade_whose_subscription_is_canceled_while_it_is_charged(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
    telephone = Telephone()
    async with working_with(company, telephone):
        changing = asyncio.create_task(subscription.change("business_m"))
        await telephone.rang.wait()
        await subscription.cancel(CancelMode.NOW)
        telephone.may_hang_up.set()
        receipt = await changing
        await subscription.handle.result()

        applied = (await subscription.report()).state.applied_command(receipt.command_id)
        assert applied is not None
        assert applied.result is ChangeResult.ABANDONED
        assert await captured(simulator) == 8000 + 4000
        assert await _balance_minor(company, subscription) == 4000
    assert "subscription.change_applied" not in await _told(company)


async def test_a_checkout_that_is_canceled_while_its_first_payment_is_made(
    company: Company, simulator: StripeSimulator
) -> None:
    telephone = Telephone()
    async with working_with(company, telephone):
        subscription = await company.subscribe(await company.customer(), ready=False)
        await subscription.complete_checkout()
        await telephone.rang.wait()
        await subscription.cancel(CancelMode.NOW)
        telephone.may_hang_up.set()
        await subscription.handle.result()

        assert await subscription.status() == "incomplete_expired"
        assert await captured(simulator) == 8000
        assert await _balance_minor(company, subscription) == 8000
    assert "subscription.active" not in await _told(company)


async def test_a_renewal_that_is_waived_while_it_is_charged(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
    telephone = Telephone()
    async with working_with(company, telephone):
        renewing = asyncio.create_task(company.advance("2026-02-17T09:30"))
        await telephone.rang.wait()
        [invoice] = (await subscription.report()).state.open_invoices
        await subscription.give(WaiveInvoice, invoice_id=invoice.invoice_id)
        telephone.may_hang_up.set()
        await renewing
        await company.settle()

        assert (await subscription.report()).state.open_invoices == ()
        assert await subscription.status() == "active"
        assert await captured(simulator) == 16000
        assert await _balance_minor(company, subscription) == 8000


@pytest.mark.parametrize("mode", CancelMode)
async def test_a_debt_that_is_being_paid_when_its_subscription_is_canceled_without_credit(
    company: Company, simulator: StripeSimulator, mode: CancelMode
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, BROKE)
        await company.advance("2026-02-20T00:00")
        assert await subscription.status() == "past_due"
        await company.save_card(customer, "pm_card_visa")
    telephone = Telephone()
    async with working_with(company, telephone):
        paying = asyncio.create_task(subscription.give(PayNow, customer_present=True))
        await telephone.rang.wait()
        await subscription.cancel(mode)
        telephone.may_hang_up.set()
        await paying
        await subscription.handle.result()

        assert await subscription.status() == "canceled"
        assert await captured(simulator) == 16000
        assert await _balance_minor(company, subscription) == _LEFT_OF_THE_PERIOD


@pytest.mark.parametrize(("does", "status"), [("cancel", "canceled"), ("waive", "completed")])
async def test_a_purchase_that_is_given_up_while_it_is_charged(
    company: Company, simulator: StripeSimulator, does: str, status: str
) -> None:
    telephone = Telephone()
    async with working_with(company, telephone):
        purchase = await company.buy(await company.customer())
        await telephone.rang.wait()
        [invoice] = (await purchase.report()).state.open_invoices
        if does == "cancel":
            await purchase.cancel(CancelMode.NOW)
        else:
            await purchase.give(WaiveInvoice, invoice_id=invoice.invoice_id)
        telephone.may_hang_up.set()
        await purchase.handle.result()

        assert await purchase.status() == status
        assert await captured(simulator) == 50_000
        assert await _balance_minor(company, purchase) == 50_000
