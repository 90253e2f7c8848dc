"""The outbox of domain events: append-only but for the mark of delivery."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity
from sqlmodel import Field

from adapters.db.tables.schema import DOCUMENT, EMPTY, INSTANT, Row, index, references, table_of


class DomainEventRow(Row, table=True):
    """One thing that happened; `id` grows in the order of writing."""

    __tablename__ = "domain_events"
    __table_args__ = (
        references("customer_id", "customers.id", deferred=True),
        references("subscription_id", "subscriptions.id", deferred=True),
        index("domain_events", "subscription_id at id"),
        index("domain_events", "customer_id at id"),
        index(
            "domain_events",
            "id",
            where="delivered_at IS NULL",
            name="domain_events_undelivered_idx",
        ),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    key: str = Field(unique=True)
    type: str
    at: datetime = Field(sa_type=INSTANT)
    customer_id: str
    subscription_id: str | None
    details: dict[str, str | int | None] = Field(
        sa_type=DOCUMENT, sa_column_kwargs={"server_default": EMPTY}
    )
    delivered_at: datetime | None = Field(sa_type=INSTANT)


domain_events = table_of(DomainEventRow)
