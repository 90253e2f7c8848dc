"""Expansion: whole objects in the place of their ids, and fields that are shown on demand alone.

Owns which fields expand to what. Source: https://docs.stripe.com/api/expanding_objects
"""

from simulator.balance_transactions import BalanceTransaction
from simulator.charges import Charge
from simulator.customers import Customer
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.operation import Operation
from simulator.payment_intents import PaymentIntent
from simulator.payment_methods import PaymentMethod
from simulator.resource import Resource
from simulator.setup_intents import SetupIntent

EXPANDABLE: dict[tuple[str, str], type[Resource]] = {
    ("charge", "balance_transaction"): BalanceTransaction,
    ("charge", "customer"): Customer,
    ("charge", "payment_intent"): PaymentIntent,
    ("checkout.session", "customer"): Customer,
    ("checkout.session", "payment_intent"): PaymentIntent,
    ("checkout.session", "setup_intent"): SetupIntent,
    ("customer", "invoice_settings.default_payment_method"): PaymentMethod,
    ("dispute", "charge"): Charge,
    ("dispute", "payment_intent"): PaymentIntent,
    ("payment_intent", "customer"): Customer,
    ("payment_intent", "latest_charge"): Charge,
    ("payment_intent", "payment_method"): PaymentMethod,
    ("payment_method", "customer"): Customer,
    ("refund", "balance_transaction"): BalanceTransaction,
    ("refund", "charge"): Charge,
    ("refund", "customer"): Customer,
    ("refund", "failure_balance_transaction"): BalanceTransaction,
    ("refund", "payment_intent"): PaymentIntent,
    ("setup_intent", "customer"): Customer,
    ("setup_intent", "payment_method"): PaymentMethod,
}
"""From the kind of an object and a field in it to what stands there."""

_ON_DEMAND: dict[str, tuple[str, ...]] = {
    "tax.calculation": ("line_items", "line_items.data.tax_breakdown"),
}
"""Per kind of object, what is left out of an answer that was not asked to have it."""
_DEEPEST_LEVEL = 4


def expand(operation: Operation, document: JsonObject, paths: tuple[str, ...]) -> None:
    """Replace ids by objects, in place. Raises InvalidRequest for what does not expand."""
    on_demand = _ON_DEMAND.get(str(document.get("object")), ())
    for field in on_demand:
        if not any(path == field or path.startswith(f"{field}.") for path in paths):
            _leave_out(document, field.split("."))
    for path in paths:
        if path in on_demand:
            continue
        parts = path.split(".")
        if len(parts) > _DEEPEST_LEVEL:
            raise InvalidRequest(
                f"You cannot expand more than {_DEEPEST_LEVEL} levels of a property ({path}).",
                param="expand",
            )
        if document.get("object") != "list":
            _expand(operation, document, parts, path)
            continue
        if parts[0] != "data" or len(parts) == 1:
            raise _cannot_expand(path)
        data = document.get("data")
        for item in data if isinstance(data, list) else []:
            if isinstance(item, dict):
                _expand(operation, item, parts[1:], path)


def _expand(operation: Operation, document: JsonObject, parts: list[str], path: str) -> None:
    for length in range(len(parts), 0, -1):
        field = ".".join(parts[:length])
        resource = EXPANDABLE.get((str(document.get("object")), field))
        if resource is None:
            continue
        child = _replace(operation, document, parts[:length], resource)
        if child is not None and length < len(parts):
            _expand(operation, child, parts[length:], path)
        return
    raise _cannot_expand(path)


def _leave_out(document: JsonObject, parts: list[str]) -> None:
    """Null in the place of the field, in every item of a list on the way."""
    inner = document.get(parts[0])
    if len(parts) == 1:
        document[parts[0]] = None
    elif isinstance(inner, dict):
        _leave_out(inner, parts[1:])
    elif isinstance(inner, list):
        for item in inner:
            if isinstance(item, dict):
                _leave_out(item, parts[1:])


def _replace(
    operation: Operation, document: JsonObject, parts: list[str], resource: type[Resource]
) -> JsonObject | None:
    holder = document
    for part in parts[:-1]:
        inner = holder.get(part)
        if not isinstance(inner, dict):
            return None
        holder = inner
    value = holder.get(parts[-1])
    if isinstance(value, str):
        found = operation.store.find(resource, value)
        if found is None:
            return None
        value = found.public()
        holder[parts[-1]] = value
    return value if isinstance(value, dict) else None


def _cannot_expand(path: str) -> InvalidRequest:
    return InvalidRequest(
        f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}'"
        " on a list.",
        code="property_not_expandable",
        param="expand",
    )
