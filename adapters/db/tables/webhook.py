"""The inbox of the gateway's webhooks: stored first, processed afterwards."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import DOCUMENT, INSTANT, NOW, Row, index, table_of


class WebhookRow(Row, table=True):
    """One event of the gateway; an insert notifies the channel `webhook_inbox`."""

    __tablename__ = "webhook_inbox"
    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts"),
        index(
            "webhook_inbox",
            "next_attempt_at",
            where="processed_at IS NULL",
            name="webhook_inbox_due_idx",
        ),
    )

    event_id: str = Field(primary_key=True)
    type: str
    api_version: str | None
    payload: dict[str, object] = Field(sa_type=DOCUMENT)
    received_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})
    processed_at: datetime | None = Field(sa_type=INSTANT)
    attempts: int = Field(sa_column_kwargs={"server_default": text("0")})
    next_attempt_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})
    last_error: str | None


webhook_inbox = table_of(WebhookRow)
