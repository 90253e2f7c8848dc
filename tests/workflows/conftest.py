"""A company for each test of the workflows."""

import uuid
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from adapters.db.engine import create_engine, unit_of_work
from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Mailbox, at
from worker.process import WorkerParts


@pytest.fixture
async def company(
    database_url: str, temporal_client: Client, simulator: StripeSimulator
) -> AsyncIterator[Company]:
    """It sells Team; its present is 2026-01-17T09:30Z, and a worker is up to the test."""
    engine = create_engine(database_url)
    async with connect_stripe(
        api_key=simulator.api_key, api_base=simulator.base_url
    ) as stripe_client:
        gateway, mailbox = StripeGateway(stripe_client), Mailbox()
        company = Company(
            engine=engine,
            client=temporal_client,
            stripe=stripe_client,
            gateway=gateway,
            parts=WorkerParts(
                open_transaction=unit_of_work(engine),
                gateway=gateway,
                post=mailbox,
                clock_driver=None,
                return_url=lambda invoice_id: f"https://example.com/return/{invoice_id}",
            ),
            mailbox=mailbox,
            task_queue=f"test-{uuid.uuid4().hex}",
            present=at("2026-01-17T09:30"),
        )
        await company.sell_teams()
        yield company
    await engine.dispose()
