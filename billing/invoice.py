"""Invoices: what is owed for which period.

Owns the document's values and its totals. A finalised invoice never changes (policy P29); its
status alone moves, open → paid, void or uncollectible. Does not own numbers (given by the database
in the finalising transaction) nor collecting (`billing.payment`).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final, Self

from pydantic import model_validator

from billing.catalog import Price
from billing.currency import CurrencyCode, largest_charge_minor
from billing.explanation import Explanation
from billing.ids import derived_id
from billing.money import Money
from billing.period import Period
from billing.pricing import charge_for, rounded
from billing.proration import LineRef
from billing.value import Instant, Value

LATE: Final = timedelta(days=1)
_WHOLE: Final = Fraction(1)


class InvoiceStatus(StrEnum):
    """Stripe's statuses; what has no number yet is not stored, so there is no draft here."""

    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    """Still owed, and nobody expects it to be paid: a bad debt."""


class InvoiceLine(Value):
    """One rounded amount for one thing over its own period."""

    description: str
    price_id: str | None
    """None for what has no price in the catalog: a one-off charge."""
    price_version: int | None
    quantity: int
    period: Period
    amount: Money
    credits: LineRef | None = None
    """The debit that a negative line gives back a part of."""
    explanation: Explanation | None = None
    """How the amount came about; None where it follows from another line."""
    item_id: str | None = None
    """The invoice item that it charges; such a line is never prorated."""


def carried_over(total: Money, *, of: InvoiceLine) -> InvoiceLine | None:
    """What no charge can take of `total` and comes on the next invoice (policy P5, P6).

    That is all of what is below the minimum, or less than one step of the currency. Its line is
    named after the one that it is left of. None where all can be taken, or nothing is owed.
    """
    owed, currency = total.amount_minor, total.currency
    left = owed - largest_charge_minor(owed, currency)
    if owed <= 0 or not left:
        return None
    amount = Money(amount_minor=left, currency=currency)
    return of.model_copy(
        update={
            "description": f"Carried over: {of.description}",
            "amount": amount,
            "explanation": None,
        }
    )


def negated(line: InvoiceLine) -> InvoiceLine:
    """Takes a line off an invoice that goes on a later one."""
    return line.model_copy(
        update={"description": "Carried to the next invoice", "amount": -line.amount}
    )


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
    carried: tuple[InvoiceLine, ...] = ()
    """What it does not collect: on the next invoice (policy P5, P6)."""

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
        """What is still to be collected; zero once it is closed."""
        if self.status is not InvoiceStatus.OPEN:
            return Money.zero(self.total.currency)
        return self.total - self.from_balance - self.paid


def change_invoice_id(subscription_id: str, change_id: str) -> str:
    """The same for the same change, so that it is invoiced once (policy P32)."""
    return derived_id("in", subscription_id, "change", change_id)


def item_invoice_id(subscription_id: str, item_id: str) -> str:
    """The same for the same item, so that it is invoiced once (policy P32)."""
    return derived_id("in", subscription_id, "item", item_id)


def invoice_id(subscription_id: str, period_number: int) -> str:
    """The same id for the same period, so that a period can be invoiced only once (policy P32)."""
    return derived_id("in", subscription_id, str(period_number))


def draft_for_period(  # noqa: PLR0913 - what a document is made of
    *,
    customer_id: str,
    subscription_id: str,
    price: Price,
    product_name: str,
    quantity: int,
    period: Period,
    share: Fraction = _WHOLE,
    period_number: int,
    carried: tuple[InvoiceLine, ...] = (),
    items: tuple[InvoiceLine, ...] = (),
    now: datetime,
) -> InvoiceDraft:
    """One period in advance, or `share` of it, due at its beginning; with `items` and `carried`.

    `items` are what is charged once. What cannot be collected is carried on; an invoice that costs
    nothing is no occasion to collect what was carried before (policy P5).
    """
    charged = charge_for(price, quantity, share=share)
    amount = rounded(charged)
    line = InvoiceLine(
        description=describe_line(price, product_name=product_name, quantity=quantity),
        price_id=price.id,
        price_version=price.version,
        quantity=quantity,
        period=period,
        amount=amount,
        explanation=charged,
    )
    costs = bool(amount.amount_minor or items)
    lines, left = ((line, *items, *carried), ()) if costs else ((line,), carried)
    over = carried_over(_sum(lines), of=line)
    if over is not None:
        lines, left = (*lines, negated(over)), (over,)
    return InvoiceDraft(
        id=invoice_id(subscription_id, period_number),
        customer_id=customer_id,
        subscription_id=subscription_id,
        currency=price.currency,
        period=period,
        finalized_at=now,
        due_at=due_at(period, now),
        lines=lines,
        total=_sum(lines),
        carried=left,
    )


def draft_for_item(
    line: InvoiceLine, *, customer_id: str, subscription_id: str, item_id: str, now: datetime
) -> InvoiceDraft:
    """What is charged once by an invoice of its own, due at once; too little is carried (P5)."""
    over = carried_over(line.amount, of=line)
    lines, left = ((line,), ()) if over is None else ((line, negated(over)), (over,))
    return InvoiceDraft(
        id=item_invoice_id(subscription_id, item_id),
        customer_id=customer_id,
        subscription_id=subscription_id,
        currency=line.amount.currency,
        period=line.period,
        finalized_at=now,
        due_at=now,
        lines=lines,
        total=_sum(lines),
        carried=left,
    )


def draft_for_change(
    *,
    customer_id: str,
    subscription_id: str,
    change_id: str,
    lines: tuple[InvoiceLine, ...],
    carried: tuple[InvoiceLine, ...],
    at: datetime,
    now: datetime,
) -> InvoiceDraft:
    """What a change of the subscription costs from `at` on, due at once (policy P11).

    All of `lines`, but for what is `carried` to the next invoice.
    """
    lines = (*lines, *(negated(line) for line in carried))
    total = _sum(lines)
    end = max(line.period.end for line in lines)
    return InvoiceDraft(
        id=change_invoice_id(subscription_id, change_id),
        customer_id=customer_id,
        subscription_id=subscription_id,
        currency=total.currency,
        period=Period(start=at, end=end),
        finalized_at=now,
        due_at=now,
        lines=lines,
        total=total,
        change_id=change_id,
        carried=carried,
    )


def _sum(lines: tuple[InvoiceLine, ...]) -> Money:
    return sum((line.amount for line in lines), Money.zero(lines[0].amount.currency))


def due_at(period: Period, now: datetime) -> datetime:
    """The period's start; for a period that an outage made a day late or more, the present.

    So a customer whose card is declined then still gets the whole dunning ladder (policy P18).
    """
    return period.start if now - period.start < LATE else now


def describe_line(price: Price, *, product_name: str, quantity: int) -> str:
    """What the customer reads: `Team, 5 seats, every month`."""
    units = price.unit_name if quantity == 1 else f"{price.unit_name}s"
    return f"{product_name}, {quantity} {units}, {price.interval}"
