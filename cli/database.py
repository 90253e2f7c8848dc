"""Which database a command works on, and bringing it and Temporal up to date.

Owns the choice: `DATABASE_URL`, else the one of the local system. The local system brings itself up
to date when it starts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db import migrations
from adapters.db.engine import create_engine
from local import cluster
from local.environment import read_environment
from local.process import ProcessError
from local.state import State
from workflows.search_attributes import SEARCH_ATTRIBUTES

T = TypeVar("T")


def find_url(root: Path) -> str:
    """The database's URL; `ProcessError` says how to have one."""
    url = read_environment(root).get("DATABASE_URL")
    if url is not None:
        return url
    links = State(root).read_links()
    if links is None:
        raise ProcessError("no database: set DATABASE_URL, or start the local system (make dev)")
    return links.database_url


def run(database_url: str, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """What `work` comes to with connections of its own, closed afterwards."""

    async def connected() -> T:
        engine = create_engine(database_url)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(connected())


def migrate(database_url: str) -> str:
    """Apply the pending migrations and answer with the revision reached."""
    migrations.upgrade(database_url)
    return migrations.head()


def register_search_attributes(root: Path) -> bool:
    """Register what is missing at `TEMPORAL_ADDRESS`; False when no server is named.

    `ProcessError` where the server is out of reach or does not allow it.
    """
    environment = read_environment(root)
    if environment.get("TEMPORAL_ADDRESS") is None:
        return False
    asyncio.run(cluster.prepare(environment, SEARCH_ATTRIBUTES))
    return True
