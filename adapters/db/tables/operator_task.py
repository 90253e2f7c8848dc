"""What waits for an operator."""

from datetime import datetime

from sqlmodel import Field

from adapters.db.tables.schema import (
    DOCUMENT,
    EMPTY,
    INSTANT,
    NOW,
    Row,
    index,
    one_of,
    references,
    table_of,
)
from billing.task import TaskKind


class OperatorTaskRow(Row, table=True):
    """One task, once per key; nothing but its closing changes. The audit log has who closed it."""

    __tablename__ = "operator_tasks"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
        one_of("kind", TaskKind),
        index(
            "operator_tasks",
            "created_at key",
            where="closed_at IS NULL",
            name="operator_tasks_open_idx",
        ),
        index("operator_tasks", "subscription_id created_at"),
    )

    key: str = Field(primary_key=True)
    kind: str
    subject: str
    customer_id: str
    subscription_id: str | None
    details: dict[str, str | int | None] = Field(
        sa_type=DOCUMENT, sa_column_kwargs={"server_default": EMPTY}
    )
    created_at: datetime = Field(sa_type=INSTANT)
    closed_at: datetime | None = Field(sa_type=INSTANT)
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


operator_tasks = table_of(OperatorTaskRow)
