"""Every request's id, log line and measurement, and the last answer to an unforeseen failure.

Owns the request id, the access log and the metrics of requests. Logs routes and statuses, never
paths with ids, queries, bodies or addresses: those can be personal data.
"""

import secrets
import time
from functools import cache
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import internal_error

REQUEST_ID_HEADER: Final = "Request-Id"

REQUESTS: Final = Counter(
    "perennial_http_requests_total", "Requests answered", ("method", "route", "status")
)
DURATION: Final = Histogram(
    "perennial_http_request_duration_seconds",
    "Time to answer",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30),
)

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_FAILED: Final = 500
_QUIET_ROUTES: Final = frozenset({"/healthz", "/readyz", "/metrics"})

log = structlog.get_logger(__name__)


class RequestLog:
    """Pure ASGI, outermost: what happens further in is seen and, at worst, answered here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{secrets.token_hex(16)}"
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id)
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, answer.send)
            except Exception:
                log.exception("request.failed", method=_method(scope), route=_route(scope))
                if answer.status is not None:
                    raise
                await internal_error(request_id=request_id)(scope, receive, answer.send)
            finally:
                _measure(scope, answer.status, time.perf_counter() - started)


class _Answer:
    """Notes the status as it passes and adds the request's id."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            MutableHeaders(scope=message)[REQUEST_ID_HEADER] = self._request_id
        await self._send(message)


def _measure(scope: Scope, status: int | None, seconds: float) -> None:
    method, route = _method(scope), _route(scope)
    _requests(method, route, status).inc()
    _durations(method, route).observe(seconds)
    if route in _QUIET_ROUTES and (status or 0) < _FAILED:
        return
    log.info(
        "request.answered",
        method=method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 1),
        caller=scope.get("state", {}).get("api_key_id"),
    )


@cache
def _requests(method: str, route: str, status: int | None) -> Counter:
    return REQUESTS.labels(method, route, str(status))


@cache
def _durations(method: str, route: str) -> Histogram:
    return DURATION.labels(method, route)


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in _METHODS else "OTHER"


def _route(scope: Scope) -> str:
    route = scope.get("route")
    path = getattr(route, "path", None) if isinstance(route, BaseRoute) else None
    return path if isinstance(path, str) else "unknown"
