"""Many small pieces of work at the same time, and not too many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")

_AT_ONCE: Final = 8
"""Enough to keep two processors busy."""


async def side_by_side(work: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """What each piece of work answered, in their order."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def do(piece: Callable[[], Awaitable[T]]) -> T:
        async with places:
            return await piece()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(do(piece)) for piece in work]
    return [task.result() for task in tasks]
