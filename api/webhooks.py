"""What the payment gateway tells us.

Owns the door: who may come in, and that an event is stored once before it is acknowledged. Does
not own what events lead to (`worker`).
"""

import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from adapters.db.engine import single_statements
from adapters.db.repositories.webhooks import SqlWebhooks
from adapters.stripe.client import API_VERSION
from adapters.stripe.webhook import read_webhook
from api.dependencies import Deps
from api.json_request import parse_json
from api.problems import Malformed
from api.route import problem_responses
from billing.errors import InvalidInput

router = APIRouter(tags=["webhooks"])

log = structlog.get_logger(__name__)

_EVENT_EXAMPLE = {
    "id": "evt_1SqT2a",
    "object": "event",
    "api_version": "2026-10-28.endive",
    "created": 1769851800,
    "type": "payment_intent.succeeded",
    "livemode": False,
    "data": {"object": {"id": "pi_3SqT2a", "object": "payment_intent"}},
}


class WebhookReceipt(BaseModel):
    """The event is stored and will be processed; `duplicate` says that it was before."""

    received: bool = Field(default=True, examples=[True])
    duplicate: bool = Field(examples=[False])


@router.post(
    "/v1/webhooks/stripe",
    operation_id="receive_stripe_webhook",
    summary="Receive an event from Stripe",
    responses=problem_responses(400, 413, 422, 503),
    openapi_extra={
        "security": [],
        "parameters": [
            {
                "name": "Stripe-Signature",
                "in": "header",
                "required": True,
                "description": "Stripe's signature over the raw body",
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": _EVENT_EXAMPLE}
            },
        },
    },
)
async def receive_stripe_webhook(request: Request, deps: Deps) -> WebhookReceipt:
    """Needs no API key: the signature says who asks.

    Refuses with 422 and the codes `webhook_signature_missing`, `webhook_signature_invalid`,
    `webhook_signature_stale`, `webhook_malformed` and `webhook_version_unsupported`. What is
    accepted is stored before the answer, once per event, and processed afterwards.
    """
    body = await request.body()
    secret = deps.settings.stripe_webhook_secret.get_secret_value()
    event = read_webhook(body, request.headers.get("stripe-signature"), secret=secret)
    async with single_statements(deps.engine) as connection:
        is_new = await SqlWebhooks(connection).store(
            event.id,
            event_type=event.type,
            api_version=API_VERSION,
            payload=_payload(body),
        )
    log.info("webhook.received", event_id=event.id, type=event.type, duplicate=not is_new)
    return WebhookReceipt(duplicate=not is_new)


def _payload(body: bytes) -> dict[str, object]:
    """The event as it is stored; what the database cannot hold is no event of Stripe's."""
    try:
        payload = parse_json(body)
    except (Malformed, InvalidInput) as error:
        raise InvalidInput("webhook_malformed", error.message) from error
    if not isinstance(payload, dict):
        raise InvalidInput("webhook_malformed", "the body is not an event of Stripe's")
    return payload
