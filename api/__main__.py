"""`python -m api`: serves the HTTP API until it is told to stop.

Owns the process: its connections and the server's settings.
"""

import asyncio
import sys

import structlog
import uvicorn

from adapters.catalog_file import read_catalog
from adapters.db.engine import create_engine, transactions
from adapters.logging import configure_logging
from adapters.settings import Settings
from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from adapters.temporal.connection import connect
from api.app import create_app
from api.dependencies import Dependencies
from billing.errors import Conflict, InvalidInput

_log = structlog.get_logger("api")


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; answers under way are finished.

    Before the first request the catalog file is put on sale. Raises `InvalidInput` and `Conflict`
    for a file that must not be: better no API than one that sells something else.
    """
    catalog = read_catalog(settings.catalog_path)
    engine = create_engine(settings.database_url.get_secret_value())
    try:
        async with transactions(engine)() as tx:
            await tx.catalog.put_on_sale(catalog)
        async with connect_stripe(
            api_key=settings.stripe_api_key.get_secret_value(), api_base=settings.stripe_api_base
        ) as stripe:
            dependencies = Dependencies(
                engine=engine,
                temporal=await connect(),
                gateway=StripeGateway(stripe),
                settings=settings,
            )
            config = uvicorn.Config(
                create_app(dependencies),
                host=settings.api_host,
                port=settings.api_port,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=5,
            )
            await uvicorn.Server(config).serve()
    finally:
        await engine.dispose()


def main() -> None:
    """The process's entry."""
    settings = Settings.model_validate({})
    configure_logging(settings.log_format)
    try:
        asyncio.run(run(settings))
    except (InvalidInput, Conflict) as refused:
        _log.error("catalog.refused", reason=refused.message)
        sys.exit(1)


if __name__ == "__main__":
    main()
