"""How statements become PostgreSQL's SQL, compiled once per process.

SQLAlchemy keeps what it compiled per engine. A process that opens several, as tests open one for
each database and the command line one for each command, would compile the same few hundred
statements again and again, which costs more than running them. Owns the cache and what makes its
entries good for every engine. Does not own connections (`engine`).
"""

from typing import Final

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.util import LRUCache

URL: Final = "postgresql+perennial://"
_STATEMENTS: Final = 1000

COMPILED: Final[LRUCache[object, object]] = LRUCache(_STATEMENTS)
"""For the execution option `compiled_cache`, in place of each engine's own."""


class PerennialDialect(PGDialect_asyncpg):
    """asyncpg's, equal to every other of the process: what one compiled serves all.

    That holds because each is made with the same options, by `engine.create_engine` alone.
    """

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PerennialDialect)

    def __hash__(self) -> int:
        return hash(PerennialDialect)


registry.register("postgresql.perennial", __name__, PerennialDialect.__name__)
