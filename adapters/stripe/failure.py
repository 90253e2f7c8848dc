"""What Stripe's errors mean to the billing system.

Owns the mapping from the SDK's exceptions to `GatewayError`. Only codes, the name of a parameter
and the request's id pass: messages and bodies of Stripe's can quote what a customer typed in.
Source: https://docs.stripe.com/api/errors and https://docs.stripe.com/error-low-level
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import stripe

from billing.errors import (
    GatewayBusy,
    GatewayError,
    GatewayFailed,
    GatewayRefused,
    GatewayUnreachable,
)

_CONFLICT: Final = 409
_OUTSIDE_DEPENDENCY_FAILED: Final = 424
_FIRST_REFUSAL: Final = 400
_FIRST_SERVER_FAILURE: Final = 500

UNEXPECTED_STATE: Final = "payment_intent_unexpected_state"
_DISPUTED: Final = frozenset({"charge_disputed", "refund_disputed_payment"})


@contextmanager
def stripe_errors() -> Iterator[None]:
    """Turns the SDK's exceptions into ours.

    The cause is dropped on purpose: it carries Stripe's whole answer, and causes are written to
    logs and to the workflow's history.
    """
    try:
        yield
    except stripe.StripeError as error:
        raise gateway_error(error) from None


def gateway_error(error: stripe.StripeError) -> GatewayError:
    """The error of ours that says whether trying again can help, and with which key."""
    code = error_code(error)
    match error:
        case stripe.APIConnectionError():
            return GatewayUnreachable("gateway_unreachable", "Stripe did not answer")
        case stripe.RateLimitError():
            return GatewayBusy("gateway_busy", "Stripe limits the rate", stripe_code=code)
        case stripe.CardError():
            return GatewayRefused(
                "card_declined",
                "the card was declined",
                stripe_code=code,
                decline_code=_detail(error, "decline_code"),
                request_id=error.request_id,
            )
        case stripe.AuthenticationError() | stripe.PermissionError():
            return GatewayBusy(
                "gateway_not_authorised", "Stripe does not accept our key", stripe_code=code
            )
        case stripe.IdempotencyError():
            return _refused(error, "idempotency_error")
        case _:
            return _by_status(error, code)


def _by_status(error: stripe.StripeError, code: str | None) -> GatewayError:
    status = error.http_status or 0
    if status == _CONFLICT:
        return GatewayBusy(
            "gateway_busy", "the key or the object is in use at Stripe", stripe_code=code
        )
    if status >= _FIRST_SERVER_FAILURE or status == _OUTSIDE_DEPENDENCY_FAILED:
        return GatewayFailed(
            "gateway_failed",
            "Stripe failed to answer the request",
            stripe_code=code,
            request_id=error.request_id,
        )
    if status >= _FIRST_REFUSAL:
        return _refused(error, code or "request_refused")
    return GatewayUnreachable(
        "gateway_unreachable", "Stripe's answer could not be read", request_id=error.request_id
    )


def _refused(error: stripe.StripeError, code: str) -> GatewayRefused:
    param = _detail(error, "param")
    subject = "the request" if param is None else f"the parameter {param}"
    return GatewayRefused(
        code,
        f"Stripe refused {subject}",
        param=param,
        request_id=error.request_id,
    )


@contextmanager
def refund_refusals() -> Iterator[None]:
    """Gives the refusals of a refund one code each, where Stripe has two or none.

    More than is left is refused without a code, for the parameter `amount` alone.
    """
    try:
        yield
    except stripe.InvalidRequestError as refused:
        code = error_code(refused)
        if code is None and _detail(refused, "param") == "amount":
            raise _refused(refused, "amount_too_large") from None
        if code in _DISPUTED:
            raise _refused(refused, "charge_disputed") from None
        raise


def error_code(error: stripe.StripeError) -> str | None:
    """Stripe's code; the SDK fills `code` itself for some classes of errors only."""
    return error.code or _detail(error, "code")


def _detail(error: stripe.StripeError, name: str) -> str | None:
    value = getattr(error.error, name, None)
    return value if isinstance(value, str) else None
