"""A customer who looks after their own subscription over HTTP.

Owns what the stories of the portal and of invoices' pages begin with.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from simulator.tls import tls_context
from tests.api.hosted.plain_browser import PlainBrowser, Sheet
from tests.api.shop import Shop

RETURN_URL: Final = "https://shop.example/account"
DECLINED: Final = "pm_card_chargeCustomerFail"
ASKS_EACH_TIME: Final = "pm_card_authenticationRequired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Has Team at $16.00 a seat on a test clock, paid by a good card."""

    shop: Shop
    browser: PlainBrowser
    clock: str
    customer: str
    subscription: str

    @classmethod
    async def since_april(cls, shop: Shop, browser: PlainBrowser, *, seats: int = 5) -> Self:
        clock = await shop.clock("2026-04-01T00:00:00Z")
        customer = await shop.customer(card="pm_card_visa", clock=clock)
        made = await shop.made(
            "/v1/subscriptions",
            {"customer": customer, "price": "team_monthly", "quantity": seats, "trial": False},
        )
        assert made["status"] == "active"
        return cls(
            shop=shop, browser=browser, clock=clock, customer=customer, subscription=made["id"]
        )

    async def link(self, **options: str | int) -> str:
        body = {"customer": self.customer, "return_url": RETURN_URL, **options}
        return str((await self.shop.made("/v1/portal_sessions", body))["url"])

    async def portal(self) -> Sheet:
        """The portal's first page, by a fresh link."""
        return await self.browser.open(await self.link())

    async def page(self, path: str) -> Sheet:
        """A page of the subscription, in the portal that is open."""
        return await self.browser.open(f"/hosted/portal/subscriptions/{self.subscription}/{path}")

    async def prefers(self, card: str) -> None:
        """The customer's default becomes another card."""
        await self.shop.made(
            f"/v1/customers/{self.customer}/payment_methods",
            {"payment_method": card, "make_default": True},
        )

    async def advance(self, to: str) -> None:
        await self.shop.advance(self.clock, to)

    async def now(self) -> dict[str, Any]:
        """The subscription as the API says it."""
        state: dict[str, Any] = await self.shop.read(f"/v1/subscriptions/{self.subscription}")
        return state

    async def invoices(self) -> list[dict[str, Any]]:
        """The latest first."""
        found: list[dict[str, Any]] = (
            await self.shop.read("/v1/invoices", customer=self.customer)
        )["data"]
        return found


@asynccontextmanager
async def opened_browser(shop: Shop) -> AsyncIterator[PlainBrowser]:
    """A browser with an empty jar, in front of the shop's pages."""
    transport = httpx.ASGITransport(shop.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url=shop.deps.settings.public_url
    ) as client:
        yield PlainBrowser(client)


async def enter_card(page_url: str, number: str) -> str:
    """Completes the gateway's page; returns where it sends the browser."""
    async with httpx.AsyncClient(verify=tls_context()) as browser:
        answer = await browser.post(
            page_url, data={"number": number, "expiry": "12/34", "cvc": "123"}
        )
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])
