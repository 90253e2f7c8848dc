"""Messages to customers: what was to be sent, and whether it was."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import (
    DOCUMENT,
    INSTANT,
    NOW,
    Row,
    index,
    references,
    table_of,
)


class MessageRow(Row, table=True):
    """One message; begun before it is handed over, sent afterwards."""

    __tablename__ = "messages"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
        CheckConstraint("attempts >= 1", name="attempts"),
        index("messages", "subscription_id at"),
        index("messages", "begun_at", where="sent_at IS NULL", name="messages_unsent_idx"),
    )

    key: str = Field(primary_key=True)
    kind: str
    """One of `billing.message.MessageKind`; not checked here, as it grows with the wording."""
    customer_id: str
    subscription_id: str
    at: datetime = Field(sa_type=INSTANT)
    content: dict[str, object] = Field(sa_type=DOCUMENT)
    attempts: int = Field(sa_column_kwargs={"server_default": text("1")})
    begun_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})
    sent_at: datetime | None = Field(sa_type=INSTANT)


messages = table_of(MessageRow)
