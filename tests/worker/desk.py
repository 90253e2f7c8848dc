"""A gateway's page being completed, and the gateway's own account of what happened.

Owns what tests of the worker and of the hosted pages need besides a company.
"""

from dataclasses import dataclass
from typing import Final

import httpx
from sqlalchemy import insert, select
from stripe import StripeClient

from adapters.db.engine import transactions
from adapters.db.queries import checkout_sessions as sessions
from adapters.db.tables.checkout_session import checkout_sessions
from adapters.db.tables.customer import customers
from billing.ports.gateway import CheckoutRequest, HostedCheckout
from simulator.tls import tls_context
from tests.workflows.company import Company, Subscription
from worker.gateway_events import GatewayEvents

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

    async def authenticate_setups(self) -> None:
        """Passes the challenge of saving the card, where the page asks for one."""
        for setup in (await self.stripe.v1.setup_intents.list_async({"limit": 10})).data:
            if setup.next_action is not None and setup.next_action.redirect_to_url is not None:
                assert setup.next_action.redirect_to_url.url is not None
                await pass_challenge(setup.next_action.redirect_to_url.url)


async def pay(page_url: str | None, card: str) -> None:
    """Completes the gateway's page as a browser would, up to a challenge of the bank's."""
    assert page_url is not None
    async with httpx.AsyncClient(verify=tls_context()) as browser:
        answer = await browser.post(
            page_url, data={"number": card, "expiry": "12/34", "cvc": "123"}
        )
    assert answer.status_code == 303, answer.text


async def pass_challenge(url: str, *, outcome: str = "complete") -> str:
    """Answers the bank's page; returns where it sends the browser."""
    async with httpx.AsyncClient(verify=tls_context()) as browser:
        answer = await browser.post(url, data={"outcome": outcome})
        assert answer.status_code == 303, answer.text
        location: str = answer.headers["location"]
        if "/c/pay/" in location:
            await browser.get(location)
    return location
