"""What arrives while something else is under way is neither lost nor done twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from stripe import StripeClient

from adapters.stripe.gateway import StripeGateway
from billing.errors import GatewayError, GatewayRefused, GatewayUnreachable
from billing.ports.gateway import GatewayPayment
from tests.conftest import StripeSimulator
from tests.workflows.company import Company
from tests.workflows.test_payments import bank_answers, captured
from workflows.messages import CancelMode


@dataclass(slots=True)
class Telephone:
    """Decides how confirmations go, and says when one was answered."""

    failure: GatewayError | None = None
    rang: asyncio.Event = field(default_factory=asyncio.Event)
    may_hang_up: asyncio.Event = field(default_factory=asyncio.Event)


class SlowGateway(StripeGateway):
    """Stripe, whose answers to confirmations arrive when a test lets them."""

    def __init__(self, client: StripeClient, telephone: Telephone) -> None:
        super().__init__(client)
        self._telephone = telephone

    async def confirm_payment(
        self, payment_id: str, *, return_url: str, off_session: bool, key: str
    ) -> GatewayPayment:
        if self._telephone.failure is not None:
            self._telephone.rang.set()
            raise self._telephone.failure
        payment = await super().confirm_payment(
            payment_id, return_url=return_url, off_session=off_session, key=key
        )
        self._telephone.rang.set()
        await self._telephone.may_hang_up.wait()
        return payment


@asynccontextmanager
async def working_with(company: Company, telephone: Telephone) -> AsyncIterator[None]:
    """A worker whose gateway is as slow as the telephone says."""
    gateway = SlowGateway(company.stripe, telephone)
    company.parts = replace(company.parts, gateway=gateway)
    async with company.working(), asyncio.timeout(60):
        yield


async def test_a_bank_that_answers_before_its_payment_is_known_to_be_processing_is_heard(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_bank_account(customer)
    telephone = Telephone()
    async with working_with(company, telephone):
        renewing = asyncio.create_task(company.advance("2026-02-17T09:30"))
        await telephone.rang.wait()
        news = await bank_answers(company, simulator)
        await subscription.handle.signal("payment_news", news)
        telephone.may_hang_up.set()
        await renewing

        assert (await subscription.report()).state.open_invoices == ()
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]
    assert await captured(simulator) == 16000


async def test_a_new_card_that_comes_while_the_old_one_is_declined_is_tried_at_once(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, "pm_card_chargeCustomerFail")
    telephone = Telephone()
    async with working_with(company, telephone):
        renewing = asyncio.create_task(company.advance("2026-02-17T09:30"))
        await telephone.rang.wait()
        await company.save_card(customer, "pm_card_visa")
        await subscription.handle.signal("payment_method_changed")
        telephone.may_hang_up.set()
        await renewing

        assert await subscription.status() == "active"
    assert await captured(simulator) == 16000


async def test_another_card_at_the_checkout_is_tried_after_the_declined_one(
    company: Company, simulator: StripeSimulator
) -> None:
    telephone = Telephone()
    async with working_with(company, telephone):
        customer = await company.customer(card="pm_card_chargeCustomerFail")
        subscription = await company.subscribe(customer, ready=False)
        await subscription.complete_checkout()
        await telephone.rang.wait()
        await company.save_card(customer, "pm_card_visa")
        await subscription.complete_checkout()
        telephone.may_hang_up.set()

        assert (await subscription.activated()).status == "active"
    assert await captured(simulator) == 8000


async def test_cancelling_while_the_gateway_is_out_of_reach_charges_nothing_afterwards(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
    telephone = Telephone(failure=GatewayUnreachable("gateway_unreachable", "an outage"))
    telephone.may_hang_up.set()
    async with working_with(company, telephone):
        renewing = asyncio.create_task(company.advance("2026-02-17T09:30"))
        await telephone.rang.wait()
        await subscription.cancel(CancelMode.NOW)
        telephone.failure = None
        await renewing
        await subscription.handle.result()

    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "void"]
    assert await captured(simulator) == 8000


async def test_cancelling_while_the_charge_is_being_answered_counts_what_was_taken(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
    telephone = Telephone()
    async with working_with(company, telephone):
        renewing = asyncio.create_task(company.advance("2026-02-17T09:30"))
        await telephone.rang.wait()
        await subscription.cancel(CancelMode.NOW)
        telephone.may_hang_up.set()
        await renewing
        await subscription.handle.result()

        assert await subscription.status() == "canceled"
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]
    assert await captured(simulator) == 16000


async def test_what_waits_for_an_operator_is_tried_again_when_the_customer_acts(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
    telephone = Telephone(failure=GatewayRefused("resource_missing", "no such thing"))
    telephone.may_hang_up.set()
    async with working_with(company, telephone):
        renewing = asyncio.create_task(company.advance("2026-02-17T09:30"))
        await telephone.rang.wait()
        async with asyncio.timeout(20):
            while (await subscription.report()).problem is None:  # noqa: ASYNC110 - a query
                await asyncio.sleep(0.02)
        telephone.failure = None
        await subscription.handle.signal("payment_method_changed")
        await renewing
        async with asyncio.timeout(20):
            while (await subscription.report()).problem is not None:  # noqa: ASYNC110 - a query
                await asyncio.sleep(0.02)

    assert await captured(simulator) == 16000


async def test_a_checkout_that_was_given_up_for_another_does_not_go_live_besides_it(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer(card="pm_card_chargeCustomerFail")
        given_up = await company.subscribe(customer)
        assert (await given_up.activated()).refused
        await company.save_card(customer, "pm_card_visa")
        chosen = await company.subscribe(customer)
        assert (await chosen.activated()).status == "active"

        await given_up.complete_checkout()

        assert (await given_up.activated()).status == "incomplete_expired"
        await given_up.handle.result()
        assert (await given_up.report()).state.end_reason == "family_taken"
    assert [invoice["status"] for invoice in await company.invoices()] == ["void", "paid"]
    assert await captured(simulator) == 8000
