"""Disputes of payments, as the gateway last told (policy P31)."""

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
from billing.dispute import DisputeState


class DisputeRow(Row, table=True):
    """One dispute; its state moves forward, and its money changes only while it is an inquiry."""

    __tablename__ = "disputes"
    __table_args__ = (
        references("invoice_id", "invoices.id"),
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
        one_of("state", DisputeState),
        currency_code(),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        CheckConstraint("(state IN ('won', 'lost')) = (closed_at IS NOT NULL)", name="closed"),
        index("disputes", "payment_id"),
        index("disputes", "opened_at id"),
        index("disputes", "customer_id opened_at id"),
        index("disputes", "subscription_id opened_at id"),
    )

    id: str = Field(primary_key=True)
    payment_id: str
    invoice_id: str
    customer_id: str
    subscription_id: str
    currency: str = Field(sa_type=CURRENCY)
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    state: str
    reason: str
    opened_at: datetime = Field(sa_type=INSTANT)
    closed_at: datetime | None = Field(sa_type=INSTANT)
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


disputes = table_of(DisputeRow)
