"""`python -m api`: serves the HTTP API until it is told to stop.

Owns the process: its connections and the server's settings.
"""

import asyncio

import uvicorn

from adapters.db.engine import create_engine
from adapters.logging import configure_logging
from adapters.settings import Settings
from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from adapters.temporal.connection import connect
from api.app import create_app
from api.dependencies import Dependencies


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; answers under way are finished."""
    engine = create_engine(settings.database_url.get_secret_value())
    try:
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
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
