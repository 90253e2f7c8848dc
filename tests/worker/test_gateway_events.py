"""Events of the gateway: any order, any number of times, the same final state."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator

import pytest

from adapters.db.engine import transactions
from adapters.db.tables.checkout_session import CheckoutSessionStatus
from adapters.db.tables.customer import payment_methods
from adapters.db.tables.payment_attempt import payment_attempts
from adapters.stripe.client import connect_stripe
from billing.errors import GatewayRefused
from billing.subscription import SubscriptionStatus
from tests.conftest import StripeSimulator
from tests.worker.desk import (
    ALWAYS_AUTHENTICATES,
    DECLINED_LATER,
    GOOD_CARD,
    Desk,
    pass_challenge,
    pay,
)
from tests.workflows.company import Company
from worker.gateway_events import GatewayEvents, Handling


@pytest.fixture
async def desk(company: Company, simulator: StripeSimulator) -> AsyncIterator[Desk]:
    async with connect_stripe(api_key=simulator.api_key, api_base=simulator.base_url) as client:
        events = GatewayEvents(
            engine=company.engine, gateway=company.gateway, temporal=company.client
        )
        yield Desk(company, client, events)


def _shuffles(told: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    doubled = told + told
    shuffled = doubled.copy()
    random.Random(7).shuffle(shuffled)  # noqa: S311 - a fixed shuffle
    return [told, told[::-1], doubled, shuffled]


@pytest.mark.parametrize("order", range(4))
async def test_a_completed_checkout_makes_one_subscription_in_any_order(
    order: int, desk: Desk
) -> None:
    checkout = await desk.open_checkout()
    await pay(checkout.page.url, GOOD_CARD)
    async with desk.company.working():
        await desk.apply(_shuffles(await desk.told())[order])
        assert (await checkout.subscription.activated()).status is SubscriptionStatus.ACTIVE
        await desk.apply(_shuffles(await desk.told())[order])
        [invoice] = await desk.company.invoices()
    assert invoice["status"] == "paid"
    assert await desk.company.count(payment_attempts) == 1
    assert await desk.company.count(payment_methods, customer_id=checkout.customer_id) == 1
    assert await desk.default_of(checkout.customer_id) is not None
    assert (await desk.session(checkout)).status is CheckoutSessionStatus.COMPLETE


async def test_a_declined_first_payment_is_not_repeated_by_repeated_events(desk: Desk) -> None:
    checkout = await desk.open_checkout()
    await pay(checkout.page.url, DECLINED_LATER)
    async with desk.company.working():
        for _ in range(3):
            await desk.apply(await desk.told())
            report = await checkout.subscription.activated()
            assert (report.status, report.refused) == (SubscriptionStatus.INCOMPLETE, True)
    assert await desk.company.count(payment_attempts) == 1


async def test_a_late_repetition_does_not_undo_another_default(desk: Desk) -> None:
    checkout = await desk.open_checkout(trial_days=14)
    await pay(checkout.page.url, GOOD_CARD)
    async with desk.company.working():
        told = await desk.told()
        await desk.apply(told)
        await checkout.subscription.activated()
        await desk.company.save_card(checkout.customer_id, "pm_card_mastercard")
        chosen = await desk.default_of(checkout.customer_id)
        await desk.apply(told)
    assert await desk.default_of(checkout.customer_id) == chosen


async def test_an_authenticated_payment_activates_through_its_event_alone(desk: Desk) -> None:
    checkout = await desk.open_checkout()
    await pay(checkout.page.url, ALWAYS_AUTHENTICATES)
    await desk.authenticate_setups()
    async with desk.company.working():
        await desk.apply(await desk.told())
        assert (await checkout.subscription.activated()).status is SubscriptionStatus.INCOMPLETE
        state = (await checkout.subscription.report()).state
        [invoice] = state.open_invoices
        assert invoice.action_url is not None
        await pass_challenge(invoice.action_url)
        await desk.apply(await desk.told())
        assert (await checkout.subscription.activated()).status is SubscriptionStatus.ACTIVE
    assert await desk.company.count(payment_attempts) == 1


async def test_a_new_default_is_tried_on_what_a_running_subscription_owes(desk: Desk) -> None:
    company = desk.company
    async with company.working():
        customer_id = await company.customer()
        debtor = await company.subscribe(customer_id, trial_days=14)
        await debtor.activated()
        await company.save_card(customer_id, "pm_card_chargeCustomerFail")
        await company.advance("2026-01-31T09:30")
        assert await debtor.status() is SubscriptionStatus.PAST_DUE
        method_id = await set_up(desk, customer_id)
        async with transactions(company.engine)() as tx:
            await tx.customers.set_default_payment_method(customer_id, method_id)
        for _ in range(3):
            await desk.apply(await desk.told())
        async with asyncio.timeout(10):
            while await debtor.status() is SubscriptionStatus.PAST_DUE:  # noqa: ASYNC110 - remote
                await asyncio.sleep(0.02)
        await desk.apply(await desk.told())
        assert await debtor.status() is SubscriptionStatus.ACTIVE
    assert await company.count(payment_attempts) == 2


async def test_an_expired_page_is_recorded(desk: Desk) -> None:
    checkout = await desk.open_checkout()
    await desk.company.gateway.expire_checkout(checkout.page.id, key="expire")
    await desk.apply(await desk.told())
    assert (await desk.session(checkout)).status is CheckoutSessionStatus.EXPIRED
    await desk.apply(await desk.told())
    assert (await desk.session(checkout)).status is CheckoutSessionStatus.EXPIRED


async def test_a_page_that_another_replaced_changes_nothing(desk: Desk) -> None:
    checkout = await desk.open_checkout()
    await pay(checkout.page.url, GOOD_CARD)
    async with transactions(desk.company.engine)() as tx:
        await tx.checkout_sessions.replace_page(
            checkout.id, replaced=checkout.page.id, by="cs_test_next", url="https://pay.example/2"
        )
    handling = await desk.events.apply("checkout.session.completed", checkout.page.id)
    assert handling is Handling.IGNORED
    assert (await desk.session(checkout)).status is CheckoutSessionStatus.OPEN
    async with desk.company.working():
        state = (await checkout.subscription.report()).state
    assert state.checkout_completed_at is None


async def test_a_setup_gives_a_customer_without_a_default_one(desk: Desk) -> None:
    customer_id = await desk.company.customer(card=None)
    method_id = await set_up(desk, customer_id)
    assert await desk.default_of(customer_id) == method_id
    await set_up(desk, customer_id)
    assert await desk.default_of(customer_id) == method_id
    assert await desk.company.count(payment_methods, customer_id=customer_id) == 2


async def set_up(desk: Desk, customer_id: str) -> str:
    async with transactions(desk.company.engine)() as tx:
        customer = await tx.customers.get(customer_id)
    setup = await desk.stripe.v1.setup_intents.create_async(
        {
            "customer": customer.gateway_customer_id or "",
            "payment_method": "pm_card_visa",
            "allowed_payment_method_types": ["card"],
            "confirm": True,
        }
    )
    await desk.events.apply("setup_intent.succeeded", setup.id)
    assert isinstance(setup.payment_method, str)
    return setup.payment_method


async def test_a_detached_method_is_nobody_s_default_any_more(desk: Desk) -> None:
    customer_id = await desk.company.customer(card=None)
    method_id = await set_up(desk, customer_id)
    await desk.company.gateway.detach_payment_method(method_id, key="detach")
    await desk.apply(await desk.told())
    assert await desk.default_of(customer_id) is None
    await desk.apply((await desk.told())[::-1])
    assert await desk.default_of(customer_id) is None


async def test_a_method_that_is_still_attached_is_not_forgotten(desk: Desk) -> None:
    customer_id = await desk.company.customer(card=None)
    method_id = await set_up(desk, customer_id)
    assert await desk.events.apply("payment_method.detached", method_id) is Handling.IGNORED
    assert await desk.default_of(customer_id) == method_id


async def test_what_is_not_ours_is_ignored(desk: Desk) -> None:
    stranger = await desk.stripe.v1.customers.create_async({"email": "eve@example.com"})
    intent = await desk.stripe.v1.payment_intents.create_async(
        {
            "amount": 500,
            "currency": "usd",
            "customer": stranger.id,
            "allowed_payment_method_types": ["card"],
            "metadata": {"perennial_invoice": "in_of_another_installation"},
        }
    )
    page = await desk.stripe.v1.checkout.sessions.create_async(
        {
            "mode": "setup",
            "currency": "usd",
            "customer": stranger.id,
            "success_url": "https://elsewhere.example/",
        }
    )
    for event_type, object_id in itertools.chain(
        await desk.told(),
        [
            ("payment_intent.canceled", intent.id),
            ("balance.available", "anything"),
            ("customer.created", stranger.id),
        ],
    ):
        if event_type != "checkout.session.completed":
            assert await desk.events.apply(event_type, object_id) is Handling.IGNORED
    assert await desk.events.apply("checkout.session.completed", page.id) is Handling.IGNORED
    assert await desk.events.apply("checkout.session.completed", None) is Handling.IGNORED


async def test_an_object_that_does_not_exist_is_a_failure_and_not_ignored(desk: Desk) -> None:
    with pytest.raises(GatewayRefused):
        await desk.events.apply("payment_intent.succeeded", "pi_forged")
