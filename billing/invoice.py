"""Invoices: what is owed for which period.

Owns the document's values and its totals; its lines are `billing.invoice_line`'s, their discounts
and taxes `billing.assessment`'s. A finalised invoice never changes (policy P29); its status alone
moves, open → paid, void or uncollectible. Does not own numbers (given by the database in the
finalising transaction) nor collecting (`billing.payment`).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final, Self

from pydantic import model_validator

from billing.assessment import Assessment, ItemTerms, PriceTerms, assessed
from billing.currency import CurrencyCode
from billing.discount import DiscountUse, RedeemedDiscount
from billing.ids import derived_id
from billing.invoice_line import InvoiceLine, carried_over, negated
from billing.money import Money
from billing.period import Period
from billing.price import Price
from billing.pricing import charge_for, rounded
from billing.tax import TaxTreatment
from billing.value import Instant, Value

__all__ = [
    "LATE",
    "InvoiceDraft",
    "InvoiceLine",
    "InvoiceRecord",
    "InvoiceStatus",
    "carried_over",
    "change_invoice_id",
    "describe_line",
    "draft_for_change",
    "draft_for_period",
    "due_at",
    "invoice_id",
    "negated",
]

LATE: Final = timedelta(days=1)
_WHOLE: Final = Fraction(1)


class InvoiceStatus(StrEnum):
    """Stripe's statuses; what has no number yet is not stored, so there is no draft here."""

    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    """Still owed, and nobody expects it to be paid: a bad debt."""


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
    uses: tuple[DiscountUse, ...] = ()
    """What it uses of the subscription's discounts (policy P3)."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum((line.total for line in self.lines), Money.zero(self.currency))
        if total != self.total:
            raise ValueError("an invoice is the sum of its lines, less discounts, with tax")
        return self

    @property
    def discount(self) -> Money:
        """What discounts take off; not negative."""
        return sum((line.discount for line in self.lines), Money.zero(self.currency))

    @property
    def tax(self) -> Money:
        """What of the total is tax, in prices or on top of them."""
        taxes = (line.tax.amount for line in self.lines if line.tax is not None)
        return sum(taxes, Money.zero(self.currency))

    @property
    def tax_included(self) -> Money:
        """What of the tax is a part of the lines' amounts."""
        taxes = (line.tax for line in self.lines if line.tax is not None)
        parts = (tax.amount - tax.added for tax in taxes)
        return sum(parts, Money.zero(self.currency))


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
    net_days: int | None = None
    """Of one that is sent and not charged: days until it is due (policy P22)."""
    change_id: str | None = None
    discount_minor: int = 0
    """What discounts took off, in minor units."""
    tax_minor: int = 0
    """What of the total is tax."""
    tax_included_minor: int = 0
    """What of the tax is a part of the lines' amounts."""

    @property
    def subtotal(self) -> Money:
        """The sum of the lines' amounts."""
        added = self.tax_minor - self.tax_included_minor
        minor = self.total.amount_minor + self.discount_minor - added
        return self.total.model_copy(update={"amount_minor": minor})

    @property
    def discount(self) -> Money:
        """What discounts took off; not negative."""
        return self.total.model_copy(update={"amount_minor": self.discount_minor})

    @property
    def tax(self) -> Money:
        """What of the total is tax, in prices or on top of them."""
        return self.total.model_copy(update={"amount_minor": self.tax_minor})

    @property
    def amount_due(self) -> Money:
        """What is still to be collected; zero once it is closed."""
        if self.status is not InvoiceStatus.OPEN:
            return Money.zero(self.total.currency)
        return self.owed

    @property
    def owed(self) -> Money:
        """What is not paid of it, also where nobody collects it any more: of a bad debt, too."""
        if self.status not in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}:
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
    in_advance: bool = True,
    used: tuple[InvoiceLine, ...] = (),
    used_terms: tuple[PriceTerms, ...] = (),
    carried: tuple[InvoiceLine, ...] = (),
    items: tuple[InvoiceLine, ...] = (),
    item_terms: tuple[ItemTerms, ...] = (),
    undiscounted: tuple[str, ...] = (),
    discounts: tuple[RedeemedDiscount, ...] = (),
    treatment: TaxTreatment | None = None,
    now: datetime,
) -> InvoiceDraft:
    """One period in advance, or `share` of it, due at its beginning; with `items` and `carried`.

    Before it comes what was `used` in arrears, by `used_terms`; without `in_advance` that is all.
    Where nothing is charged, there are no lines, and no invoice is made.
    `items` are what is charged once, by `item_terms` where those have prices; `discounts` are the
    subscription's, for all but what is `undiscounted`, and `treatment` is how what is charged is
    taxed. What cannot be collected is carried on; an invoice that costs nothing is no occasion to
    collect what was carried before (policy P5).
    """
    ahead = _ahead(price, product_name, quantity, period, share) if in_advance else ()
    charges = (*used, *ahead, *items)
    by = Assessment(
        product_id=price.product_id,
        items=item_terms,
        undiscounted=undiscounted,
        others=used_terms,
        discounts=discounts,
        period_number=period_number,
        treatment=treatment,
        tax_inclusive=price.tax_inclusive,
    )
    charge = assessed(charges, by)
    costs = _sum(charge.lines, price.currency).amount_minor > 0
    lines, left = ((*charge.lines, *carried), ()) if costs else (charge.lines, carried)
    named_after = (*ahead, *used[-1:], *items)
    total = _sum(lines, price.currency)
    over = carried_over(total, of=named_after[0]) if named_after else None
    if over is not None:
        lines, left = (*lines, negated(over)), (over,)
    return InvoiceDraft(
        id=invoice_id(subscription_id, period_number),
        customer_id=customer_id,
        subscription_id=subscription_id,
        currency=price.currency,
        period=_covered(used, ahead, period),
        finalized_at=now,
        due_at=due_at(period, now),
        lines=lines,
        total=_sum(lines, price.currency),
        carried=left,
        uses=charge.uses,
    )


def _ahead(
    price: Price, product_name: str, quantity: int, period: Period, share: Fraction
) -> tuple[InvoiceLine]:
    charged = charge_for(price, quantity, share=share)
    line = InvoiceLine(
        description=describe_line(price, product_name=product_name, quantity=quantity),
        price_id=price.id,
        price_version=price.version,
        quantity=quantity,
        period=period,
        amount=rounded(charged),
        explanation=charged,
    )
    return (line,)


def _covered(
    used: tuple[InvoiceLine, ...], ahead: tuple[InvoiceLine, ...], period: Period
) -> Period:
    """The time that an invoice is for; of one for nothing but items, what begins with it."""
    lines = (*used, *ahead)
    if not lines:
        return period
    return Period(
        start=min(line.period.start for line in lines), end=max(line.period.end for line in lines)
    )


def draft_for_item(
    line: InvoiceLine,
    *,
    customer_id: str,
    subscription_id: str,
    item_id: str,
    by: Assessment,
    now: datetime,
) -> InvoiceDraft:
    """What is charged once by an invoice of its own, due at once; too little is carried (P5)."""
    charge = assessed((line,), by)
    [line] = charge.lines
    over = carried_over(line.total, of=line)
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
        total=_sum(lines, line.amount.currency),
        carried=left,
        uses=charge.uses,
    )


def draft_for_change(
    *,
    customer_id: str,
    subscription_id: str,
    change_id: str,
    lines: tuple[InvoiceLine, ...],
    carried: tuple[InvoiceLine, ...],
    uses: tuple[DiscountUse, ...] = (),
    at: datetime,
    now: datetime,
) -> InvoiceDraft:
    """What a change of the subscription costs from `at` on, due at once (policy P11).

    All of `lines`, which are assessed, but for what is `carried` to the next invoice.
    """
    lines = (*lines, *(negated(line) for line in carried))
    total = _sum(lines, lines[0].amount.currency)
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
        uses=uses,
    )


def _sum(lines: tuple[InvoiceLine, ...], currency: str) -> Money:
    return sum((line.total for line in lines), Money.zero(currency))


def due_at(period: Period, now: datetime) -> datetime:
    """The period's start; for a period that an outage made a day late or more, the present.

    So a customer whose card is declined then still gets the whole dunning ladder (policy P18).
    """
    return period.start if now - period.start < LATE else now


def describe_line(price: Price, *, product_name: str, quantity: int) -> str:
    """What the customer reads: `Team, 5 seats, every month`; of a matrix, the cell as well."""
    units = price.unit_name if quantity == 1 else f"{price.unit_name}s"
    what = ", ".join((product_name, *price.configuration.values))
    return f"{what}, {quantity} {units}, {price.require_interval()}"
