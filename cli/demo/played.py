"""A story after it was played: everything on record of its customer.

Owns the reading of it, once, for the audit and the report alike.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from billing.money import Money
from cli.demo.answers import Amount, CreditNote, Dispute, Invoice, Subscription
from cli.demo.customer import DemoCustomer
from cli.demo.story import Ending, Story

Sums = dict[str, int]
"""Minor units by currency; a currency that nothing moved in is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One customer's year, as it is on record."""

    story: Story
    customer_id: str
    email: str
    subscription: Subscription
    invoices: tuple[Invoice, ...]
    credit_notes: tuple[CreditNote, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    balances: tuple[Amount, ...] = ()

    @property
    def ending(self) -> Ending:
        """How the subscription stands."""
        found = self.subscription
        return Ending(
            status=found.status,
            price=found.price,
            quantity=found.quantity,
            end_reason=found.end_reason,
        )

    @property
    def paid(self) -> Sums:
        """What payments at Stripe brought in."""
        return summed(Amount.of(invoice.by_card) for invoice in self.invoices)

    @property
    def transferred(self) -> Sums:
        """What came outside Stripe."""
        received = (each for invoice in self.invoices for each in invoice.received_payments)
        return summed(payment.amount for payment in received)

    @property
    def from_balance(self) -> Sums:
        """What the customer's balance paid."""
        return summed(invoice.from_balance for invoice in self.invoices)

    @property
    def credited(self) -> Sums:
        """What was given back to the balance."""
        return summed(note.to_balance for note in self.credit_notes)

    @property
    def refunded(self) -> Sums:
        """What was given back to cards."""
        return summed(note.to_card for note in self.credit_notes)

    @property
    def lost(self) -> Sums:
        """What banks have taken back for good."""
        return summed(dispute.amount for dispute in self.disputes if dispute.state == "lost")


async def played(story: Story, customer: DemoCustomer) -> Played:
    """What the customer's story has come to by now."""
    records = customer.records
    subscription, invoices, credit_notes, disputes, balance = await asyncio.gather(
        customer.read_subscription(),
        records.invoices(),
        records.credit_notes(),
        records.disputes(),
        records.balance(),
    )
    return Played(
        story=story,
        customer_id=customer.customer_id,
        email=customer.email,
        subscription=subscription,
        invoices=invoices,
        credit_notes=credit_notes,
        disputes=disputes,
        balances=balance.balances,
    )


def summed(amounts: Iterable[Amount]) -> Sums:
    """The amounts together, by currency."""
    sums: Sums = {}
    for amount in amounts:
        if amount.amount_minor:
            sums[amount.currency] = sums.get(amount.currency, 0) + amount.amount_minor
    return {currency: minor for currency, minor in sums.items() if minor}


def in_words(sums: Sums, *, nothing: str = "nothing") -> str:
    """`JPY 1,650, USD 80.00`."""
    amounts = (
        str(Money(amount_minor=minor, currency=currency))
        for currency, minor in sorted(sums.items())
    )
    return ", ".join(amounts) or nothing
