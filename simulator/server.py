"""Serving the simulator: in the foreground, or inside a test.

Owns the uvicorn settings. Does not own the application (`app`).
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from simulator.account import Clock
from simulator.app import create_app
from simulator.config import SimulatorConfig
from simulator.connection import ResettableProtocol

_SECONDS_TO_FINISH = 2
_TICK_SECONDS = 0.1
_KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep one: none may send into a connection that is just being closed."""


class SimulatorServer(uvicorn.Server):
    """A uvicorn server that says when it can be reached."""

    def __init__(self, config: SimulatorConfig, *, clock: Clock = time.time) -> None:
        self.listening = asyncio.Event()
        self._stopping = asyncio.Event()
        super().__init__(
            uvicorn.Config(
                create_app(config, clock=clock),
                http=ResettableProtocol,
                ws="none",
                lifespan="on",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=_SECONDS_TO_FINISH,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.listening.set()

    def stop(self) -> None:
        """Begin the end at once: uvicorn itself looks for it ten times a second."""
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        """Serve until stopped or signalled."""
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does, but without its fixed waits where no request is under way."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # the closed transports say so to their protocols
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
        elif not self.force_exit:
            await self.lifespan.shutdown()


def bound_socket(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises OSError for a port that is taken.

    Its protocol is named because asyncio sets TCP_NODELAY on no other: each answer would wait 40 ms
    for the client's delayed acknowledgement.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket) -> str:
    """The base URL under which a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def running(
    config: SimulatorConfig, *, clock: Clock = time.time, port: int = 0
) -> AsyncIterator[str]:
    """A simulator on this event loop, on a free port; yields its base URL."""
    listener = bound_socket("127.0.0.1", port)
    server = SimulatorServer(config, clock=clock)
    serving = asyncio.create_task(server._serve([listener]))  # noqa: SLF001 - no signal handlers
    try:
        started = asyncio.create_task(server.listening.wait())
        await asyncio.wait({serving, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if serving.done():
            await serving
        yield address_of(listener)
    finally:
        server.stop()
        await serving
        listener.close()
