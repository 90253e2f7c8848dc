"""The connection to Stripe.

Owns the pinned API version, the timeout, the address and what carries requests there. Never retries
by itself: waiting and trying again are Temporal's (policy P19).
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import stripe
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from stripe import AIOHTTPClient, APIConnectionError, StripeClient

API_VERSION: Final = "2026-10-28.endive"
"""What the installed package was generated for; events of other versions are refused."""

STRIPE: Final = "https://api.stripe.com"
TIMEOUT_SECONDS: Final = 30.0


@asynccontextmanager
async def connect_stripe(
    *, api_key: str, api_base: str | None = None
) -> AsyncIterator[StripeClient]:
    """A client whose connections are closed with the block; `api_base` None is Stripe itself.

    A proxy that the environment names is used; it is looked for once.
    """
    address = (api_base or STRIPE).rstrip("/")
    trusted = ssl.create_default_context(cafile=stripe.ca_bundle_path)
    async with ClientSession(
        connector=TCPConnector(ssl=trusted),
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=TIMEOUT_SECONDS),
        proxy=_proxy_to(address),
    ) as session:
        yield StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={} if api_base is None else {"api": address},
            max_network_retries=0,
            http_client=_Transport(timeout=None, session=session),
        )


def _proxy_to(address: str) -> str | None:
    """As the environment's variables are usually written: `proxy:3128` is one of HTTP."""
    url = urlsplit(address)
    proxy = None if proxy_bypass(url.hostname or "") else getproxies().get(url.scheme)
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


class _Transport(AIOHTTPClient):
    """The SDK's own, which takes a half of HTTPX's time; it forgets to name a broken answer."""

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: object = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Raises `APIConnectionError` where an answer breaks off, as where none comes."""
        try:
            return await super().request_async(method, url, headers, post_data=post_data)
        except (ClientError, TimeoutError) as broken:
            reason = f"the answer broke off: {type(broken).__name__}"
            raise APIConnectionError(reason) from broken  # type: ignore[no-untyped-call]  # the SDK's
