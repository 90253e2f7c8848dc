"""The check against the `stripe` package's types finds what it is there to find."""

import copy

import pytest

from simulator.conformance import Conformance
from simulator.document import JsonObject
from simulator.documented_fields import field_violations
from simulator.documented_parameters import parameter_violations
from simulator.forms import FormTree
from tests.simulator.conftest import Simulator


async def _charge(simulator: Simulator) -> JsonObject:
    paid = await simulator.paid()
    charge = await simulator.v1.charges.retrieve_async(str(paid.latest_charge))
    document: JsonObject = charge.to_dict()
    return document


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "8000"),
        ("amount", True),
        ("amount", None),
        ("status", "done"),
        ("colour", "red"),
        ("paid", 1),
        ("metadata", {"a": 1}),
        ("payment_intent", {"object": "customer", "id": "cus_1"}),
        ("billing_details", {"colour": "red"}),
        ("outcome", {"network_status": "approved_by_network"}),
        ("object", "spaceship"),
    ],
)
async def test_a_wrong_field_is_found(simulator: Simulator, field: str, value: object) -> None:
    document = copy.deepcopy(await _charge(simulator))
    assert field_violations(document) == []
    document.update({field: value})  # type: ignore[dict-item]  # wrong on purpose
    assert field_violations(document)


async def test_a_missing_field_is_found(simulator: Simulator) -> None:
    document = await _charge(simulator)
    del document["currency"]
    assert field_violations(document) == ["charge.currency: missing"]


async def test_lists_and_events_are_checked_inside(simulator: Simulator) -> None:
    document = await _charge(simulator) | {"colour": "red"}
    page: JsonObject = {
        "object": "list",
        "data": [document],
        "has_more": False,
        "url": "/v1/charges",
    }
    assert field_violations(page)
    event = (await simulator.v1.events.list_async({"type": "charge.succeeded"})).data[0]
    recorded: JsonObject = event.to_dict()
    assert field_violations(recorded) == []
    recorded["data"] = {"object": document}
    assert field_violations(recorded)


@pytest.mark.parametrize(
    "tree",
    [
        {"currency": "usd"},
        {"amount": "12.5", "currency": "usd"},
        {"amount": "800", "currency": "usd", "colour": "red"},
        {"amount": "800", "currency": "usd", "confirm": "yes"},
        {"amount": "800", "currency": "usd", "setup_future_usage": "sometimes"},
        {"amount": "800", "currency": "usd", "automatic_payment_methods": {"on": "true"}},
        {"amount": "800", "currency": "usd", "payment_method_types": {"0": "card"}},
        {"amount": "800", "currency": "usd", "metadata": {"a": {"b": "c"}}},
    ],
)
def test_a_wrong_parameter_is_found(tree: FormTree) -> None:
    assert parameter_violations("PaymentIntentCreateParams", tree)


def test_a_right_request_has_no_findings() -> None:
    tree: FormTree = {
        "amount": "800",
        "currency": "usd",
        "confirm": "true",
        "off_session": "true",
        "automatic_payment_methods": {"enabled": "true", "allow_redirects": "never"},
        "metadata": {"a": "b"},
        "expand": {"0": "latest_charge"},
    }
    assert parameter_violations("PaymentIntentCreateParams", tree) == []


def test_switched_off_it_records_nothing() -> None:
    conformance = Conformance(enabled=False)
    conformance.check_response({"object": "spaceship"})
    conformance.record("anything")
    assert conformance.violations == []
