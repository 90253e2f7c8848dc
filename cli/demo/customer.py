"""A customer of the small company, and what they do in a year.

Owns the steps that stories are told with: what customers ask of the API through the shop that they
buy in, and what they do themselves on hosted pages. Steps on pages are not keyed: they look first
whether they are done. Does not own time (`cli.demo.life`) nor what the company's people and banks
do (`cli.demo.office`).
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cli.demo.answers import (
    Change,
    Checkout,
    Created,
    Invoice,
    PortalSession,
    Subscription,
)
from cli.demo.browser import MERCHANT_URL, Browser, Card
from cli.demo.client import Json
from cli.demo.errors import Refused
from cli.demo.life import Life, at
from cli.demo.records import Records

_SUCCESS_URL: Final = f"{MERCHANT_URL}welcome"
_CANCEL_URL: Final = f"{MERCHANT_URL}pricing"
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a customer stands, for those who watch."""

    name: str
    present: datetime
    subscription: Subscription
    invoices: tuple[Invoice, ...]


class DemoCustomer:
    """One customer on a test clock of their own."""

    def __init__(self, life: Life, browser: Browser, watch: Callable[[Standing], None]) -> None:
        self.life = life
        self._browser = browser
        self._watch = watch
        self._customer_id = ""
        self._subscription_id = ""

    @property
    def customer_id(self) -> str:
        """Known once the customer was `introduced`."""
        return self._customer_id

    @property
    def records(self) -> Records:
        """What is on record of the customer."""
        return Records(self.life.world.api, self._customer_id)

    @property
    def email(self) -> str:
        """Of this run alone: Stripe finds its customer by it."""
        return f"{self.life.name.lower()}.{self.life.world.run_id}@example.com"

    async def introduced(self, *, segment: str | None = None) -> None:
        """Makes the customer, on a clock that stands at the story's beginning."""
        body: Json = {
            "email": self.email,
            "name": self.life.name,
            "segment": segment,
            "test_clock": await self.life.begin(),
        }
        made = await self.life.post(Created, "/v1/customers", body, step="customer")
        self._customer_id = made.id

    async def check_out(
        self,
        price: str,
        *,
        cards: Sequence[Card],
        quantity: int = 1,
        trial: bool | None = None,
        currency: str | None = None,
    ) -> None:
        """Begins a subscription on the hosted page, trying the cards in their order."""
        pages: Json = {"success_url": _SUCCESS_URL, "cancel_url": _CANCEL_URL}
        body = {**self._order(price, quantity, trial=trial), "currency": currency, **pages}
        checkout = await self.life.post(
            Checkout, "/v1/checkout/sessions", body, step=self.life.now("checkout")
        )
        self._subscription_id = checkout.subscription
        if checkout.url is not None and not self.life.is_told:
            await self._browser.check_out(checkout.url, email=self.email, cards=cards)
        await self.show()

    async def subscribe(self, price: str, *, quantity: int = 1, trial: bool | None = None) -> None:
        """Begins a subscription with what is on file."""
        body = self._order(price, quantity, trial=trial)
        made = await self.life.post(
            Created, "/v1/subscriptions", body, step=self.life.now("subscribe")
        )
        self._subscription_id = made.id
        await self.show()

    async def save_card(self, payment_method: str) -> None:
        """The method becomes the one that later charges use."""
        body: Json = {"payment_method": payment_method, "make_default": True}
        path = f"/v1/customers/{self._customer_id}/payment_methods"
        await self.life.post(Created, path, body, step=self.life.now(f"card:{payment_method}"))

    async def change(self, **wanted: str | int) -> None:
        """Another price or quantity, asked for in the shop: in force, or at the period's end."""
        path = f"{self._path}/change"
        made = await self.life.post(Change, path, wanted, step=self.life.now("change"))
        results = [made.result]

        async def is_decided() -> bool:
            if results[-1] == "paying":
                change = await self.life.world.api.read(Change, f"{self._path}/changes/{made.id}")
                results.append(change.result)
            return results[-1] != "paying"

        await self.life.until(is_decided, "to have paid for a change")
        if results[-1] not in {"applied", "scheduled"} and not self.life.is_told:
            raise Refused(f"the change to {wanted} was {results[-1]}")
        await self.show()

    async def is_refused(self, command: str, code: str, **body: str | int) -> None:
        """A command that must be refused like this; raises `Refused` where it is otherwise."""
        step = self.life.now(f"refused:{command}")
        problem = await self.life.refused(f"{self._path}/{command}", body, step=step)
        if problem.code != code:
            raise Refused(f"{command} was refused for {problem.code}, should be {code}")

    async def change_in_portal(self, *, price: str, quantity: int) -> None:
        """Changes the plan in the portal, and confirms the payment where the bank asks for it.

        Chooses again where the system was out of reach and nothing came of it.
        """

        async def is_changed() -> bool:
            found = await self.read_subscription()
            if found.pending_change is not None:
                return True
            if (found.price, found.quantity) == (price, quantity):
                return True
            if self.life.is_told:
                return False
            if found.change is None:
                await self._choose(price, quantity)
            elif found.change.action_url is not None:
                await self._browser.confirm(found.change.action_url)
            return False

        await self.life.until(is_changed, f"to have {price}")
        await self.show()

    async def undo_change_in_portal(self) -> None:
        """Everything stays as it is."""

        async def is_undone() -> bool:
            if (await self.read_subscription()).pending_change is None:
                return True
            if not self.life.is_told:
                await self._browser.undo_change(await self._portal())
            return False

        await self.life.until(is_undone, "to keep what they have")
        await self.show()

    async def cancel(self, mode: str, *, unused: str = "none") -> None:
        """Cancels `at_period_end` or `now`; `unused` says what becomes of the rest."""
        reason = f"{self.life.name} asked for it"
        await self.command("cancel", mode=mode, unused=unused, reason=reason)

    async def undo_cancel(self) -> None:
        """Stays after all."""
        await self.command("undo_cancel", reason=f"{self.life.name} stays")

    async def pause(self, until: str) -> None:
        """Rests, and goes on by itself."""
        await self.command("pause", resumes_at=at(until).isoformat(), reason="on leave")

    async def pay_with_another_card(self, card: Card) -> None:
        """Follows the link of the message about a declined payment, and types another card."""
        owed = [invoice.pay_url for invoice in await self.records.invoices() if invoice.pay_url]
        if self.life.is_told or not owed:
            return
        await self._browser.use_another_card(owed[0], card, email=self.email)

    async def command(self, name: str, **body: str | int) -> None:
        """Asks for something, once."""
        path = f"{self._path}/{name}"
        await self.life.post(Subscription, path, body, step=self.life.now(name))
        await self.show()

    async def becomes(self, status: str) -> None:
        """Waits until the subscription has this status."""

        async def has_become() -> bool:
            return (await self.read_subscription()).status == status

        await self.life.until(has_become, f"to be {status}")
        await self.show()

    async def live_until(self, text: str, *, step_months: int = 1) -> None:
        """Lives on to an instant, some months at a time."""
        target = at(text)
        for stop in (*_firsts_between(self.life.present, target, step_months), target):
            await self.life.go_on(stop)
            await self.show()

    async def read_subscription(self) -> Subscription:
        """The subscription as it is now."""
        return await self.life.world.api.read(Subscription, self._path)

    async def show(self) -> None:
        """Tells those who watch, unless an earlier process did."""
        if self.life.is_told:
            return
        subscription, invoices = await asyncio.gather(
            self.read_subscription(), self.records.invoices()
        )
        self._watch(
            Standing(
                name=self.life.name,
                present=self.life.present,
                subscription=subscription,
                invoices=invoices,
            )
        )

    @property
    def _path(self) -> str:
        return f"/v1/subscriptions/{self._subscription_id}"

    def _order(
        self, price: str, quantity: int, *, trial: bool | None
    ) -> dict[str, str | int | None]:
        return {
            "customer": self._customer_id,
            "price": price,
            "quantity": quantity,
            "trial": trial,
        }

    async def _choose(self, price: str, quantity: int) -> None:
        choice = {"price": price, "quantity": str(quantity)}
        await self._browser.change_plan(await self._portal(), self._subscription_id, **choice)

    async def _portal(self) -> str:
        """A link into the portal; nothing is stored of it, so that each is another one."""
        body: Json = {"customer": self._customer_id, "return_url": MERCHANT_URL}
        step = f"portal:{secrets.token_hex(8)}"
        return (await self.life.post(PortalSession, "/v1/portal_sessions", body, step=step)).url


def _firsts_between(start: datetime, end: datetime, step_months: int) -> Iterator[datetime]:
    """The first instant of every `step_months`-th month between, without `end` itself."""
    months = start.year * _MONTHS + start.month - 1
    while True:
        months += step_months
        first = datetime(months // _MONTHS, months % _MONTHS + 1, 1, tzinfo=UTC)
        if first >= end:
            return
        yield first
