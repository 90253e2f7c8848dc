"""Customers and their saved payment methods."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, text
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    DOCUMENT,
    EMPTY,
    INSTANT,
    NOW,
    Row,
    currency_code,
    index,
    references,
    table_of,
)
from billing.locale import DEFAULT_LOCALE


class CustomerRow(Row, table=True):
    """One customer. Deleting keeps the row: invoices and the ledger point at it."""

    __tablename__ = "customers"
    __table_args__ = (
        currency_code(),
        CheckConstraint("address ->> 'country' ~ '^[A-Z]{2}$'", name="address"),
        CheckConstraint("segment ~ '^[a-z][a-z0-9_]{1,62}$'", name="segment"),
        CheckConstraint("net_days BETWEEN 1 AND 365", name="net_days"),
        references("test_clock_id", "test_clocks.id"),
        index("customers", "created_at id"),
        index("customers", "email created_at id"),
        index("customers", "test_clock_id", where="test_clock_id IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    email: str
    name: str | None
    metadata_: dict[str, str] = Field(
        sa_column=Column("metadata", DOCUMENT, nullable=False, server_default=EMPTY)
    )
    currency: str | None = Field(sa_type=CURRENCY)
    locale: str = Field(sa_column_kwargs={"server_default": DEFAULT_LOCALE})
    """How amounts and days are written for them; a BCP 47 tag."""
    segment: str | None
    """Which kind of customer, as the seller divides them; decides the dunning ladder."""
    address: dict[str, object] | None = Field(sa_type=DOCUMENT)
    """As `Address` is written; its country and region decide the tax (policy P4)."""
    vat_id: str | None
    """Of a form that was checked, without spaces."""
    tax_exempt: bool = Field(sa_column_kwargs={"server_default": text("false")})
    test_clock_id: str | None
    stripe_customer_id: str | None = Field(unique=True)
    default_payment_method_id: str | None
    """The gateway's id. No foreign key: it may be known before its details are read."""
    default_choices: int = Field(sa_column_kwargs={"server_default": text("0")})
    """How often another default was chosen: the number of the present choice."""
    created_at: datetime = Field(sa_type=INSTANT)
    deleted_at: datetime | None = Field(sa_type=INSTANT)
    net_days: int | None
    """Of an invoice customer: invoices are sent, and due so many days later (policy P22)."""


class PaymentMethodRow(Row, table=True):
    """What may be shown of a saved method; the card itself stays at the gateway."""

    __tablename__ = "payment_methods"
    __table_args__ = (
        CheckConstraint("exp_month BETWEEN 1 AND 12", name="exp_month"),
        references("customer_id", "customers.id"),
        index("payment_methods", "customer_id created_at id"),
    )

    id: str = Field(primary_key=True)
    customer_id: str
    type: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})
    detached_at: datetime | None = Field(sa_type=INSTANT)


customers = table_of(CustomerRow)
payment_methods = table_of(PaymentMethodRow)
