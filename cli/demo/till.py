"""The customers' money at Stripe: what was charged, refunded and disputed there.

Owns the reading of it by the customers' addresses. A till shared with other runs of the demo holds
more; fees are left out.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cli.demo.answers import StripeCharge, StripeCharges, StripeCustomers, StripeDisputes
from cli.demo.client import Client
from cli.demo.played import Sums

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Taken:
    """A charge, and what disputes have moved of it: below zero what is gone."""

    charge: StripeCharge
    disputed_minor: int

    @property
    def held_minor(self) -> int:
        """What is left of it."""
        return self.charge.amount_captured - self.charge.amount_refunded + self.disputed_minor


@dataclass(frozen=True, slots=True)
class Till:
    """Every charge of some customers."""

    taken: tuple[Taken, ...]

    @property
    def held(self) -> Sums:
        """What is left of all, by currency."""
        sums = Counter[str]()
        for each in self.taken:
            sums[each.charge.currency.upper()] += each.held_minor
        return {currency: minor for currency, minor in sums.items() if minor}

    @property
    def payments(self) -> Counter[tuple[str, int]]:
        """Every charge that succeeded: its payment, and how much."""
        return Counter(
            (each.charge.payment_intent, each.charge.amount_captured)
            for each in self.taken
            if each.charge.status == "succeeded"
        )


async def read_till(stripe: Client, emails: Sequence[str]) -> Till:
    """Every charge of every customer at Stripe with one of these addresses."""
    found = await asyncio.gather(*(_of_address(stripe, email) for email in emails))
    return Till(tuple(taken for of_address in found for taken in of_address))


async def _of_address(stripe: Client, email: str) -> list[Taken]:
    customers = await stripe.read(
        StripeCustomers, "/v1/customers", {"email": email, "limit": _PAGE}
    )
    charges = [charge for each in customers.data for charge in await _charges(stripe, each.id)]
    return [Taken(charge, await _disputed_minor(stripe, charge)) for charge in charges]


async def _charges(stripe: Client, customer_id: str) -> list[StripeCharge]:
    query: dict[str, str | int] = {"customer": customer_id, "limit": _PAGE}
    found: list[StripeCharge] = []
    while True:
        page = await stripe.read(StripeCharges, "/v1/charges", query)
        found.extend(page.data)
        if not page.has_more:
            return found
        query["starting_after"] = found[-1].id


async def _disputed_minor(stripe: Client, charge: StripeCharge) -> int:
    if not charge.disputed:
        return 0
    page = await stripe.read(StripeDisputes, "/v1/disputes", {"charge": charge.id, "limit": _PAGE})
    return sum(
        movement.amount for dispute in page.data for movement in dispute.balance_transactions
    )
