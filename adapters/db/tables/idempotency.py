"""Permanent records of idempotent requests (policy P32)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, LargeBinary
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


class RequestState(StrEnum):
    """Whether a first answer exists."""

    RUNNING = "running"
    DONE = "done"


class IdempotencyRequestRow(Row, table=True):
    """One request under one key of one caller, and the answer it got."""

    __tablename__ = "idempotency_requests"
    __table_args__ = (
        references("api_key_id", "api_keys.id"),
        one_of("state", RequestState),
        CheckConstraint(
            "(state = 'done') = (response_status IS NOT NULL)"
            " AND (response_status IS NULL) = (response_headers IS NULL)"
            " AND (response_status IS NULL) = (response_body IS NULL)",
            name="response",
        ),
        index("idempotency_requests", "created_at"),
    )

    api_key_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: str
    state: str
    locked_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})
    response_status: int | None
    response_headers: dict[str, str] | None = Field(sa_type=DOCUMENT)
    response_body: bytes | None = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


idempotency_requests = table_of(IdempotencyRequestRow)
