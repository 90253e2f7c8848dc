"""What a route gives its endpoint by itself, and what it leaves to FastAPI."""

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import pytest
from fastapi import Depends, Request, Response

from api.route import answered, executed_once


async def _awaited(request: Request) -> str:
    return request.method


def _in_a_thread(request: Request) -> str:
    return request.method


async def _with_an_end(request: Request) -> AsyncIterator[str]:
    yield request.method


class _Made:
    def __init__(self, request: Request) -> None:
        self.method = request.method


@pytest.mark.parametrize("route", [answered, executed_once])
@pytest.mark.parametrize(
    ("dependency", "is_left"),
    [(_awaited, False), (_in_a_thread, True), (_with_an_end, True), (_Made, True)],
)
def test_only_what_can_be_awaited_is_given_by_the_route(
    route: Callable[..., object], dependency: Callable[..., object], *, is_left: bool
) -> None:
    async def endpoint(said: Annotated[object, Depends(dependency)]) -> Response:
        return Response(str(said))

    asked = inspect.signature(route(endpoint, 200)).parameters  # type: ignore[arg-type]  # callable
    assert ("said" in asked) is is_left
