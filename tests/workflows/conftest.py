"""A company for each test of the workflows, whose histories are replayed after it."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.conftest import StripeSimulator
from tests.workflows.company import Company, opened_company
from worker.process import create_replayer


@pytest.fixture
async def company(
    database_url: str, temporal_client: Client, simulator: StripeSimulator
) -> AsyncIterator[Company]:
    """Open for the test. Afterwards whatever its subscriptions went through must replay."""
    async with opened_company(
        database_url=database_url, client=temporal_client, simulator=simulator
    ) as company:
        yield company
        await create_replayer().replay_workflows(company.histories())
