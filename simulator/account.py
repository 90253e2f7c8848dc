"""The Stripe account that is simulated: its state and everything that changes it.

Owns what one running simulator consists of, and the frames in which work is done. Does not own any
behaviour.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simulator.config import SimulatorConfig
from simulator.conformance import Conformance
from simulator.faults import Faults
from simulator.operation import Operation
from simulator.request_log import RequestLog
from simulator.store import Store

Clock = Callable[[], float]
"""Returns the present in Unix seconds."""


class Account:
    """One simulator at work. Everything happens on one event loop; nothing here is thread-safe."""

    def __init__(self, config: SimulatorConfig, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.store = Store(config.database)
        self.faults = Faults()
        self.requests = RequestLog(config.recorded_requests)
        self.conformance = Conformance(enabled=config.strict)
        self.keys_in_use: set[str] = set()
        self.changed = asyncio.Event()
        """Set after anything that may have made a delivery or a timer due."""

    def close(self) -> None:
        """Flush the state to its file."""
        self.store.close()

    def operation(
        self,
        host: str,
        *,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Operation:
        """The frame of one execution, now; `host` is how the caller addressed the simulator."""
        return Operation(
            store=self.store,
            now=int(self.clock()),
            livemode=self.config.livemode,
            public_url=(self.config.public_url or host).rstrip("/"),
            settlement_seconds=self.config.settlement_seconds,
            request_id=request_id,
            idempotency_key=idempotency_key,
        )

    @contextmanager
    def work(self, host: str) -> Iterator[Operation]:
        """An operation in a transaction of its own, for what no API request causes."""
        with self.store.transaction():
            yield self.operation(host)
        self.changed.set()
