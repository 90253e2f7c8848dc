"""Money that comes outside the gateway, told to a running subscription."""

import asyncio

import pytest
from sqlalchemy import select
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from adapters.db.engine import snapshot
from adapters.db.queries import books
from adapters.db.tables.payment_attempt import payment_attempts
from adapters.db.tables.received_payment import received_payments
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Subscription
from tests.workflows.test_payments import captured
from workflows.messages import CommandReceipt, PayNow, RecordPayment

BROKE = "pm_card_chargeCustomerFail"


async def transfer(
    subscription: Subscription, minor: int, reference: str, *, invoice_id: str | None = None
) -> CommandReceipt:
    """So much of the open invoice came by bank transfer."""
    if invoice_id is None:
        [invoice] = (await subscription.report()).state.open_invoices
        invoice_id = invoice.invoice_id
    return await subscription.give(
        RecordPayment,
        invoice_id=invoice_id,
        amount_minor=minor,
        currency="USD",
        received_at=subscription.company.present,
        method="bank_transfer",
        reference=reference,
    )


async def check_books(company: Company) -> None:
    async with snapshot(company.engine) as connection:
        assert (await books.read(connection)).balance


async def test_a_new_card_is_charged_what_a_transfer_has_left(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, BROKE)
        await company.advance("2026-02-17T09:31")
        assert await subscription.status() == "past_due"

        receipt = await transfer(subscription, 3000, "R-1")
        state = (await subscription.report()).state
        assert (state.status, receipt.invoice_id) == ("past_due", state.last_invoice_id)
        await company.save_card(customer, "pm_card_visa")
        await company.advance("2026-02-20T09:31")
        assert await subscription.status() == "active"

    assert await captured(simulator) == 8000 + 5000
    async with company.engine.connect() as connection:
        amounts = select(payment_attempts.c.amount_minor).order_by(payment_attempts.c.started_at)
        assert list(await connection.scalars(amounts)) == [8000, 8000, 5000]
    await check_books(company)


async def test_a_change_that_waits_for_its_customer_is_in_force_once_a_transfer_pays_it(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, "pm_card_authenticationRequired")
        receipt = await subscription.change(more=5)
        assert receipt.action_url is not None

        await transfer(subscription, 9000, "R-1")

        state = (await subscription.report()).state
        assert (state.terms.quantity, state.change, state.open_invoices) == (10, None, ())
    assert await captured(simulator) == 8000
    await check_books(company)


async def test_whatever_comes_in_one_instant_pays_an_invoice_once(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, BROKE)
        await company.advance("2026-02-17T09:31")
        await company.save_card(customer, "pm_card_visa")

        [invoice] = (await subscription.report()).state.open_invoices
        owed = invoice.invoice_id

        outcomes = await asyncio.gather(
            subscription.give(PayNow),
            *(transfer(subscription, 3000, f"R-{n}", invoice_id=owed) for n in range(4)),
            return_exceptions=True,
        )

        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, WorkflowUpdateFailedError)
                assert isinstance(outcome.cause, ApplicationError)
                assert outcome.cause.type in {"invoice_paid", "nothing_to_pay", "invoice_not_open"}
        await company.settle()
        assert await subscription.status() == "active"
    async with company.engine.connect() as connection:
        rows = await connection.execute(
            select(received_payments.c.applied_minor, received_payments.c.amount_minor)
        )
        applied = sum(row.applied_minor for row in rows)
    assert await captured(simulator) == 8000 + 8000 - applied
    await check_books(company)


@pytest.mark.parametrize("is_purchase", [False, True])
async def test_a_transfer_completes_what_a_card_could_not_begin(
    company: Company, *, is_purchase: bool
) -> None:
    async with company.working():
        customer = await company.customer(card=BROKE)
        if is_purchase:
            bought = await company.buy(customer)
            await bought.activated()
            await company.settle()
            [invoice] = (await bought.report()).state.open_invoices
            await transfer(bought, invoice.amount.amount_minor, "R-1")
            assert (await bought.handle.result())["state"]["status"] == "completed"
            return
        subscription = await company.subscribe(customer)
        assert (await subscription.activated()).refused
        await transfer(subscription, 3000, "R-1")
        assert await subscription.status() == "incomplete"
        await transfer(subscription, 5000, "R-2")
        assert await subscription.status() == "active"
    await check_books(company)
