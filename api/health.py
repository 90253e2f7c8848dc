"""Whether the API is alive and what it depends on is reachable; its measurements.

Owns `/healthz`, `/readyz` and `/metrics`. They need no API key: expose them to operators alone.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import text

from api.dependencies import Dependencies, Deps

router = APIRouter(tags=["operations"])

_PATIENCE: Final = timedelta(seconds=3)

log = structlog.get_logger(__name__)


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class PartState(StrEnum):
    """Whether a part answered in time."""

    OK = "ok"
    UNREACHABLE = "unreachable"


class Readiness(BaseModel):
    """What the API depends on, each part by its name."""

    database: PartState
    temporal: PartState

    @property
    def is_ready(self) -> bool:
        """Whether requests can be served."""
        return {self.database, self.temporal} == {PartState.OK}


@router.get("/healthz", operation_id="read_health", summary="Whether the process is alive")
async def read_health() -> Health:
    """Answers as long as the process can answer anything."""
    return Health()


@router.get(
    "/readyz",
    operation_id="read_readiness",
    summary="Whether requests can be served",
    responses={503: {"model": Readiness, "description": "A part is out of reach"}},
    response_model=Readiness,
)
async def read_readiness(deps: Deps) -> Response:
    """Asks the database and Temporal; 503 names the one that does not answer."""
    database, temporal = await asyncio.gather(
        _answers("database", _ask_database(deps)), _answers("temporal", _ask_temporal(deps))
    )
    readiness = Readiness(database=database, temporal=temporal)
    status = HTTPStatus.OK if readiness.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse(readiness.model_dump(mode="json"), status_code=status)


@router.get("/metrics", operation_id="read_metrics", include_in_schema=False)
async def read_metrics() -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _answers(part: str, question: Awaitable[None]) -> PartState:
    try:
        await asyncio.wait_for(question, _PATIENCE.total_seconds())
    except Exception as error:  # noqa: BLE001 - whatever it is, the part does not answer
        log.warning("part.unreachable", part=part, error=type(error).__name__)
        return PartState.UNREACHABLE
    return PartState.OK


async def _ask_database(deps: Dependencies) -> None:
    async with deps.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def _ask_temporal(deps: Dependencies) -> None:
    if not await deps.temporal.service_client.check_health(timeout=_PATIENCE):
        raise ConnectionError
