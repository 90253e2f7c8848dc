"""Finalised invoices, their lines and the counter of their numbers (policy P29)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
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
from billing.invoice import InvoiceStatus


class InvoiceRow(Row, table=True):
    """Immutable but for what was paid and how it was closed; a trigger says so."""

    __tablename__ = "invoices"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
        references("issuer", "invoice_counters.issuer"),
        currency_code(),
        one_of("status", InvoiceStatus),
        CheckConstraint("period_start < period_end", name="period"),
        CheckConstraint("0 <= paid_minor AND paid_minor <= total_minor", name="paid_minor"),
        CheckConstraint(
            "(status = 'paid') = (paid_at IS NOT NULL)"
            " AND (status <> 'paid' OR paid_minor = total_minor)",
            name="paid",
        ),
        CheckConstraint("(status = 'void') = (voided_at IS NOT NULL)", name="void"),
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
    status: str
    period_start: datetime = Field(sa_type=INSTANT)
    period_end: datetime = Field(sa_type=INSTANT)
    finalized_at: datetime = Field(sa_type=INSTANT)
    due_at: datetime = Field(sa_type=INSTANT)
    paid_at: datetime | None = Field(sa_type=INSTANT)
    voided_at: datetime | None = Field(sa_type=INSTANT)
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


class InvoiceLineRow(Row, table=True):
    """One rounded amount; append-only."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        references("invoice_id", "invoices.id", deferred=True),
        references("price_id price_version", "prices.id prices.version"),
        currency_code(),
        CheckConstraint("period_start < period_end", name="period"),
        CheckConstraint("position >= 1", name="position"),
    )

    invoice_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    description: str
    price_id: str
    price_version: int
    quantity: int
    period_start: datetime = Field(sa_type=INSTANT)
    period_end: datetime = Field(sa_type=INSTANT)
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    currency: str = Field(sa_type=CURRENCY)


class InvoiceCounterRow(Row, table=True):
    """The last number given, per issuing entity; its row lock makes the numbers gapless."""

    __tablename__ = "invoice_counters"
    __table_args__ = (CheckConstraint("last_sequence >= 0", name="last_sequence"),)

    issuer: str = Field(primary_key=True)
    prefix: str
    last_sequence: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": text("0")})


invoices = table_of(InvoiceRow)
invoice_lines = table_of(InvoiceLineRow)
invoice_counters = table_of(InvoiceCounterRow)
