"""The connection to Stripe.

Owns the pinned API version, the timeout and the address. Never retries by itself: waiting and
trying again are Temporal's (policy P19).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from stripe import HTTPXClient, StripeClient

API_VERSION: Final = "2026-10-28.endive"
"""What the installed package was generated for; events of other versions are refused."""

TIMEOUT_SECONDS: Final = 30.0


@asynccontextmanager
async def connect_stripe(
    *, api_key: str, api_base: str | None = None
) -> AsyncIterator[StripeClient]:
    """A client whose connections are closed with the block; `api_base` None is Stripe itself."""
    transport = HTTPXClient(timeout=TIMEOUT_SECONDS)
    try:
        yield StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={} if api_base is None else {"api": api_base.rstrip("/")},
            max_network_retries=0,
            http_client=transport,
        )
    finally:
        await transport.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
