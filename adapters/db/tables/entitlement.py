"""What customers may do, from which source, and what operators granted them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from adapters.db.tables.schema import (
    DOCUMENT,
    INSTANT,
    NOW,
    Row,
    index,
    one_of,
    references,
    table_of,
)
from billing.actor import ActorKind


class EntitlementSource(StrEnum):
    """Where an entitlement comes from."""

    SUBSCRIPTION = "subscription"
    GRANT = "grant"


class FeatureRow(Row, table=True):
    """What a feature is, for ever: with a unit it is a limit, without one it is on or off."""

    __tablename__ = "features"

    id: str = Field(primary_key=True)
    unit: str | None
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


class EntitlementRow(Row, table=True):
    """What one source gives its customer now; written with what it follows from.

    The primary key is what a customer's entitlements are read by.
    """

    __tablename__ = "entitlements"
    __table_args__ = (
        references("customer_id", "customers.id"),
        one_of("source", EntitlementSource),
        CheckConstraint("entitlement ->> 'feature' = feature", name="entitlement"),
        index("entitlements", "feature customer_id"),
    )

    customer_id: str = Field(primary_key=True)
    source_id: str = Field(primary_key=True)
    feature: str = Field(primary_key=True)
    source: str
    entitlement: dict[str, object] = Field(sa_type=DOCUMENT)
    until: datetime | None = Field(sa_type=INSTANT)
    """When it stops by itself, on its customer's clock."""


class EntitlementGrantRow(Row, table=True):
    """What an operator granted a customer, until when, and why; it ends once."""

    __tablename__ = "entitlement_grants"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("feature", "features.id"),
        one_of("actor_kind", ActorKind),
        index("entitlement_grants", "customer_id created_at id"),
        index("entitlement_grants", "until", where="ended_at IS NULL AND until IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    customer_id: str
    feature: str
    entitlement: dict[str, object] = Field(sa_type=DOCUMENT)
    until: datetime | None = Field(sa_type=INSTANT)
    reason: str
    actor_kind: str
    actor_id: str
    created_at: datetime = Field(sa_type=INSTANT)
    ended_at: datetime | None = Field(sa_type=INSTANT)


features = table_of(FeatureRow)
entitlements = table_of(EntitlementRow)
entitlement_grants = table_of(EntitlementGrantRow)
