"""A customer of the small company, and what can happen in a year of theirs.

Owns the steps that stories are told with. Each is asked for under a key made of the run, the
customer and the story's own present, so that a story told again by a later process finds what the
first one did and goes on from there.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cli.demo.answers import Checkout, Created, Invoice, InvoicePage, Subscription, TestClock
from cli.demo.browser import Browser, Card
from cli.demo.client import AnswerT, Client, Json
from cli.demo.patience import Patience

_SUCCESS_URL: Final = "https://shop.example/welcome"
_CANCEL_URL: Final = "https://shop.example/pricing"
_PAGE: Final = 100
_MONTHS: Final = 12


def at(text: str) -> datetime:
    """`2026-01-17T09:30`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class World:
    """What every customer of one run shares."""

    run_id: str
    api: Client
    browser: Browser
    patience: Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a customer stands, for those who watch."""

    name: str
    present: datetime
    subscription: Subscription
    invoices: tuple[Invoice, ...]


class DemoCustomer:
    """One customer on a test clock of their own."""

    def __init__(
        self, world: World, name: str, present: datetime, watch: Callable[[Standing], None]
    ) -> None:
        self.name = name
        self._world = world
        self._present = present
        self._clock = TestClock(id="", status="ready", frozen_at=present)
        self._watch = watch
        self._customer_id = ""
        self._subscription_id = ""

    @property
    def customer_id(self) -> str:
        """Known once the customer was `introduced`."""
        return self._customer_id

    @property
    def subscription_id(self) -> str:
        """Known once the customer has checked out or subscribed."""
        return self._subscription_id

    @property
    def email(self) -> str:
        """Of this run alone: Stripe finds its customer by it."""
        return f"{self.name.lower()}.{self._world.run_id}@example.com"

    async def introduced(self) -> None:
        """Makes the customer, on a clock that stands at the story's beginning."""
        self._clock = await self._post(
            TestClock,
            "/v1/test_clocks",
            {"frozen_at": self._present.isoformat(), "name": f"{self.name}'s year"},
            "clock",
        )
        self._clock = await self._read_clock()
        customer = await self._post(
            Created,
            "/v1/customers",
            {"email": self.email, "name": self.name, "test_clock": self._clock.id},
            "customer",
        )
        self._customer_id = customer.id

    async def check_out(
        self, price: str, *, cards: Sequence[Card], quantity: int = 1, trial: bool | None = None
    ) -> None:
        """Begins a subscription on the hosted page, trying the cards in their order."""
        body: Json = {
            "customer": self._customer_id,
            "price": price,
            "quantity": quantity,
            "trial": trial,
            "success_url": _SUCCESS_URL,
            "cancel_url": _CANCEL_URL,
        }
        checkout = await self._post(Checkout, "/v1/checkout/sessions", body, "checkout")
        self._subscription_id = checkout.subscription
        if checkout.url is not None and not self._is_told:
            await self._world.browser.check_out(
                checkout.url, email=self.email, cards=cards, success_url=_SUCCESS_URL
            )
        await self._show()

    async def save_card(self, payment_method: str) -> None:
        """The method becomes the one that later charges use."""
        body: Json = {"payment_method": payment_method, "make_default": True}
        path = f"/v1/customers/{self._customer_id}/payment_methods"
        await self._post(Created, path, body, f"card:{payment_method}")

    async def subscribe(self, price: str, *, quantity: int = 1, trial: bool | None = None) -> None:
        """Begins a subscription with what is on file."""
        body: Json = {
            "customer": self._customer_id,
            "price": price,
            "quantity": quantity,
            "trial": trial,
        }
        made = await self._post(Subscription, "/v1/subscriptions", body, "subscribe")
        self._subscription_id = made.id
        await self._show()

    async def cancel(self, mode: str) -> None:
        """Cancels `at_period_end` or `now`."""
        body = {"mode": mode, "reason": f"{self.name} asked for it"}
        await self._command("cancel", body)

    async def undo_cancel(self) -> None:
        """Stays after all."""
        await self._command("undo_cancel", {"reason": f"{self.name} stays"})

    async def becomes(self, status: str) -> None:
        """Waits until the subscription has this status, unless the story is further already."""

        async def has_become() -> bool:
            if (await self.read_subscription()).status == status:
                return True
            self._clock = await self._read_clock()
            return self._is_told

        await self._world.patience.until(has_become, f"{self.name} to be {status}")
        await self._show()

    async def live_until(self, text: str, *, step_months: int = 1) -> None:
        """Moves the clock to an instant, some months at a time; what falls due happens."""
        target = at(text)
        for stop in (*_firsts_between(self._present, target, step_months), target):
            await self._advance(stop)
            await self._show()

    async def _advance(self, target: datetime) -> None:
        async def has_arrived() -> bool:
            self._clock = await self._read_clock()
            return self._clock.status == "ready" and self._clock.frozen_at >= target

        if self._clock.frozen_at < target:
            path = f"/v1/test_clocks/{self._clock.id}/advance"
            body = {"frozen_at": target.isoformat()}
            await self._post(TestClock, path, body, f"advance:{target.isoformat()}")
            await self._world.patience.until(has_arrived, f"{self.name}'s clock to arrive")
        self._present = target

    async def _command(self, name: str, body: Json) -> None:
        path = f"/v1/subscriptions/{self._subscription_id}/{name}"
        await self._post(Subscription, path, body, f"{name}:{self._present.isoformat()}")
        await self._show()

    async def _post(self, kind: type[AnswerT], path: str, body: Json, step: str) -> AnswerT:
        key = f"demo:{self._world.run_id}:{self.name}:{step}"
        return await self._world.api.post(kind, path, body, key=key)

    async def _read_clock(self) -> TestClock:
        return await self._world.api.read(TestClock, f"/v1/test_clocks/{self._clock.id}")

    async def read_subscription(self) -> Subscription:
        """The subscription as it is now."""
        return await self._world.api.read(
            Subscription, f"/v1/subscriptions/{self._subscription_id}"
        )

    async def read_invoices(self) -> tuple[Invoice, ...]:
        """Every invoice, the earliest first."""
        query: dict[str, str | int] = {"customer": self._customer_id, "limit": _PAGE}
        found: list[Invoice] = []
        while True:
            page = await self._world.api.read(InvoicePage, "/v1/invoices", query)
            found.extend(page.data)
            if page.next_cursor is None:
                return tuple(sorted(found, key=lambda invoice: invoice.period.start))
            query["cursor"] = page.next_cursor

    @property
    def _is_told(self) -> bool:
        """Whether an earlier process of the run came further than here."""
        return self._clock.status != "ready" or self._clock.frozen_at > self._present

    async def _show(self) -> None:
        if self._is_told:
            return
        subscription, invoices = await asyncio.gather(
            self.read_subscription(), self.read_invoices()
        )
        self._watch(
            Standing(
                name=self.name,
                present=self._present,
                subscription=subscription,
                invoices=invoices,
            )
        )


def _firsts_between(start: datetime, end: datetime, step_months: int) -> Iterator[datetime]:
    """The first instant of every `step_months`-th month between, without `end` itself."""
    months = start.year * _MONTHS + start.month - 1
    while True:
        months += step_months
        first = datetime(months // _MONTHS, months % _MONTHS + 1, 1, tzinfo=UTC)
        if first >= end:
            return
        yield first
