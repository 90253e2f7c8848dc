"""API keys: recognised by their secret, which is stored nowhere."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries.api_keys import all_of
from adapters.db.repositories.api_keys import authenticate, new_secret
from adapters.db.tables.api_key import api_keys
from billing.errors import NotFound
from tests.adapters.db.company import START


async def test_a_key_is_recognised_until_it_is_revoked(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    secret = new_secret()
    async with transaction() as tx:
        key = await tx.api_keys.put(
            secret, key_id="key_1", name="CI", scopes=["b:read", "a:read"], created_at=START
        )
    assert await authenticate(engine, secret) == key
    assert key.scopes == ("a:read", "b:read")
    for other in (new_secret(), secret[:-1], secret + "x", ""):
        assert await authenticate(engine, other) is None
    async with transaction() as tx:
        await tx.api_keys.revoke("key_1", revoked_at=START)
        revoked = await tx.api_keys.revoke("key_1", revoked_at=START + timedelta(days=1))
        with pytest.raises(NotFound):
            await tx.api_keys.revoke("key_2", revoked_at=START)
    assert revoked.revoked_at == START
    assert await authenticate(engine, secret) is None
    async with reading(engine) as connection:
        assert await all_of(connection) == (revoked,)


async def test_a_secret_is_stored_nowhere(transaction: Transactions, engine: AsyncEngine) -> None:
    secret = new_secret()
    assert len(secret) == 46
    async with transaction() as tx:
        await tx.api_keys.put(secret, key_id="key_1", name="", scopes=(), created_at=START)
    async with engine.connect() as connection:
        [row] = await connection.execute(select(api_keys))
        whole = await connection.scalar(text("SELECT api_keys::text FROM api_keys"))
    assert secret not in str(whole)
    assert secret[7:] not in str(whole)
    assert row.prefix == secret[:7]


async def test_a_secret_has_one_key(transaction: Transactions) -> None:
    async with transaction() as tx:
        first = await tx.api_keys.put(
            "pk_dev", key_id="key_1", name="dev", scopes=(), created_at=START
        )
        again = await tx.api_keys.put(
            "pk_dev", key_id="key_2", name="other", scopes=("x",), created_at=START
        )
    assert first == again
