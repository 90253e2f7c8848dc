"""Examples for the OpenAPI document, made of its own schemas.

Owns what a value of each name looks like. An example that follows from the schema cannot differ
from it. Bodies that callers write have examples of their own beside their models.
"""

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_HEX: Final = "4a1b9c0d2e3f4a1b9c0d2e3f"
_BY_NAME: Final[Mapping[str, str]] = {
    "customer": f"cus_{_HEX}",
    "customer_id": f"cus_{_HEX}",
    "subscription": f"sub_{_HEX}",
    "change_id": f"chg_{_HEX}",
    "subscription_id": f"sub_{_HEX}",
    "checkout_session_id": f"cs_{_HEX}",
    "invoice": f"in_{_HEX}",
    "invoice_id": f"in_{_HEX}",
    "latest_invoice": f"in_{_HEX}",
    "test_clock": f"clock_{_HEX}",
    "test_clock_id": f"clock_{_HEX}",
    "migration_id": f"mig_{_HEX}",
    "payment_method": "pm_1PqZ",
    "payment_method_id": "pm_1PqZ",
    "default_payment_method": "pm_1PqZ",
    "payment": "pi_3PqZ",
    "product": "team",
    "product_name": "Team",
    "family": "plan",
    "price": "team_monthly",
    "currency": "USD",
    "email": "ada@example.com",
    "description": "Team, 5 seats, every month",
    "reason": "the first period costs USD 80.00",
    "success_url": "https://example.com/welcome",
    "cancel_url": "https://example.com/pricing",
    "url": "https://checkout.stripe.com/c/pay/cs_1PqZ",
    "action_url": "https://hooks.stripe.com/3d_secure_2/1PqZ",
    "client_secret": "seti_1PqZ_secret_R2",
    "last_decline": "insufficient_funds",
}
_INSTANT: Final = "2026-01-17T09:30:00Z"
_TEXT: Final = "text"


def example_of(schema: Schema, schemas: Mapping[str, Schema], *, name: str = "") -> Any:  # noqa: ANN401 - any JSON
    """A value that the schema describes; `schemas` are the document's components."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name=name)
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    if "const" in schema or "default" in schema:
        return schema.get("const", schema.get("default"))
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            return example_of(schema[choice][0], schemas, name=name)
    return _of_type(schema, schemas, name)


def _of_type(schema: Schema, schemas: Mapping[str, Schema], name: str) -> Any:  # noqa: ANN401 - any JSON
    match schema.get("type"):
        case "object":
            return {
                field: example_of(described, schemas, name=field)
                for field, described in schema.get("properties", {}).items()
            }
        case "array":
            return [example_of(schema["items"], schemas, name=name)]
        case "integer":
            return 1
        case "boolean":
            return True
        case _:
            is_instant = schema.get("format") == "date-time"
            return _INSTANT if is_instant else _BY_NAME.get(name, _TEXT)
