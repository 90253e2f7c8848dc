"""What a process has read of a database and never changes there.

Owns the memory, one for each database. Does not own what is remembered (`price_versions`,
`product_versions`).
"""

from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

Key = TypeVar("Key")
Read = TypeVar("Read")

_MOST: Final = 10_000


class Remembered(Generic[Key, Read]):
    """Forgets everything once it is too much: whoever asks then reads again."""

    def __init__(self, *, most: int = _MOST) -> None:
        """Up to `most` of each database."""
        self._most = most
        self._of: WeakKeyDictionary[Engine, dict[Key, Read]] = WeakKeyDictionary()

    def get(self, engine: Engine, key: Key) -> Read | None:
        """None where it was not read yet."""
        return self._of.get(engine, {}).get(key)

    def put(self, engine: Engine, key: Key, read: Read) -> None:
        """From now on."""
        kept = self._of.setdefault(engine, {})
        if len(kept) >= self._most:
            kept.clear()
        kept[key] = read
