"""Where the simulator keeps its state: one SQLite file, or memory.

Owns the schema, transactions and cursors over objects. Does not know what any resource means, nor
what time it is. One connection serves one thread; a transaction is one request.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from simulator.resource import Resource

R = TypeVar("R", bound=Resource)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, position);
CREATE INDEX IF NOT EXISTS objects_by_customer
    ON objects (kind, json_extract(body, '$.customer'), position);
CREATE INDEX IF NOT EXISTS objects_by_payment_intent
    ON objects (kind, json_extract(body, '$.payment_intent'), position);
CREATE INDEX IF NOT EXISTS objects_by_setup_intent
    ON objects (kind, json_extract(body, '$.setup_intent'), position);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    saved_at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    request_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS outcomes (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS outcomes_by_subject ON outcomes (subject, position);
CREATE TABLE IF NOT EXISTS timers (
    subject TEXT PRIMARY KEY,
    due_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_by_due_at ON deliveries (due_at, position);
"""

_TABLES = ("objects", "answers", "outcomes", "timers", "deliveries")


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """The first answer given under an idempotency key."""

    fingerprint: str
    saved_at: int
    status: int
    body: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event still owed to one endpoint. `attempts` counts those already made."""

    position: int
    event: str
    endpoint: str
    attempts: int
    due_at: float


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a newest-first list is asked for."""

    limit: int
    starting_after: str | None = None
    ending_before: str | None = None
    created: tuple[tuple[str, int], ...] = ()


class Store:
    """State of one simulator. With a file, an answered request survives the machine's power."""

    def __init__(self, database: Path | None) -> None:
        if database is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
            database.touch(mode=0o600, exist_ok=True)
        self._connection = sqlite3.connect(
            ":memory:" if database is None else database, isolation_level=None
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA busy_timeout=5000")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        self.flush()
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that happens inside is durable at the end, or, after an exception, never happened."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def flush(self) -> None:
        """Fold the write-ahead log into the file."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in _TABLES:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names from above

    # Objects

    def insert(self, resource: Resource) -> None:
        """Add an object, newest of its kind."""
        self._connection.execute(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
            (resource.id, resource.KIND, resource.created, resource.model_dump_json()),
        )

    def replace(self, resource: Resource) -> None:
        """Store a changed object in the place of its former version."""
        self._connection.execute(
            "UPDATE objects SET body = ? WHERE id = ? AND kind = ?",
            (resource.model_dump_json(), resource.id, resource.KIND),
        )

    def remove(self, resource: Resource) -> None:
        """Drop an object."""
        self._connection.execute("DELETE FROM objects WHERE id = ?", (resource.id,))

    def find(self, resource: type[R], identifier: str) -> R | None:
        """The object of that kind and id, or None."""
        row = self._connection.execute(
            "SELECT body FROM objects WHERE id = ? AND kind = ?", (identifier, resource.KIND)
        ).fetchone()
        return None if row is None else resource.model_validate_json(row[0])

    def all_where(self, resource: type[R], filters: Mapping[str, str]) -> list[R]:
        """Every object of a kind whose fields have these values, oldest first."""
        clauses, values = _matching(resource, filters)
        rows = self._connection.execute(
            f"SELECT body FROM objects WHERE {clauses} ORDER BY position",  # noqa: S608
            values,
        )
        return [resource.model_validate_json(row[0]) for row in rows]

    def window(
        self, resource: type[R], filters: Mapping[str, str], window: Window
    ) -> tuple[list[R], bool] | None:
        """A part of a newest-first list and whether more follows; None for an unknown cursor."""
        clauses, values = _matching(resource, filters)
        for comparison, instant in window.created:
            clauses += f" AND created {comparison} ?"
            values.append(instant)
        backwards = window.ending_before is not None
        cursor = window.ending_before if backwards else window.starting_after
        if cursor is not None:
            position = self._position(resource, cursor)
            if position is None:
                return None
            clauses += f" AND position {'>' if backwards else '<'} ?"
            values.append(position)
        rows = self._connection.execute(
            f"SELECT body FROM objects WHERE {clauses} "  # noqa: S608 - names come from handlers
            f"ORDER BY position {'ASC' if backwards else 'DESC'} LIMIT ?",
            [*values, window.limit + 1],
        ).fetchall()
        found = [resource.model_validate_json(row[0]) for row in rows[: window.limit]]
        return (found[::-1] if backwards else found), len(rows) > window.limit

    def totals(self, charge: type[Resource]) -> list[tuple[str, int, int]]:
        """Currency, captured and refunded of all succeeded charges, in minor units."""
        rows = self._connection.execute(
            "SELECT json_extract(body, '$.currency'), sum(json_extract(body, '$.amount_captured')),"
            " sum(json_extract(body, '$.amount_refunded')) FROM objects"
            " WHERE kind = ? AND json_extract(body, '$.status') = 'succeeded' GROUP BY 1",
            (charge.KIND,),
        )
        return [(str(row[0]), int(row[1]), int(row[2])) for row in rows]

    def balances(self, transaction: type[Resource]) -> dict[str, int]:
        """The sum of all balance transactions before fees, in minor units, by currency."""
        rows = self._connection.execute(
            "SELECT json_extract(body, '$.currency'), sum(json_extract(body, '$.amount'))"
            " FROM objects WHERE kind = ? GROUP BY 1",
            (transaction.KIND,),
        )
        return {str(row[0]): int(row[1]) for row in rows}

    def _position(self, resource: type[Resource], identifier: str) -> int | None:
        row = self._connection.execute(
            "SELECT position FROM objects WHERE id = ? AND kind = ?", (identifier, resource.KIND)
        ).fetchone()
        return None if row is None else int(row[0])

    # Answers saved under idempotency keys

    def answer(self, key: str) -> SavedAnswer | None:
        """What was first answered under this key, or None."""
        row = self._connection.execute(
            "SELECT fingerprint, saved_at, status, body, request_id FROM answers WHERE key = ?",
            (key,),
        ).fetchone()
        return None if row is None else SavedAnswer(*row)

    def save_answer(self, key: str, answer: SavedAnswer) -> None:
        """Keep the answer for replay."""
        self._connection.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (
                key,
                answer.fingerprint,
                answer.saved_at,
                answer.status,
                answer.body,
                answer.request_id,
            ),
        )

    def forget_answers(self, *, key: str | None = None, saved_before: int | None = None) -> int:
        """Forget one key, or all saved before an instant, or all; the number forgotten."""
        return self._connection.execute(
            "DELETE FROM answers WHERE (?1 IS NULL OR key = ?1) AND (?2 IS NULL OR saved_at < ?2)",
            (key, saved_before),
        ).rowcount

    # Scheduled outcomes of charges

    def push_outcomes(self, subject: str, outcomes: tuple[str, ...]) -> None:
        """Queue outcomes behind those a subject already has."""
        self._connection.executemany(
            "INSERT INTO outcomes (subject, outcome) VALUES (?, ?)",
            [(subject, outcome) for outcome in outcomes],
        )

    def pop_outcome(self, subjects: tuple[str, ...]) -> str | None:
        """Take the next outcome queued for the first of these subjects that has one."""
        for subject in subjects:
            row = self._connection.execute(
                "SELECT position, outcome FROM outcomes WHERE subject = ? ORDER BY position",
                (subject,),
            ).fetchone()
            if row is not None:
                self._connection.execute("DELETE FROM outcomes WHERE position = ?", (row[0],))
                return str(row[1])
        return None

    # Things due later

    def set_timer(self, subject: str, due_at: float) -> None:
        """Remember that something happens to this object at that instant."""
        self._connection.execute("INSERT OR REPLACE INTO timers VALUES (?, ?)", (subject, due_at))

    def clear_timer(self, subject: str) -> None:
        """Nothing will happen to this object by itself any more."""
        self._connection.execute("DELETE FROM timers WHERE subject = ?", (subject,))

    def due_timers(self, now: float) -> list[str]:
        """The objects to which something is due, earliest first."""
        rows = self._connection.execute(
            "SELECT subject FROM timers WHERE due_at <= ? ORDER BY due_at, subject", (now,)
        )
        return [str(row[0]) for row in rows]

    def next_timer(self) -> float | None:
        """The instant of the earliest timer, or None."""
        row = self._connection.execute("SELECT min(due_at) FROM timers").fetchone()
        return None if row[0] is None else float(row[0])

    # Webhook deliveries owed

    def owe(self, *, event: str, endpoint: str, due_at: float) -> None:
        """Record that an endpoint must be told of an event."""
        self._connection.execute(
            "INSERT INTO deliveries (event, endpoint, due_at) VALUES (?, ?, ?)",
            (event, endpoint, due_at),
        )

    def due_deliveries(self, now: float, *, limit: int) -> list[Delivery]:
        """Deliveries that are due, earliest first."""
        rows = self._connection.execute(
            "SELECT position, event, endpoint, attempts, due_at FROM deliveries "
            "WHERE due_at <= ? ORDER BY due_at, position LIMIT ?",
            (now, limit),
        )
        return [Delivery(*row) for row in rows]

    def next_delivery(self) -> float | None:
        """The instant at which the earliest delivery falls due, or None."""
        row = self._connection.execute("SELECT min(due_at) FROM deliveries").fetchone()
        return None if row[0] is None else float(row[0])

    def deliveries_owed(self) -> int:
        """How many deliveries have not been made yet."""
        return int(self._connection.execute("SELECT count(*) FROM deliveries").fetchone()[0])

    def lease(self, delivery: Delivery, until: float) -> None:
        """Count an attempt; it is due again at `until`, should the attempt never come to an end."""
        self._connection.execute(
            "UPDATE deliveries SET attempts = attempts + 1, due_at = ? WHERE position = ?",
            (until, delivery.position),
        )

    def reschedule(self, delivery: Delivery, due_at: float) -> None:
        """Set the time of the next attempt."""
        self._connection.execute(
            "UPDATE deliveries SET due_at = ? WHERE position = ?", (due_at, delivery.position)
        )

    def settle(self, delivery: Delivery) -> int:
        """A delivery is over; how many are still owed for the same event."""
        self._connection.execute("DELETE FROM deliveries WHERE position = ?", (delivery.position,))
        row = self._connection.execute(
            "SELECT count(*) FROM deliveries WHERE event = ?", (delivery.event,)
        ).fetchone()
        return int(row[0])


def _matching(resource: type[Resource], filters: Mapping[str, str]) -> tuple[str, list[str | int]]:
    clauses = ["kind = ?"]
    values: list[str | int] = [resource.KIND]
    for field, value in filters.items():
        clauses.append(f"json_extract(body, '$.{field}') = ?")
        values.append(value)
    return " AND ".join(clauses), values
