"""Waiting for a system that may be killed and started again while the demo plays.

Owns what is waited for and for how long. A request is repeated as it was, under the same
`Idempotency-Key`, so that waiting never does anything twice.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import httpx

from cli.demo.errors import OutOfReach

PATIENCE_SECONDS: Final = 300.0
"""Longer than a killed worker's payment (3 minutes) or request (1 minute) is believed to run."""

_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
_PASSING_STATUSES: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_PASSING_CODES: Final = frozenset({"idempotency_key_in_use", "test_clock_advancing"})


class Patience:
    """How long the demo waits, and whom it tells that it does."""

    def __init__(self, tell: Callable[[str], None], *, seconds: float = PATIENCE_SECONDS) -> None:
        self._tell = tell
        self._seconds = seconds

    async def answered(self, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """The first answer that is one; raises `OutOfReach` where none comes in time."""
        answers: list[httpx.Response] = []

        async def is_answered() -> bool:
            try:
                answer = await send()
            except httpx.TransportError as error:
                raise _NotYet(f"no connection ({type(error).__name__})") from error
            if _is_passing(answer):
                raise _NotYet(f"{answer.status_code} from {answer.request.url.path}")
            answers.append(answer)
            return True

        await self.until(is_answered, "an answer")
        return answers[-1]

    async def until(self, has_happened: Callable[[], Awaitable[bool]], what: str) -> None:
        """Returns once `has_happened` says so; raises `OutOfReach` where that takes too long."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds
        pause = _PAUSE_SECONDS
        while True:
            reason = f"waiting for {what}"
            try:
                if await has_happened():
                    return
                pause = _PAUSE_SECONDS
            except _NotYet as error:
                reason = f"{reason}: {error}"
                self._tell(reason)
                pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
            if loop.time() > deadline:
                raise OutOfReach(f"gave up {reason}, after {self._seconds:.0f} s")
            await asyncio.sleep(pause)


class _NotYet(Exception):
    """The system is out of reach for now."""


def _is_passing(answer: httpx.Response) -> bool:
    if answer.status_code in _PASSING_STATUSES:
        return True
    return answer.status_code == HTTPStatus.CONFLICT and problem_code(answer) in _PASSING_CODES


def problem_code(answer: httpx.Response) -> str | None:
    """The code of a problem document; None for any other content."""
    try:
        document = answer.json()
    except json.JSONDecodeError:
        return None
    code = document.get("code") if isinstance(document, dict) else None
    return code if isinstance(code, str) else None
