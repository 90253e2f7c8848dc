"""Invoice items: one-off charges, on a subscription's next invoice or on one of their own.

Owns the value and what it says on an invoice. Does not own how one is sold, when one may be added
and what charging it does (`billing.one_off_charge`), taking it into an invoice
(`activities.period_billing`, `activities.one_off_charge`) nor collecting that.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from billing.assessment import ItemTerms
from billing.explanation import Explanation
from billing.invoice_line import InvoiceLine
from billing.money import Money
from billing.period import Period
from billing.price import MAX_QUANTITY
from billing.pricing import check_chargeable, check_not_too_large
from billing.tax import Taxation, TaxCategory
from billing.value import Instant, Value

_MOMENT: Final = timedelta(seconds=1)


class InvoiceItemStatus(StrEnum):
    """What became of an item; nothing leads out of the last three."""

    PENDING = "pending"
    INVOICED = "invoiced"
    CANCELED = "canceled"
    LAPSED = "lapsed"
    """The subscription ended before an invoice could take it."""


class SoldOnce(Value):
    """A one-off price as it was sold: what explains, discounts and taxes the item's line."""

    price_id: str
    price_version: int
    product_id: str
    tax_category: TaxCategory | None = None
    tax_inclusive: bool = False
    explanation: Explanation


class InvoiceItem(Value):
    """Something charged once, beside what a subscription costs."""

    id: str
    customer_id: str
    subscription_id: str
    description: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    amount: Money
    """Of all units together."""
    period: Period
    """When the service is or was rendered."""
    created_at: Instant
    status: InvoiceItemStatus = InvoiceItemStatus.PENDING
    invoice_id: str | None = None
    """The invoice that took it."""
    closed_at: Instant | None = None
    sold: SoldOnce | None = None
    """None for an amount that has no price in the catalog."""
    discountable: bool = True
    """Whether the subscription's coupons are for it, as far as they are for its product."""

    @property
    def line(self) -> InvoiceLine:
        """As it stands on an invoice; it is never prorated."""
        sold = self.sold
        return InvoiceLine(
            description=self.description,
            price_id=None if sold is None else sold.price_id,
            price_version=None if sold is None else sold.price_version,
            quantity=self.quantity,
            period=self.period,
            amount=self.amount,
            explanation=None if sold is None else sold.explanation,
            item_id=self.id,
        )

    def terms(self, taxation: Taxation) -> ItemTerms | None:
        """What discounts and taxes its line; None where it is taxed as what is subscribed."""
        if self.sold is None:
            return None
        return ItemTerms(
            item_id=self.id,
            product_id=self.sold.product_id,
            treatment=taxation.of(self.sold.tax_category),
            tax_inclusive=self.sold.tax_inclusive,
        )


def moment(at: datetime) -> Period:
    """The period of what is rendered at once."""
    return Period(start=at, end=at + _MOMENT)


def amount_of(*, unit_amount_minor: int, quantity: int, currency: str) -> Money:
    """What all units cost. Raises `InvalidInput` (`amount_too_large`, `amount_not_chargeable`)."""
    amount = Money(amount_minor=unit_amount_minor * quantity, currency=currency)
    check_not_too_large(amount, what=f"a quantity of {quantity}")
    check_chargeable(amount)
    return amount
