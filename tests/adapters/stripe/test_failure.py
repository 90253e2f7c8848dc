import json

import pytest
import stripe

from adapters.stripe.failure import gateway_error, refund_refusals, stripe_errors
from billing.errors import (
    GatewayBusy,
    GatewayError,
    GatewayFailed,
    GatewayRefused,
    GatewayUnreachable,
)

SECRET = "ada@example.com"


def _body(**fields: str) -> dict[str, dict[str, str]]:
    return {"error": {"message": f"Invalid email address: {SECRET}", **fields}}


def _api_error(status: int | None, **fields: str) -> stripe.APIError:
    body = _body(**fields)
    return stripe.APIError("failed", json.dumps(body), status, body, {"request-id": "req_1"})


def _invalid(status: int, **fields: str) -> stripe.InvalidRequestError:
    body = _body(**fields)
    return stripe.InvalidRequestError(  # type: ignore[no-untyped-call]  # untyped in the SDK
        f"Invalid email address: {SECRET}",
        fields.get("param"),
        fields.get("code"),
        json.dumps(body),
        status,
        body,
        {"request-id": "req_1"},
    )


def _no_connection() -> stripe.APIConnectionError:
    return stripe.APIConnectionError("reset")  # type: ignore[no-untyped-call]  # as above


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (_no_connection(), GatewayUnreachable, "gateway_unreachable"),
        (stripe.RateLimitError("slow down", http_status=429), GatewayBusy, "gateway_busy"),
        (_api_error(409, code="idempotency_key_in_use"), GatewayBusy, "gateway_busy"),
        (_api_error(409, code="lock_timeout"), GatewayBusy, "gateway_busy"),
        (_api_error(500), GatewayFailed, "gateway_failed"),
        (_api_error(502), GatewayFailed, "gateway_failed"),
        (_api_error(424), GatewayFailed, "gateway_failed"),
        (_api_error(200), GatewayUnreachable, "gateway_unreachable"),
        (_api_error(None), GatewayUnreachable, "gateway_unreachable"),
        (_invalid(400, code="email_invalid", param="email"), GatewayRefused, "email_invalid"),
        (_invalid(404, code="resource_missing"), GatewayRefused, "resource_missing"),
        (_invalid(400), GatewayRefused, "request_refused"),
        (
            stripe.AuthenticationError("no such key", http_status=401),
            GatewayBusy,
            "gateway_not_authorised",
        ),
        (
            stripe.PermissionError("not yours", http_status=403),
            GatewayBusy,
            "gateway_not_authorised",
        ),
        (
            stripe.IdempotencyError("other parameters", http_status=400),
            GatewayRefused,
            "idempotency_error",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_every_answer_of_stripe_has_its_meaning(
    error: stripe.StripeError, expected: type[GatewayError], code: str
) -> None:
    translated = gateway_error(error)
    assert type(translated) is expected
    assert translated.code == code


def test_a_decline_outside_of_a_payment_carries_its_codes() -> None:
    body = _body(code="card_declined", decline_code="lost_card", type="card_error")
    error = stripe.CardError(  # type: ignore[no-untyped-call]  # untyped in the SDK
        "declined", None, "card_declined", json.dumps(body), 402, body, {}
    )
    translated = gateway_error(error)
    assert (type(translated), translated.code) == (GatewayRefused, "card_declined")
    assert translated.details["decline_code"] == "lost_card"


@pytest.mark.parametrize(
    "error", [_invalid(400, code="email_invalid", param="email"), _api_error(500)]
)
def test_nothing_that_a_customer_typed_in_passes(error: stripe.StripeError) -> None:
    with pytest.raises(GatewayError) as raised, stripe_errors():
        raise error
    translated = raised.value
    assert SECRET not in f"{translated!r} {translated.message} {translated.details}"
    assert translated.__cause__ is None
    assert translated.details["request_id"] == "req_1"


def test_errors_of_ours_pass_unchanged() -> None:
    ours = GatewayRefused("no_client_secret", "no secret")
    with pytest.raises(GatewayRefused) as raised, stripe_errors():
        raise ours
    assert raised.value is ours


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (_invalid(400, param="amount"), "amount_too_large"),
        (_invalid(400, code="charge_disputed"), "charge_disputed"),
        (_invalid(400, code="refund_disputed_payment"), "charge_disputed"),
        (_invalid(400, code="charge_already_refunded"), "charge_already_refunded"),
        (
            _invalid(400, code="parameter_invalid_integer", param="amount"),
            "parameter_invalid_integer",
        ),
        (_invalid(400, param="payment_intent"), "request_refused"),
    ],
)
def test_each_refusal_of_a_refund_has_one_code(
    error: stripe.InvalidRequestError, code: str
) -> None:
    with pytest.raises(GatewayRefused) as raised, stripe_errors(), refund_refusals():
        raise error
    assert raised.value.code == code
    assert raised.value.__cause__ is None


def test_an_outage_during_a_refund_stays_an_outage() -> None:
    with pytest.raises(GatewayFailed), stripe_errors(), refund_refusals():
        raise _api_error(500)
