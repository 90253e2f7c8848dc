"""Objects of one kind, by their ids.

Owns the answer to an id that nobody gave out. Does not own what the objects are.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from billing.errors import GatewayRefused

T = TypeVar("T")


class Shelf(Generic[T]):
    """Keeps objects in the order in which they were made."""

    def __init__(self) -> None:
        self._things: dict[str, T] = {}

    def put(self, identifier: str, thing: T) -> None:
        """A new object, or the next state of one."""
        self._things[identifier] = thing

    def get(self, identifier: str) -> T:
        """Raises `GatewayRefused` (`resource_missing`)."""
        try:
            return self._things[identifier]
        except KeyError:
            raise GatewayRefused(
                "resource_missing", "the gateway knows nothing of that id"
            ) from None

    def newest_first(self) -> Iterator[T]:
        """As Stripe lists them."""
        return reversed(self._things.values())
