"""A company that is worked for, and an operator's terminal beside it."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from local.temporal import Server
from tests.cli.terminal import Terminal
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, opened_company


@pytest.fixture
async def company(
    database_url: str, temporal_client: Client, simulator: StripeSimulator
) -> AsyncIterator[Company]:
    """Open, with a worker."""
    async with (
        opened_company(
            database_url=database_url, client=temporal_client, simulator=simulator
        ) as company,
        company.working(),
    ):
        yield company


@pytest.fixture
def terminal(database_url: str, temporal_server: Server) -> Terminal:
    """On the company's database and the tests' server."""
    return Terminal(database_url=database_url, temporal_address=temporal_server.address)
