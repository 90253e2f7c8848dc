"""Test clocks: the time of sandbox customers."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from adapters.db.tables.schema import INSTANT, Row, index, one_of, table_of


class TestClockStatus(StrEnum):
    """Stripe's statuses, and `deleted`."""

    READY = "ready"
    ADVANCING = "advancing"
    DELETED = "deleted"


class TestClockRow(Row, table=True):
    """One clock; `target_at` is where it is being moved to."""

    __tablename__ = "test_clocks"
    __table_args__ = (
        one_of("status", TestClockStatus),
        CheckConstraint("(status = 'advancing') = (target_at IS NOT NULL)", name="target"),
        CheckConstraint("target_at > frozen_at", name="forward"),
        CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name="deleted"),
        index("test_clocks", "created_at id"),
    )

    id: str = Field(primary_key=True)
    name: str | None
    frozen_at: datetime = Field(sa_type=INSTANT)
    status: str
    target_at: datetime | None = Field(sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)
    deleted_at: datetime | None = Field(sa_type=INSTANT)


test_clocks = table_of(TestClockRow)
