"""Serving the simulator: in the foreground, or inside a test.

Owns the uvicorn settings. Does not own the application (`app`).
"""

import asyncio
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


class SimulatorServer(uvicorn.Server):
    """A uvicorn server that says when it can be reached."""

    def __init__(self, config: SimulatorConfig, *, clock: Clock = time.time) -> None:
        self.listening = asyncio.Event()
        super().__init__(
            uvicorn.Config(
                create_app(config, clock=clock),
                http=ResettableProtocol,
                ws="none",
                lifespan="on",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.listening.set()


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
        server.should_exit = True
        await serving
        listener.close()
