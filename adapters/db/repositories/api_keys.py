"""API keys, written and recognised. A secret is shown once and kept as its hash.

Secrets are 256 random bits: a plain hash of one cannot be searched for, as that of a password can.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.db.queries.api_keys import ApiKey, as_api_key
from adapters.db.single_row import read_row
from adapters.db.statement import Statement
from adapters.db.tables.api_key import api_keys
from billing.errors import NotFound

_SHOWN_CHARACTERS: Final = 7
_RECOGNISE: Final = Statement(
    select(api_keys).where(
        api_keys.c.key_hash == bindparam("wanted_hash"), api_keys.c.revoked_at.is_(None)
    )
)


def new_secret() -> str:
    """`pk_` and 43 characters; show it once, it cannot be read again."""
    return f"pk_{secrets.token_urlsafe(32)}"


async def authenticate(engine: AsyncEngine, secret: str) -> ApiKey | None:
    """The key of a secret; None where it is unknown or revoked."""
    row = await read_row(engine, _RECOGNISE, {"wanted_hash": hash_of(secret)})
    return None if row is None else as_api_key(row)


class SqlApiKeys:
    """Makes keys and revokes them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(
        self,
        secret: str,
        *,
        key_id: str,
        name: str,
        scopes: Collection[str],
        created_at: datetime,
    ) -> ApiKey:
        """Stores the key of a secret; a secret that is stored already keeps its key."""
        await self._connection.execute(
            insert(api_keys)
            .values(
                id=key_id,
                name=name,
                key_hash=hash_of(secret),
                prefix=secret[:_SHOWN_CHARACTERS],
                scopes=sorted(scopes),
                created_at=created_at,
            )
            .on_conflict_do_nothing(index_elements=[api_keys.c.key_hash])
        )
        stored = await self._connection.execute(
            select(api_keys).where(api_keys.c.key_hash == hash_of(secret))
        )
        return as_api_key(stored.one())

    async def revoke(self, key_id: str, *, revoked_at: datetime) -> ApiKey:
        """The key opens nothing any more; revoking again keeps the first instant.

        Raises `NotFound` (`api_key_not_found`).
        """
        revoked = await self._connection.execute(
            update(api_keys)
            .where(api_keys.c.id == key_id)
            .values(revoked_at=func.coalesce(api_keys.c.revoked_at, revoked_at))
            .returning(*api_keys.c)
        )
        row = revoked.one_or_none()
        if row is None:
            raise NotFound("api_key_not_found", f"no API key {key_id!r}")
        return as_api_key(row)


def hash_of(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode()).hexdigest()
