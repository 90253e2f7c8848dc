"""Whether the worker works, for supervisors and for Prometheus.

Owns `GET /healthz` and `GET /metrics` of the worker's process.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class _Server(uvicorn.Server):
    """Leaves signals to the process, which stops the worker first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving_health(
    host: str, port: int, *, is_working: Callable[[], bool]
) -> AsyncIterator[None]:
    """Serves for as long as the block lasts; 503 while `is_working` says no."""

    def healthz(_: Request) -> Response:
        working = is_working()
        return JSONResponse(
            {"status": "ok" if working else "not working"}, status_code=200 if working else 503
        )

    def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(routes=[Route("/healthz", healthz), Route("/metrics", metrics)])
    server = _Server(
        uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off")
    )
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task
