"""API keys: only their hashes are kept."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from adapters.db.tables.schema import INSTANT, TEXTS, Row, table_of


class ApiKeyRow(Row, table=True):
    """One key; `prefix` is what may be shown of its secret."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("key_hash ~ '^[0-9a-f]{64}$'", name="key_hash"),)

    id: str = Field(primary_key=True)
    name: str
    key_hash: str = Field(unique=True)
    """SHA-256 of the secret, in hexadecimal."""
    prefix: str
    scopes: list[str] = Field(sa_type=TEXTS)
    created_at: datetime = Field(sa_type=INSTANT)
    revoked_at: datetime | None = Field(sa_type=INSTANT)


api_keys = table_of(ApiKeyRow)
