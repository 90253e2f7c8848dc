"""Refunds: money on its way back to a payment's source (policy P31)."""

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
from billing.refund import RefundState


class RefundRow(Row, table=True):
    """One refund per credit note; its state moves forward, its money never changes."""

    __tablename__ = "refunds"
    __table_args__ = (
        references("credit_note_id", "credit_notes.id"),
        references("invoice_id", "invoices.id"),
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
        one_of("state", RefundState),
        currency_code(),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        CheckConstraint("failed_creations >= 0", name="failed_creations"),
        index("refunds", "gateway_refund_id", unique=True, where="gateway_refund_id IS NOT NULL"),
        index("refunds", "requested_at id"),
        index("refunds", "invoice_id"),
        index("refunds", "customer_id requested_at id"),
        index("refunds", "subscription_id requested_at id"),
        index("refunds", "requested_at id", where="state = 'pending'", name="refunds_pending_idx"),
    )

    id: str = Field(primary_key=True)
    credit_note_id: str = Field(unique=True)
    invoice_id: str
    customer_id: str
    subscription_id: str
    payment_id: str
    currency: str = Field(sa_type=CURRENCY)
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    state: str
    gateway_refund_id: str | None
    failed_creations: int = Field(sa_column_kwargs={"server_default": text("0")})
    failure_reason: str | None
    is_external: bool = Field(sa_column_kwargs={"server_default": text("false")})
    requested_at: datetime = Field(sa_type=INSTANT)
    started_at: datetime | None = Field(sa_type=INSTANT)
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


refunds = table_of(RefundRow)
