"""Recognising that the database is out of reach.

Owns the choice of which of the drivers' errors are outages, that is: the same request may succeed
later. Everything else that they raise is a defect. Does not own the answer (`api.problems`).
"""

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DATABASE_ERRORS: Final[tuple[type[Exception], ...]] = (
    OSError,
    PoolTimeout,
    DBAPIError,
    DisconnectionError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)
"""What the database's drivers raise, outage or not."""

_OUTAGES: Final = (OSError, PoolTimeout, DisconnectionError, InterfaceError)
_TRANSIENT_CLASSES: Final = ("08", "40", "53", "57")
"""SQLSTATE: connection, rolled back, out of resources, shut down or canceled."""


def is_outage(error: BaseException) -> bool:
    """Whether waiting may help."""
    if isinstance(error, _OUTAGES):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    cause: BaseException | None = error.orig if isinstance(error, DBAPIError) else error
    while cause is not None:
        state = getattr(cause, "sqlstate", None)
        if isinstance(state, str) and state.startswith(_TRANSIENT_CLASSES):
            return True
        cause = cause.__cause__
    return False
