"""The HTTP server that the application runs in, and the socket it listens on.

Does not own the process: `python -m api` does.
"""

import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp

_GRACE_SECONDS: Final = 10
_BACKLOG: Final = 512
_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than callers keep an idle connection (load balancers 60 s, HTTP clients 5 s and more). One
that the server closes first takes the request with it that is just being sent, and nobody sends a
POST again by himself."""


class CannotStart(Exception):
    """What keeps the process from serving, in words for an operator."""


def serving(app: ASGIApp) -> uvicorn.Server:
    """A server of `app`, to be given its sockets; requests under way are finished when it ends."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
    )


def listening(host: str, port: int) -> socket.socket:
    """Bound before anything is connected: a taken port is said at once, by `CannotStart`.

    An answer's head and its body are sent in two pieces. Unless told otherwise, the kernel keeps
    the second one back until the first is acknowledged: 40 ms on a connection that is kept open.
    """
    try:
        listener = socket.create_server((host, port), backlog=_BACKLOG, family=_family(host))
    except OSError as error:
        raise CannotStart(f"{host}:{port} cannot be listened on: {error.strerror}") from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
