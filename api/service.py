"""The API's process: serves until it is told to stop.

Owns its connections, the catalog that its first start publishes, and its orderly end.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters import garbage_collection
from adapters.catalog_file import read_sources
from adapters.catalog_publishing import is_published, publish_first
from adapters.db.engine import create_engine
from adapters.db.known_keys import KnownKeys, hearing
from adapters.logging import configure_logging
from adapters.settings import Settings
from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from adapters.tax_provider import tax_rates
from adapters.temporal.connection import connect
from api.app import create_app
from api.dependencies import Dependencies
from api.outage import DATABASE_ERRORS, is_outage
from api.present import machine_now
from api.server import CannotStart, listening, serving
from billing.actor import Actor, ActorKind
from billing.errors import PerennialError

log = structlog.get_logger("api")


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Dependencies]:
    """Everything that the application needs, closed with the block.

    Raises `CannotStart` where Temporal is out of reach.
    """
    engine = create_engine(settings.database_url.get_secret_value())
    try:
        async with connect_stripe(
            api_key=settings.stripe_api_key.get_secret_value(), api_base=settings.stripe_api_base
        ) as stripe:
            try:
                temporal = await connect()
            except RuntimeError as error:
                raise CannotStart(f"Temporal is out of reach: {error}") from error
            yield Dependencies(
                engine=engine,
                temporal=temporal,
                gateway=StripeGateway(stripe),
                settings=settings,
                keys=KnownKeys(engine),
                taxes=tax_rates(settings, engine=engine, stripe=stripe),
            )
    finally:
        await engine.dispose()


async def publish_first_catalog(engine: AsyncEngine, settings: Settings) -> None:
    """Publishes the catalog's files where none were published before.

    Afterwards operators publish (`perennial catalog apply`); a start only says so where its files
    are others. Raises `CannotStart` where they are no catalog, or the database is out of reach.
    """
    now, actor = machine_now(), Actor(kind=ActorKind.SYSTEM, id="api")
    try:
        files = read_sources(settings.catalog_path)
        applied = await publish_first(engine, files, actor=actor, now=now)
        differs = applied is None and not await is_published(engine, files)
    except PerennialError as error:
        raise CannotStart(f"the catalog cannot be put on sale: {error.message}") from error
    except DATABASE_ERRORS as error:
        if not is_outage(error):
            raise
        raise CannotStart(f"the database is out of reach ({type(error).__name__})") from error
    if applied is not None:
        log.info("catalog.published", version=applied.version.number)
    elif differs:
        log.warning(
            "catalog.differs",
            path=str(settings.catalog_path),
            advice="what is published stays: see `perennial catalog plan`, then `apply`",
        )


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; requests under way are finished first."""
    listener = listening(settings.api_host, settings.api_port)
    async with connected(settings) as dependencies:
        await publish_first_catalog(dependencies.engine, settings)
        server = serving(create_app(dependencies))
        garbage_collection.begin()
        host, port = listener.getsockname()[:2]
        database_url = settings.database_url.get_secret_value()
        async with hearing(dependencies.known_keys, database_url):
            log.info("api.listening", host=host, port=port)
            await server.serve(sockets=[listener])
    log.info("api.stopped")


def main() -> int:
    """The exit code; 1 and one line that says why, where it cannot start."""
    try:
        settings = Settings.model_validate({})
    except ValidationError as error:
        for wrong in error.errors(include_input=False, include_url=False):
            sys.stderr.write(f"setting {wrong['loc'][0]}: {wrong['msg']}\n")
        return 1
    configure_logging(settings.log_format)
    try:
        asyncio.run(run(settings))
    except CannotStart as error:
        log.error("api.cannot_start", reason=str(error))  # noqa: TRY400 - the reason says it all
        return 1
    except KeyboardInterrupt:
        return 0
    return 0
