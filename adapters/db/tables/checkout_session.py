"""Checkout sessions: pages on which a customer completes a subscription."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

from adapters.db.tables.schema import INSTANT, Row, index, one_of, references, table_of


class CheckoutSessionStatus(StrEnum):
    """Stripe's statuses."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class CheckoutSessionRow(Row, table=True):
    """One page; the gateway's id and address are known once it was made."""

    __tablename__ = "checkout_sessions"
    __table_args__ = (
        references("customer_id", "customers.id"),
        one_of("status", CheckoutSessionStatus),
        index("checkout_sessions", "created_at id"),
        index("checkout_sessions", "customer_id created_at id"),
    )

    id: str = Field(primary_key=True)
    subscription_id: str = Field(unique=True)
    """No foreign key: the session is recorded before the subscription it starts."""
    customer_id: str
    stripe_session_id: str | None = Field(unique=True)
    url: str | None
    success_url: str
    cancel_url: str
    status: str
    expires_at: datetime = Field(sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)


checkout_sessions = table_of(CheckoutSessionRow)
