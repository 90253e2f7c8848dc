"""One-off charges and the invoices that took them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    DOCUMENT,
    INSTANT,
    MINOR_UNITS,
    NOW,
    Row,
    currency_code,
    index,
    one_of,
    references,
    table_of,
)
from billing.invoice_item import InvoiceItemStatus


class InvoiceItemRow(Row, table=True):
    """Something charged once; it leaves `pending` once."""

    __tablename__ = "invoice_items"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id"),
        references("invoice_id", "invoices.id", deferred=True),
        currency_code(),
        one_of("status", InvoiceItemStatus),
        CheckConstraint("quantity >= 1", name="quantity"),
        CheckConstraint("amount_minor >= 0", name="amount_minor"),
        CheckConstraint("period_start < period_end", name="period"),
        CheckConstraint("(status = 'invoiced') = (invoice_id IS NOT NULL)", name="invoiced"),
        CheckConstraint("(status = 'pending') = (closed_at IS NULL)", name="closed"),
        CheckConstraint("sold ? 'price_id'", name="sold"),
        index("invoice_items", "customer_id created_at id"),
        index("invoice_items", "subscription_id", where="status = 'pending'"),
        index("invoice_items", "invoice_id", where="invoice_id IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    customer_id: str
    subscription_id: str
    description: str
    quantity: int
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    currency: str = Field(sa_type=CURRENCY)
    period_start: datetime = Field(sa_type=INSTANT)
    period_end: datetime = Field(sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)
    status: str
    invoice_id: str | None
    closed_at: datetime | None = Field(sa_type=INSTANT)
    sold: dict[str, object] | None = Field(sa_type=DOCUMENT)
    """A `billing.invoice_item.SoldOnce` where it has a price of the catalog."""
    discountable: bool = Field(sa_column_kwargs={"server_default": text("true")})
    """Whether the subscription's coupons are for it."""
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


invoice_items = table_of(InvoiceItemRow)
