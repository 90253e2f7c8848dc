"""`perennial api-keys`: keys for the HTTP API, made, listed and revoked.

Owns the command's words and the key of the local system. Does not own how keys are kept
(`adapters.db`) or what scopes there are (`api.authentication`).
"""

import secrets
from collections.abc import Collection
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.queries.api_keys import ApiKey, all_of
from adapters.db.repositories.api_keys import SqlApiKeys, authenticate, new_secret
from api.authentication import SCOPES
from cli.database import run

_LOCAL_NAME = "local development"


class UnknownScope(ValueError):
    """A scope that no operation knows; the message lists those there are."""


def issue_local(database_url: str, known: str | None) -> str:
    """The `known` secret if it still opens everything, else that of a new key."""

    async def issue(engine: AsyncEngine) -> str:
        found = None if known is None else await authenticate(engine, known)
        if known is not None and found is not None and set(SCOPES) <= set(found.scopes):
            return known
        secret, _ = await _put(engine, _LOCAL_NAME, SCOPES)
        return secret

    return run(database_url, issue)


def create(database_url: str, *, name: str, scopes: Collection[str]) -> None:
    """Make a key with some scopes, all without any, and show its secret, once.

    Raises `UnknownScope`.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise UnknownScope(
            f"unknown scope {', '.join(unknown)}; there are: {', '.join(sorted(SCOPES))}"
        )
    secret, key = run(database_url, lambda engine: _put(engine, name, scopes or SCOPES))
    console = Console()
    console.print(f"{key.id}: {key.name} ({', '.join(key.scopes)})")
    console.print(f"Its secret, shown this once:\n{secret}", soft_wrap=True)


def show_all(database_url: str) -> None:
    """List every key without its secret."""

    async def read(engine: AsyncEngine) -> tuple[ApiKey, ...]:
        async with engine.connect() as connection:
            return await all_of(connection)

    table = Table("id", "name", "secret", "scopes", "made", "revoked")
    for key in run(database_url, read):
        table.add_row(
            key.id,
            key.name,
            f"{key.prefix}…",
            ", ".join(key.scopes),
            _minute(key.created_at),
            "" if key.revoked_at is None else _minute(key.revoked_at),
        )
    Console().print(table)


def revoke(database_url: str, key_id: str) -> None:
    """Revoke a key, now. Raises `billing.errors.NotFound`."""

    async def write(engine: AsyncEngine) -> ApiKey:
        async with engine.begin() as connection:
            return await SqlApiKeys(connection).revoke(key_id, revoked_at=datetime.now(UTC))

    key = run(database_url, write)
    Console().print(f"{key.id} ({key.name}) opens nothing any more")


async def _put(engine: AsyncEngine, name: str, scopes: Collection[str]) -> tuple[str, ApiKey]:
    secret = new_secret()
    async with engine.begin() as connection:
        key = await SqlApiKeys(connection).put(
            secret,
            key_id=f"key_{secrets.token_hex(12)}",
            name=name,
            scopes=scopes,
            created_at=datetime.now(UTC),
        )
    return secret, key


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")
