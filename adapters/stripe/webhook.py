"""Webhooks from Stripe: who sent them and what they are about.

Owns verification and the small value that is left of an event: processing re-fetches the object,
so its snapshot is not used. Does not own storing the raw event, nor the HTTP answer (`api/`).
Source: https://docs.stripe.com/webhooks#verify-official-libraries
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from stripe import SignatureVerificationError, WebhookSignature

from adapters.stripe.client import API_VERSION
from adapters.stripe.resources import ATTEMPT, CHECKOUT, CUSTOMER, INVOICE, SUBSCRIPTION, attempt_of
from billing.errors import InvalidInput
from billing.value import Instant, Value

TOLERANCE_SECONDS: Final = 300
"""Stripe's default: an older signature may be a replay."""

_ID_OF_OURS: Final = re.compile(r"[A-Za-z0-9_.:-]{1,120}")

_StripeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,255}$")]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,100}$")]


class WebhookEvent(Value):
    """An event whose sender is known; ids of ours where the object carries our metadata."""

    id: _StripeId
    type: _Name
    created_at: Instant
    livemode: bool
    object_id: _StripeId | None
    """None for objects without an id, such as the balance."""
    object_type: _Name
    invoice_id: str | None = None
    attempt_number: int | None = None
    subscription_id: str | None = None
    checkout_session_id: str | None = None
    customer_id: str | None = None


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _Object(_Wire):
    id: _StripeId | None = None
    object: _Name
    metadata: dict[str, str] | None = None


class _Data(_Wire):
    object: _Object


class _Event(_Wire):
    id: _StripeId
    type: _Name
    api_version: str | None
    created: Annotated[int, Field(ge=0, lt=2**33)]
    livemode: bool
    data: _Data


def read_webhook(payload: bytes, signature: str | None, *, secret: str) -> WebhookEvent:
    """The event in a request's raw body, given its `Stripe-Signature` header.

    Raises `InvalidInput`: `webhook_signature_missing`, `webhook_signature_invalid`,
    `webhook_signature_stale` (older than five minutes on this machine's clock),
    `webhook_malformed`, or `webhook_version_unsupported` for an endpoint that was set up with
    another API version than ours, whose objects may mean something else.
    """
    if not signature:
        raise InvalidInput("webhook_signature_missing", "the Stripe-Signature header is missing")
    _verify(payload, signature, secret=secret)
    event = _parse(payload)
    if event.api_version != API_VERSION:
        raise InvalidInput(
            "webhook_version_unsupported",
            f"events must have the API version {API_VERSION}: set it on the webhook endpoint",
            event_id=event.id,
        )
    names = event.data.object.metadata or {}
    return WebhookEvent(
        id=event.id,
        type=event.type,
        created_at=datetime.fromtimestamp(event.created, UTC),
        livemode=event.livemode,
        object_id=event.data.object.id,
        object_type=event.data.object.object,
        invoice_id=_id_of_ours(names, INVOICE),
        attempt_number=attempt_of(names.get(ATTEMPT)),
        subscription_id=_id_of_ours(names, SUBSCRIPTION),
        checkout_session_id=_id_of_ours(names, CHECKOUT),
        customer_id=_id_of_ours(names, CUSTOMER),
    )


def _verify(payload: bytes, signature: str, *, secret: str) -> None:
    """The signature first and its age second, because the SDK has one exception for both."""
    if not signature.isascii():
        raise _forged()
    try:
        WebhookSignature.verify_header(payload, signature, secret, tolerance=None)
    except UnicodeDecodeError:
        raise _malformed() from None
    except SignatureVerificationError:
        raise _forged() from None
    try:
        WebhookSignature.verify_header(payload, signature, secret, tolerance=TOLERANCE_SECONDS)
    except SignatureVerificationError:
        raise InvalidInput(
            "webhook_signature_stale",
            f"the signature is older than {TOLERANCE_SECONDS} seconds",
        ) from None


def _id_of_ours(names: Mapping[str, str], name: str) -> str | None:
    """Metadata can be written by others too: what is no id of ours is left out."""
    value = names.get(name)
    return value if value is not None and _ID_OF_OURS.fullmatch(value) else None


def _parse(payload: bytes) -> _Event:
    try:
        return _Event.model_validate_json(payload)
    except ValidationError:
        raise _malformed() from None


def _forged() -> InvalidInput:
    return InvalidInput("webhook_signature_invalid", "the Stripe-Signature header does not fit")


def _malformed() -> InvalidInput:
    return InvalidInput("webhook_malformed", "the body is not an event of Stripe's")
