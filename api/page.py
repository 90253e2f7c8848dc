"""Lists: newest first, a page at a time.

Owns the shape of a page and the parameters that ask for one. Does not own what cursors mean
(`adapters.db.queries.page`): callers hand them back as they are.
"""

from collections.abc import Callable
from typing import Annotated, Final, Generic, Self, TypeVar

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from adapters.db.queries.page import MAX_LIMIT
from adapters.db.queries.page import Page as StoredPage

ViewT = TypeVar("ViewT", bound=BaseModel)
StoredT = TypeVar("StoredT")

DEFAULT_LIMIT: Final = 20


def _digits(value: object) -> object:
    """Pydantic reads `1.0` and `1_0` as integers too."""
    if isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdigit()):
        raise PydanticCustomError("wrong_type", "write a whole number in digits")
    return value


Limit = Annotated[
    int,
    BeforeValidator(_digits),
    Query(ge=1, le=MAX_LIMIT, description="How many at most"),
]
Cursor = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=300,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the page before",
    ),
]


class Page(BaseModel, Generic[ViewT]):
    """Some items of a list. Items created meanwhile never repeat or hide others."""

    data: list[ViewT]
    has_more: bool
    next_cursor: str | None = Field(description="Pass as `cursor`; null on the last page")

    @classmethod
    def of(cls, page: StoredPage[StoredT], view: Callable[[StoredT], ViewT]) -> Self:
        """The page, each of its items as the API shows it."""
        return cls(
            data=[view(item) for item in page.items],
            has_more=page.next_cursor is not None,
            next_cursor=page.next_cursor,
        )
