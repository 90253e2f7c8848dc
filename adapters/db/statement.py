"""Statements that are constants: compiled once per process, and run by the driver alone.

SQLAlchemy writes a statement and knows the types of what goes in and comes out. Asked again at
every execution, it takes twice the driver's own time for that. Owns the compiled form, and running
it on a connection. Does not own statements that are put together when they are needed, nor
transactions (`engine`).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import asyncpg
from sqlalchemy import Row, text
from sqlalchemy.engine import Dialect, result_tuple
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from adapters.db import dialect
from adapters.db.refusal import refusal_of

_Convert = Callable[[Any], Any]
_MOST: Final = 1


class Writable(Protocol):
    """What SQLAlchemy writes as SQL: a select, an insert or update, a text."""

    def compile(self, *, dialect: Dialect) -> Any:  # noqa: ANN401 - of a type that it does not say
        """The SQL and its parameters."""
        ...


class Statement:
    """A constant of its module, with the parameters that every execution has to give.

    Raises `TypeError` for others, and where it is compiled `ValueError` for a statement that only
    SQLAlchemy can run: one with an IN list, or with values that it makes itself.
    """

    def __init__(self, written: Writable | str) -> None:
        self._written = text(written) if isinstance(written, str) else written

    async def rows(
        self, connection: AsyncConnection, given: Mapping[str, object]
    ) -> list[Row[Any]]:
        """All rows; `connection` has a transaction by `engine`, or none (`single_statements`)."""
        return await self.rows_of(driver_of(connection), given)

    async def row(
        self, connection: AsyncConnection, given: Mapping[str, object]
    ) -> Row[Any] | None:
        """The row, None where there is none. Raises `ValueError` where there are more."""
        return only(await self.rows(connection, given))

    async def run(self, connection: AsyncConnection, given: Mapping[str, object]) -> int:
        """How many rows it inserted, updated or deleted."""
        driver = driver_of(connection)
        with translated(driver):
            status = await driver.execute(self._compiled.sql, *self._compiled.arguments(given))
        return int(status.rpartition(" ")[2])

    async def rows_of(
        self, driver: asyncpg.Connection, given: Mapping[str, object]
    ) -> list[Row[Any]]:
        """All rows, on the driver's connection."""
        compiled = self._compiled
        with translated(driver):
            records = await driver.fetch(compiled.sql, *compiled.arguments(given))
        return [compiled.row(record) for record in records]

    @cached_property
    def _compiled(self) -> "_Compiled":
        return _Compiled.of(self._written)


def only(rows: list[Row[Any]]) -> Row[Any] | None:
    """The one row, if any. Raises `ValueError` where there are more."""
    if len(rows) > _MOST:
        raise ValueError(f"{len(rows)} rows where there is one at most")
    return rows[0] if rows else None


@contextmanager
def translated(driver: asyncpg.Connection) -> Iterator[None]:
    """Raises what a refusal means, and `DisconnectionError` where the connection is lost."""
    try:
        yield
    except Exception as error:
        if driver.is_closed():
            raise DisconnectionError("the connection to the database is lost") from error
        meaning = refusal_of(error)
        if meaning is not None:
            raise meaning from None
        raise


def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """Refuses a transaction of SQLAlchemy's: it may not have begun it yet."""
    # SQLAlchemy promises neither attribute of a driver that it does not name.
    pooled: Any = connection.sync_connection
    if pooled is None or not pooled.connection.dbapi_connection.autocommit:
        raise TypeError("the connection's transaction is not one of `adapters.db.engine`")
    return pooled.connection.driver_connection


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The SQL, and how values go in and come out."""

    sql: str
    names: tuple[str, ...]
    """Of the parameters, in the order of the driver."""
    constants: Mapping[str, object]
    asked_for: frozenset[str]
    """The parameters that a call has to give."""
    writers: tuple[tuple[int, _Convert], ...]
    """Of parameters that the driver takes in another form than their type promises."""
    makers: dict[tuple[str, ...], Callable[[list[Any]], Row[Any]]]
    readers: Mapping[str, _Convert]
    """Of columns that the driver gives in another form than their type promises."""

    @classmethod
    def of(cls, written: Writable) -> "_Compiled":
        compiled: SQLCompiler = written.compile(dialect=dialect.SHARED)
        if compiled.post_compile_params or compiled.literal_execute_params or compiled.prefetch:
            raise ValueError(f"this needs SQLAlchemy at every execution: {compiled}")
        names = tuple(compiled.positiontup or ())
        writers = {name: _writer(compiled, name) for name in names}
        asked_for = frozenset(name for name in names if compiled.binds[name].required)
        return cls(
            sql=str(compiled),
            names=names,
            constants={
                name: value if (write := writers[name]) is None else write(value)
                for name, value in compiled.params.items()
                if name in writers and name not in asked_for
            },
            asked_for=asked_for,
            writers=tuple(
                (index, write)
                for index, name in enumerate(names)
                if name in asked_for and (write := writers[name]) is not None
            ),
            makers={},
            readers=_readers(compiled),
        )

    def arguments(self, given: Mapping[str, object]) -> list[object]:
        """Those of the call, and the constants that the statement has itself."""
        if given.keys() != self.asked_for:
            raise TypeError(f"{sorted(self.asked_for)} are asked for, not {sorted(given)}")
        known = {**self.constants, **given}
        arguments = [known[name] for name in self.names]
        for index, write in self.writers:
            arguments[index] = write(arguments[index])
        return arguments

    def row(self, record: asyncpg.Record) -> Row[Any]:
        """As SQLAlchemy would give it."""
        names, values = tuple(record.keys()), list(record.values())
        for name, read in self.readers.items():
            index = names.index(name)
            values[index] = read(values[index])
        make = self.makers.get(names)
        if make is None:
            make = self.makers[names] = result_tuple(names)
        return make(values)


def _writer(compiled: SQLCompiler, name: str) -> _Convert | None:
    return compiled.binds[name].type.dialect_impl(dialect.SHARED).bind_processor(dialect.SHARED)


def _readers(compiled: SQLCompiler) -> dict[str, _Convert]:
    """By the names of the columns; a text's columns have no types."""
    columns = getattr(compiled.statement, "exported_columns", ())
    found = (
        (name, column.type.dialect_impl(dialect.SHARED).result_processor(dialect.SHARED, None))
        for name, column in (columns.items() if columns else ())
    )
    return {name: read for name, read in found if read is not None}
