"""The company of the stories, which sells the example catalog.

Owns the fixtures; databases and servers are those of the API's tests.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from adapters.catalog_file import read_catalog
from adapters.db.engine import transactions
from api.app import create_app
from api.dependencies import Dependencies
from cli.demo.browser import Browser
from simulator.tls import tls_context
from tests.api.conftest import deps, engine, settings
from tests.api.shop import Mailbox, Shop
from tests.conftest import StripeSimulator
from tests.scenarios.company import Company, patience

__all__ = ["deps", "engine", "settings"]

CATALOG = Path(__file__).resolve().parents[2] / "examples" / "catalog.yaml"
_API_URL = "http://api.test"


@pytest.fixture
async def sleeping_company(
    deps: Dependencies,
    simulator: StripeSimulator,
) -> AsyncIterator[Company]:
    """A company whose workers do not run yet."""
    app = create_app(deps)
    open_transaction = transactions(deps.engine)
    async with open_transaction() as tx:
        await tx.catalog.put_on_sale(read_catalog(CATALOG))
    api = httpx.ASGITransport(app)
    async with (
        httpx.AsyncClient(transport=api, base_url=_API_URL) as client,
        httpx.AsyncClient(mounts={_API_URL: api}, trust_env=False, verify=tls_context()) as http,
    ):
        shop = Shop(app=app, client=client, transactions=open_transaction, deps=deps)
        client.headers["Authorization"] = f"Bearer {await shop.api_key()}"
        yield Company(
            shop=shop,
            mailbox=Mailbox(),
            stripe=simulator.control,
            browser=Browser(http, patience()),
        )


@pytest.fixture
async def company(sleeping_company: Company) -> AsyncIterator[Company]:
    """A company at work."""
    async with sleeping_company.working():
        yield sleeping_company
