"""The API's description of itself.

Owns what the OpenAPI document says beyond the operations: the problem document's schema, the tags
and the general rules. Does not own the operations' own descriptions and examples.
"""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.authentication import SCHEME
from api.openapi_example import example_of
from api.problems import Problem

VERSION: Final = "1"
_DESCRIPTION: Final = """
Subscriptions as durable workflows.

Send an API key with every request: `Authorization: Bearer pk_…`. Give every POST an
`Idempotency-Key`: the same request under the same key is done once and answered the same, with
`Idempotent-Replayed: true`. Lists are newest first; pass `next_cursor` as `cursor` for more.
Every refusal is a problem document (RFC 9457) with a stable `code`.

An answer that shows a subscription has its version as `ETag`. A command with that as `If-Match` is
refused (409, `stale_version`) where the subscription has changed since. What needs a payment that
is refused is answered with 402, `payment_declined`, and has changed nothing.
"""
_TAGS: Final = {
    "customers": "Who pays.",
    "net_terms": "Who is sent invoices, and pays later.",
    "payment_methods": "What they pay with.",
    "entitlements": "What customers may do now.",
    "catalog": "What is sold, and publishing it.",
    "checkout": "Hosted pages that start a subscription or a purchase.",
    "purchases": "What is bought once, without a subscription.",
    "subscriptions": "What was sold, what will happen to it, and what did.",
    "seller": "Who sells, as invoices name it.",
    "invoices": "What is owed and what was paid.",
    "received_payments": "What came outside the payment gateway.",
    "invoice_items": "What is charged once.",
    "portal_sessions": "Links to the portal where customers look after their subscriptions.",
    "migrations": "Running subscriptions that move to another price.",
    "test_clocks": "Time travel in sandbox mode.",
    "reports": "What the books say.",
    "webhooks": "What the payment gateway tells us.",
    "operations": "Health of the service.",
}


def describe(app: FastAPI) -> None:
    """Makes the app serve its document at `/openapi.json`."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
    described = get_openapi(
        title="Perennial",
        version=VERSION,
        description=_DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
    )
    described["components"].setdefault("securitySchemes", {})[SCHEME] = {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key. The scopes listed per operation must be the key's.",
    }
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for operations in described["paths"].values():
        for operation in operations.values():
            _show(operation, schemas)
    return described


def _show(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Adds examples of the parameters in the path and of the answer."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            name = parameter["name"]
            parameter["example"] = example_of({"type": "string"}, schemas, name=name)
    for status, response in operation["responses"].items():
        shown = response.get("content", {}).get("application/json")
        if status.startswith("2") and shown is not None:
            shown["example"] = example_of(shown["schema"], schemas)
