"""Customers."""

import pytest
import stripe

from tests.simulator.conftest import Simulator


async def test_metadata_is_merged_unset_by_empty_and_cleared(simulator: Simulator) -> None:
    customer = await simulator.v1.customers.create_async({"metadata": {"a": "1", "b": "2"}})
    update = simulator.v1.customers.update_async
    merged = await update(customer.id, {"metadata": {"b": "", "c": "3"}})
    assert merged.metadata is not None
    assert dict(merged.metadata.to_dict()) == {"a": "1", "c": "3"}
    cleared = await update(customer.id, {"metadata": ""})
    assert cleared.metadata is not None
    assert cleared.metadata.to_dict() == {}


async def test_the_default_method_must_be_the_customers_own(simulator: Simulator) -> None:
    customer, method = await simulator.customer()
    changed = await simulator.v1.customers.update_async(
        customer,
        {
            "invoice_settings": {"default_payment_method": method},
            "expand": ["invoice_settings.default_payment_method"],
        },
    )
    assert changed.invoice_settings is not None
    default = changed.invoice_settings.default_payment_method
    assert isinstance(default, stripe.PaymentMethod)
    assert default.id == method
    other, _ = await simulator.customer()
    with pytest.raises(stripe.InvalidRequestError):
        await simulator.v1.customers.update_async(
            other, {"invoice_settings": {"default_payment_method": method}}
        )


async def test_an_update_event_carries_the_former_values(simulator: Simulator) -> None:
    customer = await simulator.v1.customers.create_async({"name": "Ada"})
    await simulator.v1.customers.update_async(customer.id, {"name": "Grace"})
    events = await simulator.v1.events.list_async({"type": "customer.updated"})
    data = events.data[0].to_dict()["data"]
    assert data["object"]["name"] == "Grace"
    assert data["previous_attributes"] == {"name": "Ada"}


async def test_a_deleted_customer_is_known_as_deleted_and_loses_its_methods(
    simulator: Simulator,
) -> None:
    customer, method = await simulator.customer()
    await simulator.v1.customers.delete_async(customer)
    assert (await simulator.v1.customers.retrieve_async(customer)).deleted is True
    assert (await simulator.v1.payment_methods.retrieve_async(method)).customer is None
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.customers.update_async(customer, {"name": "x"})
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
