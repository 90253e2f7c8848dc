"""One row by one statement: what is read at every request, at the least cost.

Owns that reading. SQLAlchemy switches between its synchronous core and asyncio at every step of a
connection's life; here it does so once, which halves what such a reading costs besides the
database's own time. Does not own statements, nor readings of more than one (`adapters.db.engine`).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Executable, Row
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn


async def read_row(
    engine: AsyncEngine, statement: Executable, parameters: Mapping[str, object]
) -> Row[Any] | None:
    """The row that is committed now; None where there is none, and never more than one."""

    def read() -> Row[Any] | None:
        with engine.sync_engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            return alone.execute(statement, parameters).one_or_none()

    return await greenlet_spawn(read)
