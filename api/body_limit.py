"""How large a request may be.

Owns the bound on bodies and refuses what exceeds it before any other code reads it. Does not own
what bodies mean (`api.json_request`).
"""

from collections.abc import Iterator
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import framework_problem

LARGEST_BODY_BYTES: Final = 256 * 1024
"""Stripe's largest events stay well below it; requests of ours never come near."""

_TOO_LARGE: Final = 413
_MOST_DIGITS: Final = 18


class BodyLimit:
    """Pure ASGI: reads the body, at most `LARGEST_BODY_BYTES` of it, before the application runs.

    So nothing of ours runs on half a request: an oversized one is answered with 413, an aborted
    one with nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > LARGEST_BODY_BYTES:
            await _refuse(scope, receive, send)
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > LARGEST_BODY_BYTES:
                await _refuse(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        await self._app(scope, _replay(bytes(body), receive), send)


def _declared_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()):
        return 0
    return int(declared) if len(declared) < _MOST_DIGITS else LARGEST_BODY_BYTES + 1


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replayed() -> Message:
        return next(messages, None) or await receive()

    return replayed


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    request_id = scope.get("state", {}).get("request_id")
    response = framework_problem(_TOO_LARGE, request_id=request_id, headers={"Connection": "close"})
    await response(scope, receive, send)
