"""Errors that the simulator answers with, in Stripe's format.

Owns the tree below and its rendering. Does not own the texts of single declines (`declines`).

    SimulatorError
    ├── StripeFailure            anything that reaches a client as an error body
    │   ├── InvalidRequest       400, or 404 for what does not exist
    │   ├── NotAuthenticated     401
    │   ├── CardDeclined         402; what it recorded is kept
    │   ├── KeyInUse             409
    │   ├── KeyMismatch          400
    │   ├── RateLimited          429
    │   └── ServerFailure        500
    └── ControlRefused           a malformed order to the control API

Source: https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes
"""

from typing import ClassVar

from simulator.document import JsonObject


class SimulatorError(Exception):
    """Root of every error the simulator raises on purpose."""


class ControlRefused(SimulatorError):
    """An order to the control API that names something impossible."""


class StripeFailure(SimulatorError):
    """An error body and its HTTP status.

    `commits` says whether what the request did before failing stays: a declined charge is recorded,
    a refused request leaves nothing behind.
    """

    status: ClassVar[int] = 400
    type: ClassVar[str] = "invalid_request_error"
    commits: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int | None = None,
        details: JsonObject | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.http_status = self.status if status is None else status
        self.details: JsonObject = details or {}

    def body(self) -> JsonObject:
        """The error as Stripe writes it; absent fields are left out, as Stripe does."""
        error: JsonObject = {"type": self.type, "message": self.message}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        error.update(self.details)
        return {"error": error}


class InvalidRequest(StripeFailure):
    """The request is wrong as it stands; repeating it cannot help."""


class NotAuthenticated(StripeFailure):
    """No key, or one that is not this account's."""

    status = 401


class CardDeclined(StripeFailure):
    """The request was right and the payment method refused. The attempt stays on record."""

    status = 402
    type = "card_error"
    commits = True


class KeyInUse(StripeFailure):
    """The first request with this idempotency key has not been answered yet."""

    status = 409


class KeyMismatch(StripeFailure):
    """An idempotency key came back with another endpoint or other parameters."""

    type = "idempotency_error"


class RateLimited(StripeFailure):
    """Too many requests; nothing was looked at."""

    status = 429


class ServerFailure(StripeFailure):
    """Something broke on Stripe's side."""

    status = 500
    type = "api_error"


def no_such(noun: str, identifier: str, *, param: str) -> InvalidRequest:
    """Stripe's answer to an id that does not exist: 404 with `resource_missing`."""
    return InvalidRequest(
        f"No such {noun}: '{identifier}'", code="resource_missing", param=param, status=404
    )
