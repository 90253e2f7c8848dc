"""Recognising that the database is out of reach.

Owns the choice of which of the drivers' errors are outages, that is: the same request may succeed
later. Everything else that they raise is a defect. Does not own the answer (`api.problems`).
"""

from collections.abc import Iterator
from typing import Final

import asyncpg
from asyncpg import exceptions as driver
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DATABASE_ERRORS: Final[tuple[type[Exception], ...]] = (
    OSError,
    PoolTimeout,
    DBAPIError,
    DisconnectionError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    driver.InternalClientError,
)
"""What the database's drivers raise, outage or not. While it connects, the driver's own errors."""

_OUTAGES: Final = (
    OSError,
    PoolTimeout,
    DisconnectionError,
    driver.InvalidCachedStatementError,
)
"""The last where a migration changed a table: the statement is prepared anew the next time."""
_LOST_CONNECTIONS: Final = (asyncpg.InterfaceError, driver.InternalClientError)
"""Of the driver's own: the connection is closed or its conversation is broken, and none of several
hosts is the one that writes, as in the middle of a failover. The next request has another one."""
_DEFECTS: Final = (
    driver.DataError,
    driver.ClientConfigurationError,
    driver.UnsupportedClientFeatureError,
    driver.UnsupportedServerFeatureError,
)
"""Of the same families, but as wrong tomorrow: a value or a setting that cannot be."""
_TRANSIENT_CLASSES: Final = ("08", "40", "53", "57")
"""SQLSTATE: connection, rolled back, out of resources, shut down or canceled."""


def is_outage(error: BaseException) -> bool:
    """Whether waiting may help."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return any(_is_transient(each) for each in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was made of: the last is the driver's."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.orig if isinstance(found, DBAPIError) else found.__cause__


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, _DEFECTS):
        return False
    if isinstance(error, (*_OUTAGES, *_LOST_CONNECTIONS)):
        return True
    state = getattr(error, "sqlstate", None)
    return isinstance(state, str) and state.startswith(_TRANSIENT_CLASSES)
