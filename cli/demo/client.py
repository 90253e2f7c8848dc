"""Our API and Stripe's, as the demo's programs call them.

Owns requests and their answers' types. Does not own what is asked for (`cli.demo.customer`) nor
waiting (`cli.demo.patience`).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import httpx
from pydantic import ValidationError

from cli.demo.answers import Answer, Problem
from cli.demo.errors import Refused
from cli.demo.patience import Patience

AnswerT = TypeVar("AnswerT", bound=Answer)
Json = Mapping[str, str | int | bool | None]
Form = Mapping[str, str | int]
Query = Mapping[str, str | int | Sequence[str]]

_TIMEOUT_SECONDS: Final = 40.0
"""Longer than the API waits for a workflow before it answers 503."""


class Client:
    """One HTTP API; every method waits for it, and raises `Refused` for what it refuses."""

    def __init__(self, http: httpx.AsyncClient, patience: Patience) -> None:
        self._http = http
        self._patience = patience

    async def read(self, kind: type[AnswerT], path: str, query: Query | None = None) -> AnswerT:
        """What a GET finds."""
        answer = await self._patience.answered(lambda: self._http.get(path, params=query))
        return _read(kind, answer)

    async def post(self, kind: type[AnswerT], path: str, body: Json, *, key: str) -> AnswerT:
        """What a POST makes, once however often it is asked for under `key`."""
        return _read(kind, await self._post(path, body, key))

    async def put(self, kind: type[AnswerT], path: str, body: Json) -> AnswerT:
        """What a PUT leaves, however often it is asked for."""
        answer = await self._patience.answered(lambda: self._http.put(path, json=dict(body)))
        return _read(kind, answer)

    async def post_form(self, kind: type[AnswerT], path: str, form: Form, *, key: str) -> AnswerT:
        """The same of an API that takes forms, as Stripe's does."""
        answer = await self._patience.answered(
            lambda: self._http.post(path, data=form, headers={"Idempotency-Key": key})
        )
        return _read(kind, answer)

    async def refused(self, path: str, body: Json, *, key: str) -> Problem:
        """Why a POST is refused; raises `Refused` where it is not."""
        answer = await self._post(path, body, key)
        if answer.is_success:
            raise Refused(f"POST {path} should have been refused: {answer.text[:500]}")
        return Problem.model_validate_json(answer.content)

    async def _post(self, path: str, body: Json, key: str) -> httpx.Response:
        return await self._patience.answered(
            lambda: self._http.post(path, json=dict(body), headers={"Idempotency-Key": key})
        )


@asynccontextmanager
async def connected(url: str, key: str, patience: Patience) -> AsyncIterator[Client]:
    """A client of the API at `url`, which knows us by `key`."""
    async with httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=_TIMEOUT_SECONDS,
        trust_env=False,
    ) as http:
        yield Client(http, patience)


def _read(kind: type[AnswerT], answer: httpx.Response) -> AnswerT:
    request = answer.request
    if not answer.is_success:
        raise Refused(
            f"{request.method} {request.url.path} was answered with {answer.status_code}: "
            f"{answer.text[:500]}"
        )
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        raise Refused(
            f"{request.method} {request.url.path} was not answered as documented: {error}"
        ) from error
