"""The whole system on this machine, and a browser in front of it.

Owns the fixtures: PostgreSQL, Temporal, the Stripe simulator with its webhooks, the API, a
worker with its inbox, a merchant's site, and Debian's Chromium.
"""

import asyncio
import shutil
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp
from temporalio.client import Client

from adapters.db.clock_book import SqlClockBook
from adapters.db.engine import create_engine, transactions, unit_of_work
from adapters.hosted_link import HostedLinks
from adapters.settings import Settings
from adapters.stripe.client import API_VERSION, connect_stripe
from adapters.stripe.gateway import StripeGateway
from adapters.temporal.clock_driver import TemporalClockDriver
from api.app import create_app
from api.dependencies import Dependencies
from api.server import serving
from tests.api.hosted.plans import PLANS
from tests.api.shop import Mailbox, Shop, sell_catalog
from tests.browser.shopper import Shopper
from tests.browser.subscriber import Subscriber
from tests.conftest import StripeSimulator
from worker.gateway_events import GatewayEvents
from worker.inbox import Inbox
from worker.process import WorkerParts, create_worker

_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _listener() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def _address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def _served(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    server = serving(app)
    ended = asyncio.create_task(server._serve([listener]))  # noqa: SLF001 - no signal handlers
    try:
        yield
    finally:
        server.should_exit = True
        await ended


async def _welcome(request: Request) -> HTMLResponse:
    session = request.query_params.get("checkout_session_id", "")
    return HTMLResponse(f"<title>Shop</title><h1>{request.url.path[1:]}</h1><p>{session}</p>")


@pytest.fixture
async def merchant() -> AsyncIterator[str]:
    """Where the merchant's own pages stand."""
    listener = _listener()
    app = Starlette(routes=[Route("/{page}", _welcome)])
    async with _served(app, listener):
        yield _address(listener)


@pytest.fixture
def mailbox() -> Mailbox:
    """Whatever customers were written."""
    return Mailbox()


@pytest.fixture
async def shop(
    database_url: str, temporal_client: Client, simulator: StripeSimulator, mailbox: Mailbox
) -> AsyncIterator[Shop]:
    """An API that listens, whose webhooks arrive, with a worker and its inbox behind it."""
    listener = _listener()
    public_url = _address(listener)
    engine = create_engine(database_url)
    await sell_catalog(engine, PLANS)
    async with connect_stripe(api_key=simulator.api_key, api_base=simulator.base_url) as stripe:
        endpoint = await stripe.v1.webhook_endpoints.create_async(
            {
                "url": f"{public_url}/v1/webhooks/stripe",
                "enabled_events": ["*"],
                "api_version": API_VERSION,
            }
        )
        assert endpoint.secret is not None
        deps = Dependencies(
            engine=engine,
            temporal=temporal_client,
            gateway=StripeGateway(stripe),
            settings=Settings(
                database_url=SecretStr(database_url),
                stripe_api_key=SecretStr(simulator.api_key),
                stripe_webhook_secret=SecretStr(endpoint.secret),
                link_secret=SecretStr("secret of the test links"),
                public_url=public_url,
            ),
            task_queue=f"test-{uuid.uuid4().hex}",
        )
        app = create_app(deps)
        async with (
            _working(deps, database_url, mailbox),
            _served(app, listener),
            httpx.AsyncClient(base_url=public_url, timeout=30) as client,
        ):
            shop = Shop(app=app, client=client, transactions=transactions(engine), deps=deps)
            client.headers["Authorization"] = f"Bearer {await shop.api_key()}"
            yield shop
            await simulator.control.webhooks_delivered()
    await engine.dispose()


@asynccontextmanager
async def _working(deps: Dependencies, database_url: str, mailbox: Mailbox) -> AsyncIterator[None]:
    parts = WorkerParts(
        open_transaction=unit_of_work(deps.engine),
        gateway=deps.gateway,
        post=mailbox,
        clock_driver=TemporalClockDriver(deps.temporal, SqlClockBook(deps.engine)),
        return_url=HostedLinks.of(deps.settings).payment_return,
        payment_page=HostedLinks.of(deps.settings).invoice,
    )
    events = GatewayEvents(engine=deps.engine, gateway=deps.gateway, temporal=deps.temporal)
    inbox = Inbox(engine=deps.engine, database_url=database_url, apply=events.apply)
    async with create_worker(deps.temporal, parts, task_queue=deps.task_queue):
        processing = asyncio.create_task(inbox.run())
        try:
            yield
        finally:
            processing.cancel()
            await asyncio.gather(processing, return_exceptions=True)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium; its absence is the one reason to skip these tests."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=list(_FLAGS), chromium_sandbox=False
        )
        yield browser
        await browser.close()


@pytest.fixture
def runs_scripts() -> bool:
    """Whether the browser does; tests that must hold without say so by parametrizing this."""
    return True


@pytest.fixture
async def page(chromium: Browser, *, runs_scripts: bool) -> AsyncIterator[Page]:
    """A telephone's window, and nothing remembered from before."""
    context = await chromium.new_context(
        viewport={"width": 320, "height": 640}, java_script_enabled=runs_scripts
    )
    context.set_default_timeout(20_000)
    yield await context.new_page()
    await context.close()


@pytest.fixture
def shopper(shop: Shop, page: Page, merchant: str) -> Shopper:
    """A customer of the merchant's."""
    return Shopper(shop=shop, page=page, merchant=merchant)


@pytest.fixture
async def subscriber(shop: Shop, page: Page, merchant: str, mailbox: Mailbox) -> Subscriber:
    """A customer who has five seats of Team since 1 April."""
    return await Subscriber.since_april(shop=shop, page=page, merchant=merchant, mailbox=mailbox)
