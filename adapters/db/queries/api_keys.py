"""API keys, read: never their secrets."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.api_key import api_keys
from billing.value import Instant, Value


class ApiKey(Value):
    """A key and what it may do; `prefix` is what may be shown of its secret."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: Instant
    revoked_at: Instant | None


async def all_of(connection: AsyncConnection) -> tuple[ApiKey, ...]:
    """Every key, revoked ones included, newest first."""
    found = await connection.execute(
        select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
    )
    return tuple(as_api_key(row) for row in found)


def as_api_key(row: Row[Any]) -> ApiKey:
    """The value of a row of `api_keys`."""
    return ApiKey.model_validate(row._asdict())
