"""Idempotent requests, with Stripe's semantics (https://docs.stripe.com/api/idempotent_requests).

Owns when an answer is stored and replayed, and the ids that a request draws: under an
`Idempotency-Key` they follow from it, so that a retry after a crash finds what the first try made.
Keys belong to their API key: another one's are not seen. Does not own storage (`adapters.db`).
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Final, assert_never

from fastapi import Depends, Header, Request, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.repositories import idempotency as store
from api.authentication import Caller, caller_of
from api.dependencies import dependencies_of
from api.json_request import JsonRequest
from api.problems import Unavailable, problem_response, request_id_of
from billing.errors import (
    BooksBroken,
    Conflict,
    GatewayUnavailable,
    InvalidInput,
    PerennialError,
)
from billing.ids import derived_id

REPLAYED_HEADER: Final = "Idempotent-Replayed"
_KEPT_HEADERS: Final = ("content-type", "etag")
_TRANSIENT: Final = (Unavailable, GatewayUnavailable, BooksBroken)
"""Not answers but the lack of one: the same key may be tried again."""
_TRANSIENT_CODES: Final = frozenset({"period_ending", "test_clock_advancing"})
"""Conflicts that pass by themselves within seconds."""

Execute = Callable[[], Awaitable[Response]]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+( [!-~]+)*$",
        description="Chosen by the caller; the same request under the same key is done once."
        " Printable ASCII, at most 255 characters.",
        examples=["7f9b8d4e-order-1042"],
    ),
]


class RequestIds:
    """Ids for what a request creates: of the key where there is one, else random."""

    def __init__(self, seed: tuple[str, str] | None) -> None:
        self._seed = seed

    def new(self, prefix: str) -> str:
        """The same id for the same prefix within one request; unguessable without a key."""
        if self._seed is None:
            self._seed = ("random", secrets.token_hex(16))
        return derived_id(prefix, *self._seed)


class IdempotentExecution:
    """One request's execution: done at most once per API key and `Idempotency-Key`."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        caller: Caller,
        key: str,
        request_hash: str,
        request_id: str | None,
    ) -> None:
        self._engine = engine
        self._caller = caller
        self._key = key
        self._request_hash = request_hash
        self._request_id = request_id

    async def run(self, execute: Execute) -> Response:
        """The stored answer, or the one that `execute` gives, stored unless it is transient.

        Raises `Conflict` (`idempotency_key_in_use`) while the first request runs and
        `InvalidInput` (`idempotency_key_reused`) where the key was used for another request.
        """
        begun = await store.begin(
            self._engine,
            api_key_id=self._caller.api_key_id,
            key=self._key,
            request_hash=self._request_hash,
        )
        match begun:
            case store.Replay():
                return _replayed(begun)
            case store.Running():
                raise Conflict(
                    "idempotency_key_in_use", "a request with this key is running: try again"
                )
            case store.Mismatch():
                raise InvalidInput(
                    "idempotency_key_reused", "this key was used for a request with other content"
                )
            case store.New():
                return await self._first(begun.lease, execute)
            case _:
                assert_never(begun)

    async def _first(self, lease: datetime, execute: Execute) -> Response:
        mine = {"api_key_id": self._caller.api_key_id, "key": self._key}
        try:
            response = await execute()
        except PerennialError as error:
            if _is_transient(error):
                await store.release(self._engine, lease=lease, **mine)
                raise
            response = problem_response(error, request_id=self._request_id)
        except Exception:
            await store.release(self._engine, lease=lease, **mine)
            raise
        await store.finish(
            self._engine,
            lease=lease,
            status=response.status_code,
            headers={
                name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers
            },
            body=bytes(response.body),
            **mine,
        )
        return response


async def execute_once(request: Request, key: str | None, execute: Execute) -> Response:
    """The answer of `IdempotentExecution.run`; without a key, what `execute` answers.

    Raises as `run` does.
    """
    if key is None:
        return await execute()
    execution = IdempotentExecution(
        engine=dependencies_of(request).engine,
        caller=caller_of(request),
        key=key,
        request_hash=await _request_hash(request),
        request_id=request_id_of(request),
    )
    return await execution.run(execute)


async def request_ids(request: Request) -> RequestIds:
    """Where an endpoint draws the ids of what it creates; its route has checked the key."""
    key = request.headers.get("idempotency-key")
    return RequestIds(None if key is None else (caller_of(request).api_key_id, key))


Ids = Annotated[RequestIds, Depends(request_ids)]


async def _request_hash(request: Request) -> str:
    """Of what the request means: spacing and the order of an object's keys make no difference.

    The version that it is based on is a part of that.
    """
    meaning: object = None
    if isinstance(request, JsonRequest) and await request.body():
        meaning = await request.json()
    asked = [request.method, request.url.path, request.url.query, meaning]
    condition = request.headers.get("if-match")
    content = json.dumps(asked if condition is None else [*asked, condition], sort_keys=True)
    return sha256(content.encode()).hexdigest()


def _is_transient(error: PerennialError) -> bool:
    return isinstance(error, _TRANSIENT) or error.code in _TRANSIENT_CODES


def _replayed(stored: store.Replay) -> Response:
    return Response(
        stored.body, status_code=stored.status, headers={**stored.headers, REPLAYED_HEADER: "true"}
    )
