"""Problem documents (RFC 9457): the one place where errors become HTTP answers.

    PerennialError
    └── RequestRefused        the request did not reach what it asks for
        ├── Malformed             it cannot be read at all
        ├── Unauthenticated       nobody we know asks
        ├── Forbidden             the API key must not ask for it
        ├── PaymentDeclined       it needs a payment, and the payment was refused: nothing changed
        └── Unavailable           a part of the system is out of reach: try again

Owns the mapping from `billing.errors` and from the framework's own refusals to statuses and stable
codes. Does not own the codes of the rules, which are named where they are raised.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from api.outage import DATABASE_ERRORS, is_outage
from billing.errors import (
    BooksBroken,
    Conflict,
    GatewayRefused,
    GatewayUnavailable,
    InvalidInput,
    NotFound,
    PerennialError,
)

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER_SECONDS: Final = "2"
_LONGEST_POINTER: Final = 200

log = structlog.get_logger(__name__)


class RequestRefused(PerennialError):
    """The request did not reach what it asks for."""


class Malformed(RequestRefused):
    """The request cannot be read at all."""


class Unauthenticated(RequestRefused):
    """No API key, or none that is known and valid."""


class Forbidden(RequestRefused):
    """The API key must not do this."""


class PaymentDeclined(RequestRefused):
    """What was asked for needs a payment that was refused: nothing has changed (policy P11)."""


class Unavailable(RequestRefused):
    """A part of the system is out of reach; the same request may succeed later."""


_STATUSES: Final[Mapping[type[PerennialError], HTTPStatus]] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    PaymentDeclined: HTTPStatus.PAYMENT_REQUIRED,
    Forbidden: HTTPStatus.FORBIDDEN,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    GatewayRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    GatewayUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    BooksBroken: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_FRAMEWORK_CODES: Final[Mapping[int, str]] = {
    400: "malformed_request",
    404: "route_not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    413: "body_too_large",
    415: "media_type_unsupported",
}

_FIELD_CODES: Final[Sequence[tuple[str, str]]] = (
    (r"missing", "field_missing"),
    (r"extra_forbidden", "field_unknown"),
    (r"(greater|less)_than(_equal)?|int_parsing_size|finite_number", "number_out_of_range"),
    (r"string_too_(long|short)", "text_length_out_of_range"),
    (r"(too_long|too_short)", "list_length_out_of_range"),
    (r"string_pattern_mismatch", "wrong_format"),
    (r"(enum|literal_error)", "unknown_value"),
    (r".*_(type|parsing|attributes_type)", "wrong_type"),
)
"""Public codes for pydantic's error types; our own validators name their codes themselves."""


class FieldProblem(BaseModel):
    """What is wrong with one part of the request."""

    location: str = Field(description="Where: `body.quantity`, `query.limit`, `header.…`")
    code: str
    message: str


class Problem(BaseModel):
    """A problem document (RFC 9457). `code` is stable: programs may rely on it."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(description="`urn:perennial:problem:{code}`")]
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None = None
    errors: list[FieldProblem] | None = None


def problem_response(error: PerennialError, *, request_id: str | None) -> JSONResponse:
    """The answer to an expected failure; its details become extension members."""
    status = status_of(error)
    if isinstance(error, BooksBroken):
        log.error("request.failed", request_id=request_id, code=error.code, exc_info=error)
        return internal_error(request_id=request_id)
    headers = _headers(status)
    details = {name: value for name, value in error.details.items() if value is not None}
    return _document(
        status=status,
        code=error.code,
        detail=error.message,
        request_id=request_id,
        headers=headers,
        extensions=details,
    )


def status_of(error: PerennialError) -> HTTPStatus:
    """The most specific status that the error's class has."""
    if isinstance(error, GatewayRefused) and error.code in _CARD_CODES:
        return HTTPStatus.PAYMENT_REQUIRED
    for kind in type(error).__mro__:
        if kind in _STATUSES:
            return _STATUSES[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


_CARD_CODES: Final = frozenset(
    {
        "authentication_required",
        "card_declined",
        "expired_card",
        "incorrect_cvc",
        "incorrect_number",
        "insufficient_funds",
        "processing_error",
    }
)
"""What Stripe answers with 402 (https://docs.stripe.com/error-codes)."""


def internal_error(*, request_id: str | None) -> JSONResponse:
    """The answer to a defect of ours; the log has the rest under the same request id."""
    return _document(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        detail="something went wrong on our side; the request id names it in our log",
        request_id=request_id,
    )


def framework_problem(
    status: int, *, request_id: str | None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer where routing or reading refused the request before any code of ours ran."""
    known = HTTPStatus(status)
    return _document(
        status=known,
        code=_FRAMEWORK_CODES.get(status, known.phrase.lower().replace(" ", "_")),
        detail=known.description or known.phrase,
        request_id=request_id,
        headers=headers,
    )


def invalid_request(
    errors: Sequence[Mapping[str, object]], *, request_id: str | None
) -> JSONResponse:
    """The answer to input that does not fit its description. Never repeats the input."""
    fields = [_field_problem(error) for error in errors]
    in_path = [field for field in fields if field.location.startswith("path.")]
    if in_path:
        subject = in_path[0].location.removeprefix("path.").removesuffix("_id")
        return problem_response(
            NotFound(f"{subject}_not_found", "no such id"), request_id=request_id
        )
    codes = {field.code for field in fields}
    return _document(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code=codes.pop() if len(codes) == 1 else "invalid_request",
        detail="; ".join(f"{field.location}: {field.message}" for field in fields[:5]),
        request_id=request_id,
        extensions={"errors": [field.model_dump() for field in fields[:50]]},
    )


def install(app: FastAPI) -> None:
    """Answers every expected failure of the app with a problem document."""
    app.add_exception_handler(PerennialError, _on_expected)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for kind in DATABASE_ERRORS:
        app.add_exception_handler(kind, _on_database_error)


def request_id_of(request: Request) -> str | None:
    """The id under which the request is logged."""
    request_id = request.scope.get("state", {}).get("request_id")
    return request_id if isinstance(request_id, str) else None


async def _on_expected(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, PerennialError):
        raise error
    return problem_response(error, request_id=request_id_of(request))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return framework_problem(
        error.status_code, request_id=request_id_of(request), headers=error.headers
    )


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return invalid_request(error.errors(), request_id=request_id_of(request))


async def _on_database_error(request: Request, error: Exception) -> JSONResponse:
    if not is_outage(error):
        raise error
    log.warning("database.unavailable", error=type(error).__name__)
    unavailable = Unavailable("temporarily_unavailable", "the database is out of reach")
    return problem_response(unavailable, request_id=request_id_of(request))


def _field_problem(error: Mapping[str, object]) -> FieldProblem:
    location = error.get("loc")
    parts = location if isinstance(location, tuple) else (location,)
    pointer = ".".join(str(part) for part in parts)[:_LONGEST_POINTER]
    kind = str(error.get("type"))
    code = next((code for pattern, code in _FIELD_CODES if re.fullmatch(pattern, kind)), kind)
    return FieldProblem(location=pointer, code=code, message=str(error.get("msg")))


def _headers(status: HTTPStatus) -> dict[str, str]:
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": _RETRY_AFTER_SECONDS}
    if status is HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="perennial"'}
    return {}


def _document(
    *,
    status: HTTPStatus,
    code: str,
    detail: str,
    request_id: str | None,
    headers: Mapping[str, str] | None = None,
    extensions: Mapping[str, object] | None = None,
) -> JSONResponse:
    members: dict[str, object] = {
        **(extensions or {}),
        "type": f"urn:perennial:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": detail,
    }
    if request_id is not None:
        members["request_id"] = request_id
    return JSONResponse(members, status_code=status, headers=headers, media_type=PROBLEM_MEDIA_TYPE)
