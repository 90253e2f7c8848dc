"""The audit log: who did what, and why; append-only (policy P34)."""

from datetime import datetime

from sqlmodel import Field

from adapters.db.tables.schema import INSTANT, NOW, Row, index, one_of, table_of
from billing.actor import ActorKind


class AuditRow(Row, table=True):
    """One command that took effect."""

    __tablename__ = "audit_log"
    __table_args__ = (
        one_of("actor_kind", ActorKind),
        index("audit_log", "at"),
        index("audit_log", "actor_kind actor_id at"),
    )

    subject: str = Field(primary_key=True)
    """Callers choose command ids: they are unique within what they act on."""
    command_id: str = Field(primary_key=True)
    command: str
    actor_kind: str
    actor_id: str
    reason: str | None
    at: datetime = Field(sa_type=INSTANT)
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


audit_log = table_of(AuditRow)
