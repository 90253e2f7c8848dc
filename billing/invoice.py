"""Invoices: what is owed for which period.

Owns the document's values and its totals. A finalised invoice never changes (policy P29); its
status alone moves, open → paid or void. Does not own numbers (given by the database in the
finalising transaction) nor collecting (`billing.payment`).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from pydantic import model_validator

from billing.catalog import Price
from billing.currency import CurrencyCode
from billing.ids import derived_id
from billing.money import Money
from billing.period import Period
from billing.pricing import price_of
from billing.proration import LineRef
from billing.value import Instant, Value

LATE: Final = timedelta(days=1)


class InvoiceStatus(StrEnum):
    """Stripe's statuses; what has no number yet is not stored, so there is no draft here."""

    OPEN = "open"
    PAID = "paid"
    VOID = "void"


class InvoiceLine(Value):
    """One rounded amount for one thing over its own period."""

    description: str
    price_id: str
    price_version: int
    quantity: int
    period: Period
    amount: Money
    credits: LineRef | None = None
    """The debit that a negative line gives back a part of."""


class InvoiceDraft(Value):
    """An invoice ready to be finalised: everything but its number."""

    id: str
    customer_id: str
    subscription_id: str
    currency: CurrencyCode
    period: Period
    finalized_at: Instant
    due_at: Instant
    lines: tuple[InvoiceLine, ...]
    total: Money
    """May be negative: what a change gives back beyond what it costs."""
    change_id: str | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum((line.amount for line in self.lines), Money.zero(self.currency))
        if total != self.total:
            raise ValueError("an invoice is the sum of its lines")
        return self


class InvoiceRecord(Value):
    """A finalised invoice and what was paid on it."""

    id: str
    number: str
    status: InvoiceStatus
    customer_id: str
    subscription_id: str
    total: Money
    paid: Money
    """What payments brought in."""
    from_balance: Money
    """What the customer's balance paid, when the invoice was finalised."""
    period: Period
    due_at: Instant
    change_id: str | None = None

    @property
    def amount_due(self) -> Money:
        """What is still to be collected; zero once paid or void."""
        if self.status is not InvoiceStatus.OPEN:
            return Money.zero(self.total.currency)
        return self.total - self.from_balance - self.paid


def change_invoice_id(subscription_id: str, change_id: str) -> str:
    """The same for the same change, so that it is invoiced once (policy P32)."""
    return derived_id("in", subscription_id, "change", change_id)


def invoice_id(subscription_id: str, period_number: int) -> str:
    """The same id for the same period, so that a period can be invoiced only once (policy P32)."""
    return derived_id("in", subscription_id, str(period_number))


def draft_for_period(
    *,
    customer_id: str,
    subscription_id: str,
    price: Price,
    product_name: str,
    quantity: int,
    period: Period,
    period_number: int,
    now: datetime,
) -> InvoiceDraft:
    """One period in advance, due at the beginning of the period."""
    amount = price_of(price, quantity)
    line = InvoiceLine(
        description=describe_line(price, product_name=product_name, quantity=quantity),
        price_id=price.id,
        price_version=price.version,
        quantity=quantity,
        period=period,
        amount=amount,
    )
    return InvoiceDraft(
        id=invoice_id(subscription_id, period_number),
        customer_id=customer_id,
        subscription_id=subscription_id,
        currency=price.currency,
        period=period,
        finalized_at=now,
        due_at=due_at(period, now),
        lines=(line,),
        total=amount,
    )


def due_at(period: Period, now: datetime) -> datetime:
    """The period's start; for a period that an outage made a day late or more, the present.

    So a customer whose card is declined then still gets the whole dunning ladder (policy P18).
    """
    return period.start if now - period.start < LATE else now


def describe_line(price: Price, *, product_name: str, quantity: int) -> str:
    """What the customer reads: `Team, 5 seats, every month`."""
    units = price.unit_name if quantity == 1 else f"{price.unit_name}s"
    return f"{product_name}, {quantity} {units}, {price.interval}"
