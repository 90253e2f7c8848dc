"""How statements become PostgreSQL's SQL, compiled once per process.

SQLAlchemy keeps what it compiled per engine. A process that opens several, as tests open one for
each database and the command line one for each command, would compile the same few hundred
statements again and again, which costs more than running them. Owns the cache, what makes its
entries good for every engine, and how values become JSON. Does not own connections (`engine`).
"""

from typing import Final

from pydantic_core import from_json, to_json
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.util import LRUCache

URL: Final = "postgresql+perennial://"
_STATEMENTS: Final = 1000

COMPILED: Final[LRUCache[object, object]] = LRUCache(_STATEMENTS)
"""For the execution option `compiled_cache`, in place of each engine's own."""


class PerennialDialect(PGDialect_asyncpg):
    """asyncpg's, equal to every other of the process: what one compiled serves all.

    That holds because each is made with the same options: `SHARED`'s here, which are those of
    `engine.create_engine`.
    """

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PerennialDialect)

    def __hash__(self) -> int:
        return hash(PerennialDialect)


def as_json(value: object) -> str:
    """What is stored as JSON: whatever pydantic can write."""
    return to_json(value).decode()


read_json: Final = from_json

SHARED: Final = PerennialDialect(  # type: ignore[no-untyped-call]  # as SQLAlchemy wrote it
    json_serializer=as_json, json_deserializer=read_json
)
"""For who compiles without an engine."""

registry.register("postgresql.perennial", __name__, PerennialDialect.__name__)
