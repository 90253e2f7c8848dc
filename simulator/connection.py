"""The wire: answers, and the ways in which an answer never arrives.

Owns silence and resets, which ASGI alone cannot express, and the uvicorn protocol that makes them
possible. Does not decide when they happen.
"""

import asyncio
import socket
import struct
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TRANSPORT = "simulator.transport"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ResettableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with the transport within reach of the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Remember the transport in the state that every request of this connection carries."""
        self.app_state = {**self.app_state, _TRANSPORT: transport}
        super().connection_made(transport)


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is cut without an answer."""

    async def carry_out(self, scope: Scope, receive: Receive) -> None:  # noqa: ARG002 - as Silence
        """Send a TCP reset."""
        transport: asyncio.Transport | None = scope.get("state", {}).get(_TRANSPORT)
        if transport is None:
            raise ConnectionResetError("reset by order; this server cannot cut a connection")
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer until the client gives up; after `seconds` the connection is cut."""

    seconds: float

    async def carry_out(self, scope: Scope, receive: Receive) -> None:
        """Wait for the client to leave."""
        try:
            async with asyncio.timeout(self.seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            await Reset().carry_out(scope, receive)


async def reply_with(send: Send, status: int, body: str, headers: dict[str, str]) -> None:
    """Send a JSON answer."""
    content = body.encode()
    fields = {
        "content-type": "application/json",
        "content-length": str(len(content)),
        **headers,
    }
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})
