"""One row by one statement: what is read at every request, at the least cost.

Owns that reading. SQLAlchemy compiles the statement once and knows the types of its columns; the
driver runs it without it, which halves what such a reading costs besides the database's own time.
Does not own statements, nor readings of more than one (`adapters.db.engine`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self

from sqlalchemy import Row, Select
from sqlalchemy.engine import Dialect, result_tuple
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from adapters.db.refusal import refusal_of

AnySelect = Select[*tuple[Any, ...]]

_MOST: Final = 1


async def read_row(
    engine: AsyncEngine, statement: AnySelect, parameters: Mapping[str, object]
) -> Row[Any] | None:
    """The row that is committed now; None where there is none, and never more than one.

    The statement is a constant of its module: what is made of it is kept for ever. Parameters are
    given as the driver takes them: text, numbers, instants. Raises what the driver raises,
    `DisconnectionError` where the connection is lost, and what a refusal means.
    """
    reading = _reading(engine.dialect, statement)
    connection = await greenlet_spawn(engine.sync_engine.raw_connection)
    driver: Any = connection.driver_connection
    try:
        found = await driver.fetch(reading.sql, *reading.arguments(parameters))
    except Exception as error:
        if driver.is_closed():
            await greenlet_spawn(connection.invalidate, error)
            raise DisconnectionError("the connection to the database is lost") from error
        meaning = refusal_of(error)
        if meaning is not None:
            raise meaning from None
        raise
    except BaseException as given_up:
        # The server may still end whatever this connection is used for next.
        await greenlet_spawn(connection.invalidate, given_up)
        raise
    finally:
        await greenlet_spawn(connection.close)
    if len(found) > _MOST:
        raise ValueError(f"{len(found)} rows where there is one at most")
    return reading.row(found[0]) if found else None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A compiled statement, and what makes rows of what the driver gives."""

    sql: str
    names: tuple[str, ...]
    """Of the parameters, in the order of the driver."""
    constants: Mapping[str, object]
    asked_for: frozenset[str]
    """The parameters that a call has to give."""
    make: Callable[[list[Any]], Row[Any]]
    processors: tuple[tuple[int, Callable[[Any], Any]], ...]
    """Of columns that the driver gives in another form than their type promises."""

    @classmethod
    def of(cls, dialect: Dialect, statement: AnySelect) -> Self:
        compiled = statement.compile(dialect=dialect)
        columns = list(statement.selected_columns)
        names = tuple(compiled.positiontup or ())
        processors = (
            (index, column.type.dialect_impl(dialect).result_processor(dialect, None))
            for index, column in enumerate(columns)
        )
        return cls(
            sql=str(compiled),
            names=names,
            constants=compiled.params,
            asked_for=frozenset(name for name in names if compiled.binds[name].required),
            make=result_tuple(statement.selected_columns.keys()),
            processors=tuple((index, each) for index, each in processors if each is not None),
        )

    def arguments(self, parameters: Mapping[str, object]) -> list[object]:
        """Those of the call, and the constants that the statement has itself."""
        if parameters.keys() != self.asked_for:
            raise TypeError(f"{sorted(self.asked_for)} are asked for, not {sorted(parameters)}")
        given = {**self.constants, **parameters}
        return [given[name] for name in self.names]

    def row(self, record: Mapping[str, Any]) -> Row[Any]:
        values = list(record.values())
        for index, process in self.processors:
            values[index] = process(values[index])
        return self.make(values)


@cache
def _reading(dialect: Dialect, statement: AnySelect) -> _Reading:
    return _Reading.of(dialect, statement)
