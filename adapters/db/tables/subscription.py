"""Subscriptions as last recorded, and who holds which place (policy P10, P16)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    DOCUMENT,
    EMPTY,
    INSTANT,
    MINOR_UNITS,
    NO,
    Row,
    currency_code,
    index,
    one_of,
    references,
    table_of,
)
from billing.subscription import SubscriptionStatus


class SubscriptionRow(Row, table=True):
    """The highest known revision: `state` is the whole truth, the columns are for finding it."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("price_id price_version", "prices.id prices.version"),
        references("product_id", "products.id"),
        references("test_clock_id", "test_clocks.id"),
        references("parent_id", "subscriptions.id"),
        one_of("status", SubscriptionStatus),
        currency_code(),
        CheckConstraint("quantity >= 1", name="quantity"),
        CheckConstraint("period_start < period_end", name="period"),
        CheckConstraint(
            "(status IN ('canceled', 'completed', 'incomplete_expired')) = (ended_at IS NOT NULL)",
            name="ended",
        ),
        CheckConstraint("status <> 'completed' OR is_purchase", name="completed"),
        CheckConstraint("state ->> 'subscription_id' = id", name="state"),
        index("subscriptions", "created_at id"),
        index("subscriptions", "customer_id created_at id"),
        index("subscriptions", "status created_at id"),
        index("subscriptions", "product_id created_at id"),
        index("subscriptions", "price_id price_version created_at id"),
        index("subscriptions", "next_action_at", where="next_action_at IS NOT NULL"),
        index("subscriptions", "period_end", where="ended_at IS NULL"),
        index("subscriptions", "test_clock_id", where="test_clock_id IS NOT NULL"),
        index("subscriptions", "parent_id", where="parent_id IS NOT NULL"),
        index(
            "subscriptions",
            "customer_id created_at id",
            where="is_purchase",
            name="subscriptions_purchases_idx",
        ),
    )

    id: str = Field(primary_key=True)
    customer_id: str
    product_id: str
    price_id: str
    price_version: int
    family: str
    quantity: int
    currency: str = Field(sa_type=CURRENCY)
    status: str
    period_start: datetime | None = Field(sa_type=INSTANT)
    period_end: datetime | None = Field(sa_type=INSTANT)
    trial_end: datetime | None = Field(sa_type=INSTANT)
    cancel_at: datetime | None = Field(sa_type=INSTANT)
    pending_change_at: datetime | None = Field(sa_type=INSTANT)
    resumes_at: datetime | None = Field(sa_type=INSTANT)
    ended_at: datetime | None = Field(sa_type=INSTANT)
    next_action_kind: str | None
    """One of `billing.agenda.ActionKind`; not checked here, as the state is the truth of it."""
    next_action_at: datetime | None = Field(sa_type=INSTANT)
    revision: int = Field(sa_type=MINOR_UNITS)
    test_clock_id: str | None
    parent_id: str | None
    """Of an add-on: what it is sold beside."""
    is_purchase: bool = Field(sa_column_kwargs={"server_default": NO})
    """Bought once without a subscription: it is none, and no list of subscriptions has it."""
    metadata_: dict[str, str] = Field(
        sa_column=Column("metadata", DOCUMENT, nullable=False, server_default=EMPTY)
    )
    created_at: datetime = Field(sa_type=INSTANT)
    state: dict[str, object] = Field(sa_type=DOCUMENT)


class LiveSubscriptionRow(Row, table=True):
    """The one live place per customer and product family."""

    __tablename__ = "live_subscriptions"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
    )

    customer_id: str = Field(primary_key=True)
    family: str = Field(primary_key=True)
    subscription_id: str = Field(unique=True)


class TrialRedemptionRow(Row, table=True):
    """The one trial per customer and product family, ever."""

    __tablename__ = "trial_redemptions"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
    )

    customer_id: str = Field(primary_key=True)
    family: str = Field(primary_key=True)
    subscription_id: str


subscriptions = table_of(SubscriptionRow)
live_subscriptions = table_of(LiveSubscriptionRow)
trial_redemptions = table_of(TrialRedemptionRow)
