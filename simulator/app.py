"""The ASGI application: the API, the hosted pages, and the control API where it may exist.

Owns putting the parts together and their life. Does not own any behaviour.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from simulator.account import Account, Clock
from simulator.api import StripeApi
from simulator.config import SimulatorConfig
from simulator.control_api import ControlApi
from simulator.deliveries import Deliveries
from simulator.errors import StripeFailure
from simulator.hosted_pages import HostedPages, refusal_page
from simulator.timers import run_timers

_log = structlog.get_logger("simulator")


def create_app(config: SimulatorConfig, *, clock: Clock = time.time) -> Starlette:
    """The simulator as an ASGI application; its state opens and closes with its lifespan.

    With a live key, or without a control token, there is no control API at all.
    """
    account = Account(config, clock)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        background = [
            asyncio.create_task(Deliveries(account).run(), name="deliveries"),
            asyncio.create_task(run_timers(account), name="timers"),
        ]
        for task in background:
            task.add_done_callback(_report)
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            account.close()

    api = StripeApi(account)
    routes: list[BaseRoute] = [
        Route("/health", _health),
        *HostedPages(account).routes(),
    ]
    if config.control_token is not None and not config.livemode:
        routes.append(Mount("/_control", routes=ControlApi(account).routes()))
    routes.append(Mount("/", app=api))
    return Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={StripeFailure: refusal_page}
    )


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("background.broke", task=task.get_name(), reason=repr(task.exception()))


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok")
