"""API keys that were recognised lately, so that not every request reads one.

A key is forgotten as soon as any key changes, which a trigger of the database tells; and after some
seconds, should the network have gone silent without a word. Whoever does not hear, reads. Owns the
memory. Does not own the keys (`adapters.db.repositories.api_keys`) nor how notifications are heard
(`adapters.db.notifications`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.notifications import listen
from adapters.db.queries.api_keys import ApiKey
from adapters.db.repositories import api_keys

CHANNEL: Final = "api_keys"
"""PostgreSQL notifies it of every change of a key, when the changing transaction commits."""

_LONGEST_SECONDS: Final = 10.0
_MOST: Final = 1_000
_DEAF: Final = timedelta(seconds=1)
"""Between two tries to hear; every key is read meanwhile."""

log = structlog.get_logger(__name__)


class KnownKeys:
    """Recognises secrets; remembers only between `hear` and `lose`."""

    def __init__(
        self, engine: AsyncEngine, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """`seconds` ages what is remembered, from any beginning."""
        self._engine = engine
        self._seconds = seconds
        self._known: dict[str, tuple[ApiKey, float]] = {}
        self.hears = False
        """Whether a change would be told."""
        self._changes = 0

    async def authenticate(self, secret: str) -> ApiKey | None:
        """The key of a secret; None where it is unknown or revoked."""
        key_hash = api_keys.hash_of(secret)
        found = self._known.get(key_hash)
        if found is not None and self._seconds() - found[1] < _LONGEST_SECONDS:
            return found[0]
        changes, began = self._changes, self._seconds()
        key = await api_keys.authenticate(self._engine, secret)
        if key is not None and self.hears and changes == self._changes:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key_hash] = key, began
        return key

    def hear(self) -> None:
        """Some key changed, or it is listened from now on."""
        self.hears = True
        self._forget()

    def lose(self, reason: str) -> None:
        """Nothing is heard any more until `hear`; said once, however often it is tried again."""
        if self.hears:
            log.warning("api_keys.not_listening", error=reason)
        self.hears = False
        self._forget()

    def _forget(self) -> None:
        self._changes += 1
        self._known.clear()


@asynccontextmanager
async def hearing(
    keys: KnownKeys, database_url: str, *, pause: timedelta = _DEAF
) -> AsyncIterator[None]:
    """`keys` are told of changes within the block; a defect leaves them reading, and says so."""
    task = asyncio.create_task(
        listen(database_url, CHANNEL, heard=keys.hear, lost=keys.lose, pause=pause)
    )
    task.add_done_callback(partial(_deaf_by_a_defect, keys))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _deaf_by_a_defect(keys: KnownKeys, listening: asyncio.Task[None]) -> None:
    if not listening.cancelled():
        keys.lose(type(listening.exception()).__name__)
