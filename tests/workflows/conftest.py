"""A company for each test of the workflows, whose histories are replayed after it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest
from temporalio.client import Client

from tests.conftest import StripeSimulator
from tests.workflows.company import Company, opened_company
from worker.process import create_replayer

_PATIENCE_SECONDS: Final = 60
"""For a replay, which takes a tenth of one: what hangs is told by name."""


@pytest.fixture
async def company(
    database_url: str, temporal_client: Client, simulator: StripeSimulator
) -> AsyncIterator[Company]:
    """Open for the test. Afterwards whatever its subscriptions went through must replay."""
    async with opened_company(
        database_url=database_url, client=temporal_client, simulator=simulator
    ) as company:
        yield company
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await create_replayer().replay_workflows(company.histories())
