"""A customer who looks after their subscription: in the portal, and on an invoice's page."""

from dataclasses import dataclass
from typing import Any, Final, Self

import pytest
from playwright.async_api import Page

from billing.message import MessageKind
from tests.api.shop import Mailbox, Shop

GOOD: Final = "4242 4242 4242 4242"
DECLINED: Final = "pm_card_chargeCustomerFail"
ASKS_EACH_TIME: Final = "pm_card_authenticationRequired"

whatever_the_browser = pytest.mark.parametrize(
    "runs_scripts", [True, False], ids=["with scripts", "without scripts"]
)
"""What must hold for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Has five seats of Team at $16.00 since 2026-04-01, on a test clock, paid by a good card."""

    shop: Shop
    page: Page
    merchant: str
    mailbox: Mailbox
    clock: str
    customer: str
    subscription: str

    @classmethod
    async def since_april(cls, *, shop: Shop, page: Page, merchant: str, mailbox: Mailbox) -> Self:
        clock = await shop.clock("2026-04-01T00:00:00Z")
        customer = await shop.customer(card="pm_card_visa", clock=clock)
        made = await shop.made(
            "/v1/subscriptions",
            {"customer": customer, "price": "team_monthly", "quantity": 5, "trial": False},
        )
        assert made["status"] == "active"
        return cls(
            shop=shop,
            page=page,
            merchant=merchant,
            mailbox=mailbox,
            clock=clock,
            customer=customer,
            subscription=made["id"],
        )

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

    async def link(self) -> str:
        made = await self.shop.made(
            "/v1/portal_sessions",
            {"customer": self.customer, "return_url": f"{self.merchant}/account"},
        )
        return str(made["url"])

    async def open_portal(self) -> None:
        await self.page.goto(await self.link())
        await self.sees("Your subscriptions")

    async def open_mailed_invoice(self) -> None:
        """Follows the link of the latest message about a failed payment."""
        failed = [m for m in self.mailbox.messages if m.kind is MessageKind.PAYMENT_FAILED]
        assert failed[-1].url is not None
        await self.page.goto(failed[-1].url)

    async def sees(self, heading: str) -> None:
        await self.page.get_by_role("heading", name=heading, exact=True).wait_for()

    async def reads(self, text: str) -> None:
        await self.page.get_by_text(text).first.wait_for()

    async def clicks(self, name: str) -> None:
        """A button, or a link."""
        button = self.page.get_by_role("button", name=name, exact=True)
        await button.or_(self.page.get_by_role("link", name=name, exact=True)).first.click()

    async def enters_card(self, number: str) -> None:
        """On the gateway's page."""
        await self.page.get_by_label("Card number").fill(number)
        await self.page.get_by_label("Expiry (MM / YY)").fill("12 / 34")
        await self.page.get_by_label("Security code (CVC)").fill("123")
        await self.clicks("Save card")

    async def fits_the_window(self) -> bool:
        """Nothing has to be scrolled sideways."""
        return bool(
            await self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        )
