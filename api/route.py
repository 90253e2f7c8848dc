"""What every operation of the API has in common.

Owns the order of Stripe's layers: authentication, then reading and validation, then idempotency,
then execution; and what of it the OpenAPI document says. An operation's scope follows from its
tag and its method, its documented problems from both. Does not own the operations themselves.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from enum import Enum
from functools import wraps
from typing import Any, Final, cast, get_args

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.answer import SHOWN_VERSION, Answer, respond, respond_to_post
from api.authentication import SCHEME, authenticate, scope_for
from api.idempotency import IdempotencyKey, execute_once
from api.json_request import JsonRequest
from api.problems import PROBLEM_MEDIA_TYPE
from billing.errors import InvalidInput

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = Callable[..., Awaitable[BaseModel | Response]]
Dependency = Callable[[Request], Awaitable[object]]

_REQUEST: Final = "request_of_the_route"
_KEY: Final = "idempotency_key_of_the_route"
_MEDIA_TYPE_UNSUPPORTED: Final = 415
_MEANINGS: Final[Mapping[int, str]] = {
    400: "The request cannot be read",
    401: "No valid API key",
    402: "The card was declined",
    403: "The API key must not do this",
    404: "Nothing has this id",
    409: "The state of things forbids it now",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "The request can never succeed as written",
    503: "A part of the system is out of reach",
}


class ApiRoute(APIRoute):
    """An operation under an API key. POSTs are executed once per `Idempotency-Key`."""

    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        tags: list[str | Enum] | None = None,
        methods: set[str] | list[str] | None = None,
        status_code: int | None = None,
        responses: Mapping[int | str, dict[str, Any]] | None = None,
        openapi_extra: dict[str, Any] | None = None,
        **others: Any,  # noqa: ANN401 - handed on as it comes
    ) -> None:
        if not tags or not methods:
            raise ValueError(f"{path} needs a tag and a method")
        self._scope = scope_for(str(tags[0]), list(methods))
        self._takes_body = not set(methods) <= {"GET", "HEAD", "DELETE"}
        super().__init__(
            path,
            (executed_once if "POST" in methods else answered)(endpoint, status_code or 200),
            tags=tags,
            methods=methods,
            status_code=status_code,
            responses={
                **_problems(path, takes_body=self._takes_body),
                **_head_of(endpoint, status_code or 200),
                **(responses or {}),
            },
            openapi_extra={**(openapi_extra or {}), "security": [{SCHEME: [self._scope]}]},
            **others,
        )
        self._query_names = frozenset(_query_names(self.dependant))

    def get_route_handler(self) -> Handler:
        """Authenticates before anything of the request is read."""
        handle = super().get_route_handler()

        async def handle_for_caller(request: Request) -> Response:
            strict = JsonRequest(request.scope, request.receive)
            await authenticate(strict, self._scope)
            self._refuse_unknown_parameters(strict)
            if self._takes_body and await strict.body():
                if not _says_json(strict):
                    raise HTTPException(_MEDIA_TYPE_UNSUPPORTED)
                await strict.json()  # here, where FastAPI does not replace what it raises
            return await handle(strict)

        return handle_for_caller

    def _refuse_unknown_parameters(self, request: Request) -> None:
        """A misspelt filter must not come to a list of everything."""
        unknown = request.query_params.keys() - self._query_names
        if unknown:
            known = ", ".join(sorted(self._query_names)) or "none"
            raise InvalidInput(
                "parameter_unknown", f"a query parameter is unknown here; there are: {known}"
            )


def answered(endpoint: Endpoint, status_code: int) -> Endpoint:
    """The endpoint, its answer written once: it is checked where it is made."""
    given = _of_the_request(endpoint)

    @wraps(endpoint)
    async def answer(**arguments: object) -> Response:
        request = cast("Request", arguments.pop(_REQUEST))
        for name, give in given.items():
            arguments[name] = await give(request)
        return respond(await endpoint(**arguments), status_code)

    return _asking_for(answer, endpoint, given, {_REQUEST: Request})


def executed_once(endpoint: Endpoint, status_code: int) -> Endpoint:
    """The endpoint, executed after validation and within the request's idempotency."""
    given = _of_the_request(endpoint)

    @wraps(endpoint)
    async def once(**arguments: object) -> Response:
        request = cast("Request", arguments.pop(_REQUEST))
        key = cast("str | None", arguments.pop(_KEY))
        for name, give in given.items():
            arguments[name] = await give(request)

        async def execute() -> Response:
            return respond_to_post(await endpoint(**arguments), status_code)

        return await execute_once(request, key, execute)

    return _asking_for(once, endpoint, given, {_REQUEST: Request, _KEY: IdempotencyKey})


def _of_the_request(endpoint: Endpoint) -> Mapping[str, Dependency]:
    """The parameters that follow from the request alone, and what from.

    FastAPI takes longer to solve one of them than all of them take to answer.
    """
    parameters = inspect.signature(endpoint).parameters.values()
    marks = ((each.name, mark) for each in parameters for mark in get_args(each.annotation)[1:])
    return {
        name: mark.dependency
        for name, mark in marks
        if isinstance(mark, Depends)
        and mark.dependency is not None
        and _asks_alone(mark.dependency)
    }


def _asks_alone(dependency: Callable[..., Any]) -> bool:
    """Whether it is awaited and done; what needs a thread or an end is FastAPI's."""
    if not inspect.iscoroutinefunction(dependency):
        return False
    asked = inspect.signature(dependency).parameters.values()
    return [each.annotation for each in asked] == [Request]


def _asking_for(
    answering: Endpoint,
    endpoint: Endpoint,
    given: Mapping[str, Dependency],
    more: Mapping[str, object],
) -> Endpoint:
    """`answering`, for which FastAPI solves what is not `given`, and `more`."""
    signature = inspect.signature(endpoint)
    asked = [each for each in signature.parameters.values() if each.name not in given]
    asked += [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=annotation,
            default=inspect.Parameter.empty if annotation is Request else None,
        )
        for name, annotation in more.items()
    ]
    answering.__signature__ = signature.replace(  # type: ignore[attr-defined]  # read by FastAPI
        parameters=asked
    )
    return answering


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says about an operation's problems."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {
                PROBLEM_MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                }
            },
        }
        for status in statuses
    }


def _head_of(endpoint: Endpoint, status_code: int) -> dict[int | str, dict[str, Any]]:
    answer = inspect.signature(endpoint).return_annotation
    shows_version = inspect.isclass(answer) and issubclass(answer, Answer)
    return {status_code: SHOWN_VERSION} if shows_version else {}


def _problems(path: str, *, takes_body: bool) -> dict[int | str, dict[str, Any]]:
    statuses = {401, 403, 413, 422, 503}
    if takes_body:
        statuses |= {400, 409, 415}
    if "{" in path:
        statuses.add(404)
    return problem_responses(*sorted(statuses))


def _query_names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        yield parameter.alias
    for dependency in dependant.dependencies:
        yield from _query_names(dependency)


def _says_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json"
