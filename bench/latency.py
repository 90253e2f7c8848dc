"""Latency of the API: our operations against a bare route, over connections that are kept alive.

Owns the requests and the clock. Requests of the two sides take turns in short runs, on a socket of
each; a client library would take longer than the route and make every comparison look good.
"""

import socket
import time
from dataclasses import dataclass
from statistics import median
from types import TracebackType
from typing import Final, Self

from bench.figures import Spread

_RUN: Final = 50
"""Requests of one side before the other side's turn."""
_TIMEOUT_SECONDS: Final = 30
_CHUNK: Final = 65_536


class UnexpectedAnswer(Exception):
    """The server answered something else than success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that is made again and again."""

    port: int
    path: str
    method: str = "GET"
    api_key: str | None = None
    body: str | None = None

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1"]
        if self.api_key is not None:
            lines.append(f"Authorization: Bearer {self.api_key}")
        body = (self.body or "").encode()
        if self.body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Medians of the runs, in milliseconds, and the ratio of neighbouring runs."""

    ours: Spread
    baseline: Spread
    ratio: Spread


class Connection:
    """A socket that stays open between requests; a context manager."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def ask(self, request: bytes) -> float:
        """Seconds until the whole answer was there. Raises `UnexpectedAnswer` but for 200."""
        began = time.perf_counter()
        self._socket.sendall(request)
        answer = self._socket.recv(_CHUNK)
        while (missing := _missing(answer)) != 0:
            more = self._socket.recv(_CHUNK if missing is None else missing)
            if not more:
                raise UnexpectedAnswer("the connection was closed")
            answer += more
        took = time.perf_counter() - began
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise UnexpectedAnswer(answer.decode(errors="replace"))
        return took


def compare(ours: Call, bare: Call, *, requests: int) -> Latency:
    """Both sides by turns, `requests` of each, after as many runs again as warm-up need."""
    with Connection(ours.port) as our_connection, Connection(bare.port) as bare_connection:
        sides = ((our_connection, ours.encoded()), (bare_connection, bare.encoded()))
        for connection, request in sides:
            _median_of_run(connection, request)
        runs = [
            [_median_of_run(connection, request) for connection, request in sides]
            for _ in range(max(1, requests // _RUN))
        ]
    return Latency(
        ours=Spread.of([our for our, _ in runs]),
        baseline=Spread.of([bare_one for _, bare_one in runs]),
        ratio=Spread.of([our / bare_one for our, bare_one in runs]),
    )


def _median_of_run(connection: Connection, request: bytes) -> float:
    """In milliseconds."""
    return 1000 * median(connection.ask(request) for _ in range(_RUN))


def _missing(answer: bytes) -> int | None:
    """How many bytes are still to come; None before the end of the headers."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return None
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value) - len(body)
    raise UnexpectedAnswer("an answer without a length")
