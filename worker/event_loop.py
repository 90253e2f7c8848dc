"""The event loop that the worker runs on.

Owns the choice. A renewal is mostly small writes to sockets, which uvloop does with a tenth less of
the processor than asyncio; where it does not exist, as on Windows, asyncio does them.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

try:
    import uvloop
except ImportError:
    new: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    new = uvloop.new_event_loop

T = TypeVar("T")


def run(main: Coroutine[object, object, T]) -> T:
    """As `asyncio.run`."""
    with asyncio.Runner(loop_factory=new) as runner:
        return runner.run(main)
