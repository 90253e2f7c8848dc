"""One row by one statement, for whom a connection is not kept: what is read at every request.

Owns that reading. Does not own statements, nor readings of more than one (`adapters.db.engine`).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only, greenlet_spawn

from adapters.db.statement import Statement, only


async def read_row(
    engine: AsyncEngine, statement: Statement, given: Mapping[str, object]
) -> Row[Any] | None:
    """The row that is committed now; None where there is none, and never more than one.

    Parameters are given as the driver takes them: text, numbers, instants. Raises what the driver
    raises, `DisconnectionError` where the connection is lost, and what a refusal means.
    """
    return await greenlet_spawn(_read, engine, statement, given)


def _read(
    engine: AsyncEngine, statement: Statement, given: Mapping[str, object]
) -> Row[Any] | None:
    """In one greenlet: each that the pool needs costs as much as the statement's values."""
    connection = engine.sync_engine.raw_connection()
    driver: Any = connection.driver_connection
    try:
        return only(await_only(statement.rows_of(driver, given)))
    except DisconnectionError as lost:
        connection.invalidate(lost)
        raise
    except Exception:
        raise
    except BaseException as given_up:
        # The server may still end whatever this connection is used for next.
        connection.invalidate(given_up)
        raise
    finally:
        connection.close()
