"""How large a request may be, and how long it may take to arrive.

Owns the bounds on bodies and refuses what exceeds them before any other code reads it. Does not own
what bodies mean (`api.json_request`).
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import framework_problem

LARGEST_BODY_BYTES: Final = 256 * 1024
"""Stripe's largest events stay well below it; requests of ours never come near."""

SECONDS_TO_SEND: Final = 30.0
"""How long a client may take over its body; whoever is slower holds a connection for nothing."""

_TOO_LARGE: Final = 413
_TOO_SLOW: Final = 408
_MOST_DIGITS: Final = 18


class BodyLimit:
    """Pure ASGI: reads the body, at most `LARGEST_BODY_BYTES` of it, before the application runs.

    So nothing of ours runs on half a request: an oversized one is answered with 413, one that
    takes too long with 408, an aborted one with nothing.
    """

    def __init__(self, app: ASGIApp, *, seconds_to_send: float = SECONDS_TO_SEND) -> None:
        self._app = app
        self._seconds_to_send = seconds_to_send

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > LARGEST_BODY_BYTES:
            await _refuse(_TOO_LARGE, scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds_to_send):
                body = await _read(receive)
        except TimeoutError:
            await _refuse(_TOO_SLOW, scope, receive, send)
            return
        if body is None:
            return
        if len(body) > LARGEST_BODY_BYTES:
            await _refuse(_TOO_LARGE, scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)


async def _read(receive: Receive) -> bytes | None:
    """The body, or its beginning where it is too large; None where the client went away."""
    body = bytearray()
    while len(body) <= LARGEST_BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


def _declared_length(scope: Scope) -> int:
    said = (value for name, value in scope["headers"] if name == b"content-length")
    declared = next(said, b"0")
    if not declared.isdigit():
        return 0
    return int(declared) if len(declared) < _MOST_DIGITS else LARGEST_BODY_BYTES + 1


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replayed() -> Message:
        return next(messages, None) or await receive()

    return replayed


async def _refuse(status: int, scope: Scope, receive: Receive, send: Send) -> None:
    request_id = scope.get("state", {}).get("request_id")
    response = framework_problem(status, request_id=request_id, headers={"Connection": "close"})
    await response(scope, receive, send)
