"""What all tables have in common: one metadata, names of constraints, and kinds of columns.

Owns the conventions: instants are `timestamptz`, posted amounts `bigint` minor units beside a
`char(3)` currency, documents `jsonb`, in which exact decimals are text. Owns no table.
"""

from enum import StrEnum
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
    Table,
    Text,
    inspect,
    text,
)
from sqlalchemy.dialects.postgresql import CHAR, JSONB
from sqlmodel import SQLModel

metadata: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)
"""The declared schema, which a migrated database must equal."""

INSTANT: Final = DateTime(timezone=True)
DOCUMENT: Final = JSONB(none_as_null=True)
MINOR_UNITS: Final = BigInteger()
PERCENT: Final = Numeric(9, 6)
CURRENCY: Final = CHAR(3)
TEXTS: Final = ARRAY(Text)

NOW: Final = text("now()")
ZERO: Final = text("0")
EMPTY: Final = text("'{}'::jsonb")
NO: Final = text("false")


class Row(SQLModel):
    """The parent of every table; statements are written against `table_of(...)`."""

    metadata = metadata


def table_of(row: type[Row]) -> Table:
    """The table that a row class declares."""
    table = inspect(row).local_table
    if not isinstance(table, Table):
        raise TypeError(f"{row.__name__} declares no table")
    return table


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """The column holds one of the enumeration's values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def currency_code(column: str = "currency") -> CheckConstraint:
    """Three upper-case letters; which codes exist is known to `billing.currency`."""
    return CheckConstraint(f"{column} ~ '^[A-Z]{{3}}$'", name=column)


def tax_of_line() -> tuple[CheckConstraint, ...]:
    """A line has no tax, or one with jurisdiction, name and rate; a reason leaves nothing of it."""
    return (
        CheckConstraint(
            "num_nulls(tax_jurisdiction, tax_name, tax_rate) IN (0, 3)"
            " AND (tax_rate IS NOT NULL"
            " OR (tax_minor = 0 AND tax_reason IS NULL AND NOT tax_inclusive))",
            name="tax",
        ),
        CheckConstraint("0 <= tax_rate AND tax_rate <= 100", name="tax_rate"),
        CheckConstraint(
            "tax_reason IS NULL OR (tax_rate = 0 AND tax_minor = 0)", name="tax_reason"
        ),
        CheckConstraint("tax_category IS NULL OR tax_rate IS NOT NULL", name="tax_category"),
        CheckConstraint("tax_minor * sign(amount_minor) >= 0", name="tax_minor"),
    )


def references(columns: str, target: str, *, deferred: bool = False) -> ForeignKeyConstraint:
    """A foreign key, `references("a b", "table.a table.b")`.

    `deferred` ones are checked at commit: a transaction may write in the order it likes.
    """
    return ForeignKeyConstraint(
        columns.split(),
        target.split(),
        deferrable=True if deferred else None,
        initially="DEFERRED" if deferred else None,
    )


def index(
    table: str, columns: str, *, unique: bool = False, where: str | None = None, name: str = ""
) -> Index:
    """An index over `columns`, partial where `where` is given."""
    names = columns.split()
    ending = "key" if unique else "idx"
    return Index(
        name or "_".join((table, *names, ending)),
        *names,
        unique=unique,
        postgresql_where=None if where is None else text(where),
    )
