"""The hosted pages over real parts: PostgreSQL, Temporal, a strict Stripe and a worker."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from adapters.hosted_link import HostedLinks
from adapters.settings import Settings
from adapters.stripe.client import connect_stripe
from api.app import create_app
from api.dependencies import Dependencies
from billing.catalog import Catalog
from tests.api.hosted.guest import Guest, opened_browser
from tests.api.hosted.plans import PLANS
from tests.api.shop import Shop
from tests.conftest import StripeSimulator
from tests.worker.desk import Desk
from tests.workflows.company import Company
from tests.workflows.conftest import company
from worker.gateway_events import GatewayEvents

__all__ = ["company"]

PUBLIC_URL = "http://billing.test"


@dataclass(frozen=True, slots=True)
class Visit:
    """A customer's browser, which follows no redirect by itself."""

    desk: Desk
    links: HostedLinks
    browser: httpx.AsyncClient
    app: FastAPI

    async def come_back(self, checkout_session_id: str) -> httpx.Response:
        return await self.browser.get(self.links.checkout_return(checkout_session_id))

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Pages wait for workflows half a second only."""
        patient: Dependencies = self.app.state.dependencies
        self.app.state.dependencies = replace(patient, browser_patience=timedelta(seconds=0.5))
        yield
        self.app.state.dependencies = patient


@pytest.fixture
async def visit(company: Company, simulator: StripeSimulator) -> AsyncIterator[Visit]:
    """Nobody delivers webhooks here: whatever happens, the customer's return makes it happen."""
    settings = Settings(
        database_url=SecretStr("postgresql://unused"),
        stripe_api_key=SecretStr(simulator.api_key),
        stripe_webhook_secret=SecretStr("whsec_test"),
        link_secret=SecretStr("secret of the test links"),
        public_url=PUBLIC_URL,
    )
    links = HostedLinks.of(settings)
    company.parts = replace(company.parts, return_url=links.payment_return)
    app = create_app(
        Dependencies(
            engine=company.engine,
            temporal=company.client,
            gateway=company.gateway,
            settings=settings,
            task_queue=company.task_queue,
        )
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        connect_stripe(api_key=simulator.api_key, api_base=simulator.base_url) as stripe,
        httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as browser,
    ):
        events = GatewayEvents(
            engine=company.engine, gateway=company.gateway, temporal=company.client
        )
        yield Visit(Desk(company, stripe, events), links, browser, app)


@pytest.fixture
def catalog() -> Catalog:
    """What the shop sells to the customers of these pages."""
    return PLANS


@pytest.fixture
async def guest(shop: Shop) -> AsyncIterator[Guest]:
    """A customer with five seats of Team since 1 April, and a browser of their own."""
    async with opened_browser(shop) as browser:
        yield await Guest.since_april(shop, browser)


@pytest.fixture
async def stranger(shop: Shop) -> AsyncIterator[Guest]:
    """Another customer like that."""
    async with opened_browser(shop) as browser:
        yield await Guest.since_april(shop, browser)
