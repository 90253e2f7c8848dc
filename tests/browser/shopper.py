"""A customer with a browser: what they do on the pages, and what is true of them afterwards."""

from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page

from tests.api.shop import Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopper:
    """Buys five seats of Team without a trial: $80.00 at once."""

    shop: Shop
    page: Page
    merchant: str

    async def open_checkout(self) -> dict[str, Any]:
        """The merchant opens a checkout and sends the browser there."""
        session: dict[str, Any] = await self.shop.made(
            "/v1/checkout/sessions",
            {
                "customer": await self.shop.customer(),
                "price": "team_monthly",
                "quantity": 5,
                "trial": False,
                "success_url": f"{self.merchant}/welcome?from=mail",
                "cancel_url": f"{self.merchant}/pricing",
            },
        )
        await self.page.goto(session["url"])
        return session

    async def enter_card(self, number: str) -> None:
        """Fills in the form by its labels."""
        await self.page.get_by_label("Card number").fill(number)
        await self.page.get_by_label("Expiry (MM / YY)").fill("12 / 34")
        await self.page.get_by_label("Security code (CVC)").fill("123")

    async def save_card(self) -> None:
        await self.page.get_by_role("button", name="Save card").click()

    async def arrives(self, session: dict[str, Any]) -> None:
        """The browser lands on the merchant's page, which learns the session's id."""
        await self.page.wait_for_url(f"{self.merchant}/welcome**")
        assert self.page.url == (
            f"{self.merchant}/welcome?from=mail&checkout_session_id={session['id']}"
        )

    async def subscriptions(self, session: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            await self.shop.read("/v1/subscriptions", customer=session["customer"])
        )["data"]
        return found

    async def fits_the_window(self) -> bool:
        """Nothing has to be scrolled sideways."""
        return bool(
            await self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        )
