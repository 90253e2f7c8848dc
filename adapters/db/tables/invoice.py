"""Finalised invoices and their lines (policy P29)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    DOCUMENT,
    EMPTY,
    INSTANT,
    MINOR_UNITS,
    NOW,
    PERCENT,
    ZERO,
    Row,
    currency_code,
    index,
    one_of,
    references,
    table_of,
    tax_of_line,
)
from billing.invoice import InvoiceStatus


class InvoiceRow(Row, table=True):
    """Immutable but for what was paid and how it was closed; a trigger says so."""

    __tablename__ = "invoices"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
        currency_code(),
        one_of("status", InvoiceStatus),
        CheckConstraint("period_start < period_end", name="period"),
        CheckConstraint(
            "0 <= paid_minor AND 0 <= balance_minor"
            " AND paid_minor + balance_minor <= greatest(total_minor, 0)",
            name="paid_minor",
        ),
        CheckConstraint(
            "(status = 'paid') = (paid_at IS NOT NULL)"
            " AND (status <> 'paid' OR paid_minor + balance_minor = greatest(total_minor, 0))",
            name="paid",
        ),
        CheckConstraint("discount_minor >= 0", name="discount_minor"),
        CheckConstraint("net_days BETWEEN 1 AND 365", name="net_days"),
        CheckConstraint("(status = 'void') = (voided_at IS NOT NULL)", name="void"),
        CheckConstraint(
            "(status <> 'uncollectible' OR uncollectible_at IS NOT NULL)"
            " AND (uncollectible_at IS NULL OR status IN ('uncollectible', 'paid'))",
            name="uncollectible",
        ),
        index("invoices", "issuer sequence", unique=True),
        index("invoices", "issuer number", unique=True),
        index("invoices", "finalized_at id"),
        index("invoices", "customer_id finalized_at id"),
        index("invoices", "subscription_id finalized_at id"),
        index("invoices", "due_at", where="status = 'open'", name="invoices_open_due_at_idx"),
    )

    id: str = Field(primary_key=True)
    issuer: str
    sequence: int = Field(sa_type=MINOR_UNITS)
    number: str
    customer_id: str
    subscription_id: str
    currency: str = Field(sa_type=CURRENCY)
    total_minor: int = Field(sa_type=MINOR_UNITS)
    paid_minor: int = Field(sa_type=MINOR_UNITS)
    balance_minor: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": text("0")})
    """What the customer's balance paid, when the invoice was finalised."""
    discount_minor: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": ZERO})
    tax_minor: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": ZERO})
    """What of the total is tax; a trigger compares all three with the lines."""
    tax_included_minor: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": ZERO})
    """What of the tax is a part of the lines' amounts."""
    status: str
    period_start: datetime = Field(sa_type=INSTANT)
    period_end: datetime = Field(sa_type=INSTANT)
    finalized_at: datetime = Field(sa_type=INSTANT)
    due_at: datetime = Field(sa_type=INSTANT)
    paid_at: datetime | None = Field(sa_type=INSTANT)
    voided_at: datetime | None = Field(sa_type=INSTANT)
    uncollectible_at: datetime | None = Field(sa_type=INSTANT)
    """It stays where a bad debt is paid after all."""
    change_id: str | None
    particulars: dict[str, Any] = Field(
        sa_type=DOCUMENT, sa_column_kwargs={"server_default": EMPTY}
    )
    """`billing.particulars.Particulars`, as they were when it was finalised."""
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})
    net_days: int | None
    """Where it was sent and not charged: the customer's when it was finalised (policy P22)."""


class InvoiceLineRow(Row, table=True):
    """One rounded amount; append-only. What names another line gives back a part of that."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        references("invoice_id", "invoices.id", deferred=True),
        references(
            "credits_invoice_id credits_position",
            "invoice_lines.invoice_id invoice_lines.position",
        ),
        references("price_id price_version", "prices.id prices.version"),
        references("item_id", "invoice_items.id", deferred=True),
        currency_code(),
        CheckConstraint("period_start < period_end", name="period"),
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint(
            "(price_id IS NULL) = (price_version IS NULL)"
            " AND (price_id IS NOT NULL OR item_id IS NOT NULL)",
            name="price",
        ),
        CheckConstraint(
            "(credits_invoice_id IS NULL) = (credits_position IS NULL)"
            " AND (credits_invoice_id IS NULL OR amount_minor < 0)",
            name="credits",
        ),
        CheckConstraint(
            "0 <= discount_minor AND discount_minor <= greatest(amount_minor, 0)",
            name="discount_minor",
        ),
        *tax_of_line(),
        index(
            "invoice_lines",
            "credits_invoice_id credits_position",
            where="credits_invoice_id IS NOT NULL",
        ),
    )

    invoice_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    description: str
    price_id: str | None
    price_version: int | None
    quantity: int
    period_start: datetime = Field(sa_type=INSTANT)
    period_end: datetime = Field(sa_type=INSTANT)
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    currency: str = Field(sa_type=CURRENCY)
    credits_invoice_id: str | None
    credits_position: int | None
    explanation: dict[str, object] | None = Field(sa_type=DOCUMENT)
    """A `billing.explanation.Explanation`: how the amount came about."""
    item_id: str | None
    """The one-off charge that it is; such a line is never prorated."""
    discount_minor: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": ZERO})
    """The sum of its rows in `invoice_discounts`."""
    tax_jurisdiction: str | None
    tax_name: str | None
    tax_rate: Decimal | None = Field(sa_type=PERCENT)
    """In percent."""
    tax_reason: str | None
    """Why none is charged."""
    tax_category: str | None
    """Of what was sold; none where it has none, or from before lines had it."""
    tax_inclusive: bool = Field(sa_column_kwargs={"server_default": text("false")})
    """Whether the amount includes it."""
    tax_minor: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": ZERO})


class InvoiceDiscountRow(Row, table=True):
    """What one coupon takes off one line; append-only."""

    __tablename__ = "invoice_discounts"
    __table_args__ = (
        references("invoice_id line_position", "invoice_lines.invoice_id invoice_lines.position"),
        references("coupon_id", "coupons.id"),
        currency_code(),
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        index("invoice_discounts", "coupon_id"),
    )

    invoice_id: str = Field(primary_key=True)
    line_position: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    """The order in which the line's discounts were applied."""
    coupon_id: str
    name: str
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    currency: str = Field(sa_type=CURRENCY)


invoices = table_of(InvoiceRow)
invoice_lines = table_of(InvoiceLineRow)
invoice_discounts = table_of(InvoiceDiscountRow)
