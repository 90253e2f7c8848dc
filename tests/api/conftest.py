"""The API over real parts: PostgreSQL, Temporal, a worker and a strict Stripe simulator.

Owns the fixtures. Requests go through the whole application, its middleware included.
"""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.db.clock_book import SqlClockBook
from adapters.db.engine import create_engine, unit_of_work
from adapters.hosted_link import HostedLinks
from adapters.settings import Settings
from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from adapters.temporal.clock_driver import TemporalClockDriver
from adapters.temporal.subscription_telling import TemporalTelling
from api.dependencies import Dependencies
from billing.catalog import Catalog
from tests.api.shop import CATALOG, Mailbox, Shop, opened_shop, settings_for
from tests.conftest import StripeSimulator
from worker.process import WorkerParts, create_worker

PATIENCE: Final = timedelta(minutes=1)
"""However busy the machine: what happens when patience ends is asked for where it is meant."""


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Connections to a database of the test's own."""
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def settings(database_url: str, simulator: StripeSimulator) -> Settings:
    """Sandbox settings that name the test's own parts."""
    return settings_for(
        database_url, stripe_api_key=simulator.api_key, stripe_api_base=simulator.base_url
    )


@pytest.fixture
async def deps(
    engine: AsyncEngine, settings: Settings, temporal_client: Client
) -> AsyncIterator[Dependencies]:
    """What the application is created with."""
    async with connect_stripe(
        api_key=settings.stripe_api_key.get_secret_value(), api_base=settings.stripe_api_base
    ) as stripe:
        yield Dependencies(
            engine=engine,
            temporal=temporal_client,
            gateway=StripeGateway(stripe),
            settings=settings,
            task_queue=f"test-{uuid.uuid4().hex}",
            caller_patience=PATIENCE,
            browser_patience=PATIENCE,
        )


@pytest.fixture
def catalog() -> Catalog:
    """What the shop sells."""
    return CATALOG


@pytest.fixture
async def idle_shop(deps: Dependencies, catalog: Catalog) -> AsyncIterator[Shop]:
    """An API over everything but a worker: for what must not reach a workflow."""
    async with opened_shop(deps, catalog) as shop:
        yield shop


@pytest.fixture
async def shop(idle_shop: Shop) -> AsyncIterator[Shop]:
    """The whole system with a worker."""
    deps = idle_shop.deps
    parts = WorkerParts(
        open_transaction=unit_of_work(deps.engine),
        gateway=deps.gateway,
        post=Mailbox(),
        telling=TemporalTelling(deps.temporal),
        clock_driver=TemporalClockDriver(deps.temporal, SqlClockBook(deps.engine)),
        return_url=HostedLinks.of(deps.settings).payment_return,
        taxes=deps.tax_rates,
    )
    async with create_worker(deps.temporal, parts, task_queue=deps.task_queue):
        yield idle_shop
