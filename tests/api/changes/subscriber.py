"""A customer on a test clock with one subscription, and what is asked about it.

Owns the requests that the tests of changes and commands make again and again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from adapters.db.engine import reading
from adapters.db.queries import catalog
from billing import anchor
from billing.ids import derived_id
from billing.offer import terms_of
from billing.subscription import Clock, SubscriptionState, SubscriptionStatus
from tests.api.shop import Shop

Json = Any

_STORED_AT: Final = datetime(2026, 4, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One subscription of a customer on a test clock of their own."""

    shop: Shop
    customer: str
    clock: str
    path: str

    async def live_until(self, instant: str) -> None:
        """Moves the clock; what falls due on the way happens."""
        await self.shop.advance(self.clock, instant)

    async def read(self) -> Json:
        """The subscription as the API shows it."""
        return await self.shop.read(self.path)

    async def command(
        self, name: str, body: Json = None, *, key: str | None = None, version: str | None = None
    ) -> httpx.Response:
        """The answer to a command, based on a version where one is given."""
        headers = {} if key is None else {"Idempotency-Key": key}
        if version is not None:
            headers["If-Match"] = version
        return await self.shop.client.post(f"{self.path}/{name}", json=body or {}, headers=headers)

    async def done(self, name: str, body: Json = None, *, key: str | None = None) -> Json:
        """What a command came to; it must succeed."""
        answer = await self.command(name, body, key=key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def preview(self, **wanted: str | int) -> Json:
        """What a change would do."""
        return await self.done("change/preview", wanted)

    async def change(self, **wanted: str | int) -> Json:
        """What a change did."""
        return await self.done("change", wanted)

    async def save_card(self, card: str) -> None:
        """Later charges use it."""
        await self.shop.made(
            f"/v1/customers/{self.customer}/payment_methods",
            {"payment_method": card, "make_default": True},
        )

    async def invoices(self) -> list[Json]:
        """Every finalised invoice, in the order of their numbers: two may have one instant."""
        page = await self.shop.read("/v1/invoices", customer=self.customer, limit=100)
        numbered = [invoice for invoice in page["data"] if invoice["number"] is not None]
        return sorted(numbered, key=lambda invoice: str(invoice["number"]))

    async def charged(self) -> list[str]:
        """What payments brought in by each invoice, the earliest first."""
        return [invoice["amount_paid"]["text"] for invoice in await self.invoices()]

    async def books_balance(self) -> bool:
        """As the ledger's report says."""
        return bool((await self.shop.read("/v1/reports/ledger"))["balanced"])


async def subscribed(
    shop: Shop, price: str, *, at: str, seats: int = 1, trial: bool = False
) -> Subscriber:
    """A customer who bought `price` at that instant."""
    clock = await shop.clock(at)
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    made = await shop.made(
        "/v1/subscriptions",
        {"customer": customer, "price": price, "quantity": seats, "trial": trial},
    )
    return Subscriber(
        shop=shop, customer=customer, clock=clock, path=f"/v1/subscriptions/{made['id']}"
    )


async def stored_subscriber(
    shop: Shop, price: str, *, seats: int, currency: str = "USD"
) -> Subscriber:
    """A subscription that is recorded as active and has no workflow."""
    clock = await shop.clock(_STORED_AT.isoformat())
    customer = await shop.customer(clock=clock)
    async with reading(shop.deps.engine) as connection:
        offer = await catalog.offer(connection, price)
    assert offer is not None
    sold = offer.in_currency(currency)
    state = SubscriptionState(
        subscription_id=derived_id("sub", customer),
        customer_id=customer,
        terms=terms_of(sold, quantity=seats, trial=None, segment=None),
        clock=Clock(frozen_at=_STORED_AT),
        revision=1,
        status=SubscriptionStatus.ACTIVE,
        created_at=_STORED_AT,
        checkout_expires_at=_STORED_AT,
        anchor_at=_STORED_AT,
        period_number=0,
        period=anchor.period(_STORED_AT, offer.price.require_interval(), 0),
    )
    async with shop.transactions() as tx:
        await tx.subscriptions.save(state)
    path = f"/v1/subscriptions/{state.subscription_id}"
    return Subscriber(shop=shop, customer=customer, clock=clock, path=path)
