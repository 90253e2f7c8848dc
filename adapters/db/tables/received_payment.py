"""Payments that reached the seller outside the gateway (policy P22)."""

from datetime import datetime

from sqlalchemy import CheckConstraint
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
from billing.received_payment import ReceivedBy


class ReceivedPaymentRow(Row, table=True):
    """One payment of one invoice, once per reference; append-only.

    A trigger compares what they pay with what the invoice says was paid.
    """

    __tablename__ = "received_payments"
    __table_args__ = (
        references("invoice_id", "invoices.id"),
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
        currency_code(),
        one_of("method", ReceivedBy),
        CheckConstraint("reference <> ''", name="reference"),
        CheckConstraint(
            "0 < applied_minor AND applied_minor <= amount_minor AND 0 <= left_minor"
            " AND (left_minor = 0 OR applied_minor = amount_minor)",
            name="applied_minor",
        ),
        index("received_payments", "invoice_id reference", unique=True),
    )

    id: str = Field(primary_key=True)
    invoice_id: str
    customer_id: str
    subscription_id: str
    command_id: str
    """Of the audit log, which has who recorded it and why."""
    currency: str = Field(sa_type=CURRENCY)
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    applied_minor: int = Field(sa_type=MINOR_UNITS)
    """What of it paid the invoice; the rest became the customer's balance."""
    left_minor: int = Field(sa_type=MINOR_UNITS)
    """What was still to pay after it."""
    method: str
    reference: str
    received_at: datetime = Field(sa_type=INSTANT)
    booked_at: datetime = Field(sa_type=INSTANT)
    """When it was recorded, on the subscription's clock."""
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


received_payments = table_of(ReceivedPaymentRow)
