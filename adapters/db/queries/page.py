"""Pages of lists: newest first, continued after the last item seen.

Owns cursors. A cursor names a position and not a count, so that rows written or removed meanwhile
neither repeat nor hide others.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Column, Row, Select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.errors import InvalidInput

ItemT = TypeVar("ItemT")

MAX_LIMIT: Final = 100
_SEPARATOR: Final = " "
_LARGEST_NUMBER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """Some items, and the cursor of those after them; None on the last page."""

    items: tuple[ItemT, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a list is sorted by: an instant, and an id where instants are equal."""

    at: Column[Any]
    id: Column[Any]


async def read_page(
    connection: AsyncConnection,
    query: Select[Any],
    *,
    order: Order,
    as_item: Callable[[Row[Any]], ItemT],
    cursor: str | None,
    limit: int,
) -> Page[ItemT]:
    """Up to `limit` (1 to 100) items after `cursor`; `query` selects the columns of `order`.

    Raises `InvalidInput` (`invalid_cursor`, `limit_out_of_range`).
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput("limit_out_of_range", f"a page has 1 to {MAX_LIMIT} items")
    if cursor is not None:
        query = query.where(tuple_(order.at, order.id) < tuple_(*_position(cursor, order)))
    newest_first = query.order_by(order.at.desc(), order.id.desc()).limit(limit + 1)
    rows = (await connection.execute(newest_first)).all()
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(
        items=tuple(as_item(row) for row in shown),
        next_cursor=_cursor(shown[-1], order) if more else None,
    )


def _cursor(row: Row[Any], order: Order) -> str:
    at: datetime = row._mapping[order.at]  # noqa: SLF001 - public, named to stay clear of columns
    position = f"{at.isoformat()}{_SEPARATOR}{row._mapping[order.id]}"  # noqa: SLF001
    return urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _position(cursor: str, order: Order) -> tuple[datetime, str | int]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        at, _, identifier = urlsafe_b64decode(padded).decode().partition(_SEPARATOR)
        instant = datetime.fromisoformat(at)
        position = int(identifier) if order.id.type.python_type is int else identifier
    except (binascii.Error, ValueError):
        raise _not_a_cursor() from None
    is_huge = isinstance(position, int) and abs(position) > _LARGEST_NUMBER
    if instant.tzinfo is None or is_huge:
        raise _not_a_cursor()
    return instant, position


def _not_a_cursor() -> InvalidInput:
    return InvalidInput("invalid_cursor", "the cursor was not handed out by this list")
