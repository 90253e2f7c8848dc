"""First tries of payments, made where workflows run, as long as the gateway answers (ADR 0035).

Owns the pause after one that failed: a gateway that hangs would take every workflow task of the
worker, and with them commands that have nothing to do with it. Does not own what is tried instead:
an activity of the usual kind, which waits beside everything else.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from temporalio import activity

from billing.errors import GatewayBusy, GatewayUnavailable

PAUSE_SECONDS: Final = 30.0


class FirstTries:
    """One for all first tries of a worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._paused_until = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around whatever talks to the gateway; activities of the usual kind pass through.

        Raises `GatewayBusy` (`gateway_not_answering`) where a first try failed a moment ago.
        """
        if not (activity.in_activity() and activity.info().is_local):
            yield
            return
        if self._clock() < self._paused_until:
            raise GatewayBusy("gateway_not_answering", "the gateway did not answer a moment ago")
        try:
            yield
        except (GatewayUnavailable, asyncio.CancelledError):  # its time was over
            self._paused_until = self._clock() + PAUSE_SECONDS
            raise
