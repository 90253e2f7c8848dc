"""Holding a played year against what it must have come to.

Owns the comparisons: invoices against the stories, ledger against invoices, and ledger against the
money that Stripe took. Does not own how findings are shown (`cli.demo.report`).
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from billing.ledger import Account
from billing.money import Money
from cli.demo.answers import (
    Invoice,
    LedgerReport,
    StripeCharge,
    StripeCharges,
    StripeCustomers,
    Subscription,
)
from cli.demo.client import Client
from cli.demo.stories import ExpectedInvoice, Story

_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A story after it was played."""

    story: Story
    customer_id: str
    email: str
    subscription: Subscription
    invoices: tuple[Invoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one comparison."""

    subject: str
    is_well: bool
    detail: str


async def examine(year: Sequence[Played], *, api: Client, stripe: Client) -> tuple[Finding, ...]:
    """Every comparison, the failed ones included."""
    customer_ids = [played.customer_id for played in year]
    ledger, charges = await asyncio.gather(
        api.read(LedgerReport, "/v1/reports/ledger", {"customer": customer_ids}),
        _charges(stripe, [played.email for played in year]),
    )
    return (
        *(_story_finding(played) for played in year),
        _balance_finding(ledger),
        _cash_finding(ledger, charges),
        _count_finding(year, charges),
    )


def _story_finding(played: Played) -> Finding:
    story, subscription = played.story, played.subscription
    detail = f"{subscription.status}, {len(played.invoices)} invoices"
    differences = [*_state_differences(story, subscription), *_invoice_differences(played)]
    if differences:
        detail = f"{detail}: {'; '.join(differences)}"
    return Finding(subject=f"{played.story.name}'s story", is_well=not differences, detail=detail)


def _state_differences(story: Story, subscription: Subscription) -> Iterator[str]:
    if subscription.status != story.status:
        yield f"should be {story.status}"
    if subscription.end_reason != story.end_reason:
        yield f"ended for {subscription.end_reason}, should be {story.end_reason}"


def _invoice_differences(played: Played) -> Iterator[str]:
    expected = {invoice.start: invoice for invoice in played.story.invoices}
    found = Counter(invoice.period.start for invoice in played.invoices)
    for start, times in found.items():
        if times > 1:
            yield f"{times} invoices from {start:%Y-%m-%d %H:%M}"
        if start not in expected:
            yield f"nothing was due from {start:%Y-%m-%d %H:%M}"
    for start in expected.keys() - found.keys():
        yield f"no invoice from {start:%Y-%m-%d %H:%M}"
    for invoice in played.invoices:
        if invoice.period.start in expected:
            yield from _differences(invoice, expected[invoice.period.start])


def _differences(invoice: Invoice, expected: ExpectedInvoice) -> Iterator[str]:
    if invoice.total.money != expected.total:
        yield f"{invoice.number} is of {invoice.total.money}, should be {expected.total}"
    if invoice.status != "paid" or invoice.amount_paid != invoice.total:
        yield f"{invoice.number} is {invoice.status}, {invoice.amount_paid.money} are paid"
    outcomes = tuple(attempt.outcome for attempt in invoice.attempts)
    if outcomes != expected.outcomes:
        yield f"{invoice.number} was tried with {outcomes}, should be {expected.outcomes}"


def _balance_finding(ledger: LedgerReport) -> Finding:
    debits, credits_ = Counter[str](), Counter[str]()
    for account in ledger.trial_balance:
        debits[account.currency] += account.debits_minor
        credits_[account.currency] += account.credits_minor
    return Finding(
        subject="The ledger balances",
        is_well=ledger.balanced and bool(debits) and debits == credits_,
        detail=f"debits {_text(debits)}; credits {_text(credits_)}",
    )


def _cash_finding(ledger: LedgerReport, charges: Sequence[StripeCharge]) -> Finding:
    booked, captured = Counter[str](), Counter[str]()
    for account in ledger.trial_balance:
        if account.account == Account.CASH:
            booked[account.currency] += account.debits_minor - account.credits_minor
    for charge in charges:
        captured[charge.currency.upper()] += charge.amount_captured - charge.amount_refunded
    return Finding(
        subject="Cash in the ledger is what Stripe captured",
        is_well=bool(booked) and booked == captured,
        detail=f"booked {_text(booked)}; captured {_text(captured)}",
    )


def _count_finding(year: Sequence[Played], charges: Sequence[StripeCharge]) -> Finding:
    paid = sum(
        attempt.outcome == "paid"
        for played in year
        for invoice in played.invoices
        for attempt in invoice.attempts
    )
    succeeded = sum(charge.status == "succeeded" for charge in charges)
    return Finding(
        subject="Every payment is one charge",
        is_well=paid == succeeded,
        detail=f"{paid} payments, {succeeded} charges",
    )


async def _charges(stripe: Client, emails: Sequence[str]) -> list[StripeCharge]:
    """Every charge of every customer at Stripe with one of these addresses."""
    found = await asyncio.gather(*(_charges_of(stripe, email) for email in emails))
    return [charge for charges in found for charge in charges]


async def _charges_of(stripe: Client, email: str) -> list[StripeCharge]:
    customers = await stripe.read(
        StripeCustomers, "/v1/customers", {"email": email, "limit": _PAGE}
    )
    charges: list[StripeCharge] = []
    for customer in customers.data:
        query: dict[str, str | int] = {"customer": customer.id, "limit": _PAGE}
        while True:
            page = await stripe.read(StripeCharges, "/v1/charges", query)
            charges.extend(page.data)
            if not page.has_more:
                break
            query["starting_after"] = page.data[-1].id
    return charges


def _text(sums: Mapping[str, int]) -> str:
    amounts = (
        str(Money(amount_minor=amount_minor, currency=currency))
        for currency, amount_minor in sorted(sums.items())
    )
    return ", ".join(amounts) or "nothing"
