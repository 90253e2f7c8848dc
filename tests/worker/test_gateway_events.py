"""Events of the gateway: any order, any number of times, the same final state."""

import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import httpx
import pytest
from sqlalchemy import insert, select
from stripe import StripeClient

from adapters.db.engine import transactions
from adapters.db.queries import checkout_sessions as sessions
from adapters.db.tables.checkout_session import CheckoutSessionStatus, checkout_sessions
from adapters.db.tables.customer import customers, payment_methods
from adapters.db.tables.payment_attempt import payment_attempts
from adapters.stripe.client import connect_stripe
from billing.errors import GatewayRefused
from billing.ports.gateway import CheckoutRequest, HostedCheckout
from billing.subscription import SubscriptionStatus
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Subscription
from worker.gateway_events import GatewayEvents, Handling

GOOD_CARD: Final = "4242424242424242"
DECLINED_LATER: Final = "4000000000000341"
"""Can be saved; every charge is declined."""
ALWAYS_AUTHENTICATES: Final = "4000002760003184"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A subscription that waits for its page at the gateway to be completed."""

    id: str
    page: HostedCheckout
    customer_id: str
    subscription: Subscription


@dataclass(frozen=True, slots=True)
class Desk:
    """A company, the gateway's own list of events, and what applies them."""

    company: Company
    stripe: StripeClient
    events: GatewayEvents

    async def open_checkout(self, *, trial_days: int | None = None) -> Checkout:
        customer_id = await self.company.customer(card=None)
        subscription = await self.company.subscribe(customer_id, trial_days=trial_days, ready=False)
        checkout_session_id = f"cs_{subscription.id}"
        async with transactions(self.company.engine)() as tx:
            customer = await tx.customers.get(customer_id)
        assert customer.gateway_customer_id is not None
        page = await self.company.gateway.create_checkout(
            CheckoutRequest(
                checkout_session_id=checkout_session_id,
                subscription_id=subscription.id,
                gateway_customer_id=customer.gateway_customer_id,
                currency="USD",
                success_url="https://perennial.example/return",
                cancel_url="https://shop.example/cancel",
            ),
            key=f"checkout:{checkout_session_id}",
        )
        async with self.company.engine.begin() as connection:
            await connection.execute(
                insert(checkout_sessions).values(
                    id=checkout_session_id,
                    subscription_id=subscription.id,
                    customer_id=customer_id,
                    stripe_session_id=page.id,
                    url=page.url,
                    success_url="https://shop.example/ok",
                    cancel_url="https://shop.example/cancel",
                    status="open",
                    expires_at=page.expires_at,
                    created_at=self.company.present,
                )
            )
        return Checkout(checkout_session_id, page, customer_id, subscription)

    async def told(self) -> list[tuple[str, str]]:
        """Everything that the gateway has told so far, oldest first."""
        listed = await self.stripe.v1.events.list_async({"limit": 100})
        return [(event.type, event.data.object["id"]) for event in reversed(listed.data)]

    async def apply(self, told: list[tuple[str, str]]) -> None:
        for event_type, object_id in told:
            await self.events.apply(event_type, object_id)

    async def default_of(self, customer_id: str) -> str | None:
        async with self.company.engine.connect() as connection:
            query = select(customers.c.default_payment_method_id).where(
                customers.c.id == customer_id
            )
            found: str | None = await connection.scalar(query)
            return found

    async def session(self, checkout: Checkout) -> sessions.CheckoutSession:
        async with self.company.engine.connect() as connection:
            found = await sessions.get(connection, checkout.id)
        assert found is not None
        return found


@pytest.fixture
async def desk(company: Company, simulator: StripeSimulator) -> AsyncIterator[Desk]:
    async with connect_stripe(api_key=simulator.api_key, api_base=simulator.base_url) as client:
        events = GatewayEvents(
            engine=company.engine, gateway=company.gateway, temporal=company.client
        )
        yield Desk(company, client, events)


async def _pay(checkout: Checkout, card: str) -> None:
    """Completes the gateway's page as a browser would, up to a challenge of the bank's."""
    assert checkout.page.url is not None
    async with httpx.AsyncClient() as browser:
        answer = await browser.post(
            checkout.page.url, data={"number": card, "expiry": "12/34", "cvc": "123"}
        )
    assert answer.status_code == 303, answer.text


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
    await _pay(checkout, GOOD_CARD)
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
    await _pay(checkout, DECLINED_LATER)
    async with desk.company.working():
        for _ in range(3):
            await desk.apply(await desk.told())
            report = await checkout.subscription.activated()
            assert (report.status, report.refused) == (SubscriptionStatus.INCOMPLETE, True)
    assert await desk.company.count(payment_attempts) == 1


async def test_a_late_repetition_does_not_undo_another_default(desk: Desk) -> None:
    checkout = await desk.open_checkout(trial_days=14)
    await _pay(checkout, GOOD_CARD)
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
    await _pay(checkout, ALWAYS_AUTHENTICATES)
    await _authenticate(desk)
    async with desk.company.working():
        await desk.apply(await desk.told())
        assert (await checkout.subscription.activated()).status is SubscriptionStatus.INCOMPLETE
        state = (await checkout.subscription.report()).state
        [invoice] = state.open_invoices
        assert invoice.action_url is not None
        await _pass_challenge(invoice.action_url)
        await desk.apply(await desk.told())
        assert (await checkout.subscription.activated()).status is SubscriptionStatus.ACTIVE
    assert await desk.company.count(payment_attempts) == 1


async def _authenticate(desk: Desk) -> None:
    """Passes the challenge of saving the card, where the page asks for one."""
    for setup in (await desk.stripe.v1.setup_intents.list_async({"limit": 10})).data:
        if setup.next_action is not None and setup.next_action.redirect_to_url is not None:
            assert setup.next_action.redirect_to_url.url is not None
            await _pass_challenge(setup.next_action.redirect_to_url.url)


async def _pass_challenge(url: str) -> None:
    async with httpx.AsyncClient() as browser:
        answer = await browser.post(url, data={"outcome": "complete"})
        assert answer.status_code == 303, answer.text
        location = answer.headers["location"]
        if "/c/pay/" in location:
            await browser.get(location)


async def test_an_expired_page_is_recorded(desk: Desk) -> None:
    checkout = await desk.open_checkout()
    await desk.company.gateway.expire_checkout(checkout.page.id, key="expire")
    await desk.apply(await desk.told())
    assert (await desk.session(checkout)).status is CheckoutSessionStatus.EXPIRED
    await desk.apply(await desk.told())
    assert (await desk.session(checkout)).status is CheckoutSessionStatus.EXPIRED


async def test_a_page_that_another_replaced_changes_nothing(desk: Desk) -> None:
    checkout = await desk.open_checkout()
    await _pay(checkout, GOOD_CARD)
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
    method_id = await _set_up(desk, customer_id)
    assert await desk.default_of(customer_id) == method_id
    await _set_up(desk, customer_id)
    assert await desk.default_of(customer_id) == method_id
    assert await desk.company.count(payment_methods, customer_id=customer_id) == 2


async def _set_up(desk: Desk, customer_id: str) -> str:
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
    method_id = await _set_up(desk, customer_id)
    await desk.company.gateway.detach_payment_method(method_id, key="detach")
    await desk.apply(await desk.told())
    assert await desk.default_of(customer_id) is None
    await desk.apply((await desk.told())[::-1])
    assert await desk.default_of(customer_id) is None


async def test_a_method_that_is_still_attached_is_not_forgotten(desk: Desk) -> None:
    customer_id = await desk.company.customer(card=None)
    method_id = await _set_up(desk, customer_id)
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
