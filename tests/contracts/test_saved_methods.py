"""Payment methods: saved, charged and detached; hosted pages and setups that save one."""

import pytest

from billing.decline import DeclineKind
from billing.errors import GatewayRefused
from billing.ports.gateway import PaymentGateway, PaymentStatus
from tests.contracts.gateways import GatewayBench
from tests.contracts.purchases import (
    card_update_request,
    checkout_request,
    confirmed,
    created,
    customer_at,
    fresh,
    payment_request,
)


async def test_a_saved_method_can_be_charged_until_it_is_detached(
    gateway: PaymentGateway,
) -> None:
    customer = await customer_at(gateway)
    method = await gateway.attach_payment_method(
        "pm_card_visa", gateway_customer_id=customer, key=fresh("attach")
    )
    assert (method.type, method.brand, method.last4) == ("card", "visa", "4242")
    assert method.gateway_customer_id == customer
    assert await gateway.read_payment_method(method.id) == method
    paid = await confirmed(gateway, await created(gateway, payment_request(customer, method.id)))
    assert paid.status is PaymentStatus.SUCCEEDED

    await gateway.detach_payment_method(method.id, key=f"detach:{method.id}")
    await gateway.detach_payment_method(method.id, key=f"detach:{method.id}:again")
    assert (await gateway.read_payment_method(method.id)).gateway_customer_id is None
    with pytest.raises(GatewayRefused):
        await created(gateway, payment_request(customer, method.id))


async def test_attaching_twice_changes_nothing(gateway: PaymentGateway) -> None:
    customer = await customer_at(gateway)
    method = await gateway.attach_payment_method(
        "pm_card_visa", gateway_customer_id=customer, key=fresh("attach")
    )
    again = await gateway.attach_payment_method(
        method.id, gateway_customer_id=customer, key=fresh("attach")
    )
    assert again == method


async def test_a_card_has_one_fingerprint_whatever_methods_are_made_of_it(
    gateway: PaymentGateway,
) -> None:
    """And a decline says it: the card networks count by card (policy P19)."""
    customer = await customer_at(gateway)
    first, second, other = [
        await gateway.attach_payment_method(card, gateway_customer_id=customer, key=fresh("attach"))
        for card in ("pm_card_chargeCustomerFail", "pm_card_chargeCustomerFail", "pm_card_visa")
    ]
    assert first.fingerprint is not None
    assert first.id != second.id
    assert first.fingerprint == second.fingerprint != other.fingerprint

    declined = await confirmed(
        gateway, await created(gateway, payment_request(customer, second.id))
    )
    assert declined.decline is not None
    assert declined.decline.card == first.fingerprint


async def test_a_method_of_another_customer_is_refused(gateway: PaymentGateway) -> None:
    owner, other = await customer_at(gateway), await customer_at(gateway)
    method = await gateway.attach_payment_method(
        "pm_card_visa", gateway_customer_id=owner, key=fresh("attach")
    )
    with pytest.raises(GatewayRefused):
        await gateway.attach_payment_method(
            method.id, gateway_customer_id=other, key=fresh("attach")
        )
    with pytest.raises(GatewayRefused):
        await created(gateway, payment_request(other, method.id))


async def test_a_card_declined_on_saving_is_refused(gateway: PaymentGateway) -> None:
    customer = await customer_at(gateway)
    with pytest.raises(GatewayRefused) as refused:
        await gateway.attach_payment_method(
            "pm_card_visa_chargeDeclined", gateway_customer_id=customer, key=fresh("attach")
        )
    assert refused.value.code == "card_declined"
    assert refused.value.details["decline_code"] == "generic_decline"


async def test_a_card_may_be_saved_and_then_declined(gateway: PaymentGateway) -> None:
    customer = await customer_at(gateway)
    method = await gateway.attach_payment_method(
        "pm_card_chargeCustomerFail", gateway_customer_id=customer, key=fresh("attach")
    )
    payment = await confirmed(gateway, await created(gateway, payment_request(customer, method.id)))
    assert payment.decline is not None
    assert payment.decline.kind is DeclineKind.SOFT


async def test_a_completed_setup_saves_the_method(bench: GatewayBench) -> None:
    gateway = bench.gateway
    customer = await customer_at(gateway)
    setup = await gateway.create_setup(customer, customer_id="cus_ours", key=fresh("setup"))
    assert setup.client_secret.startswith(setup.id)
    before = await gateway.read_setup(setup.id)
    assert (before.succeeded, before.payment_method_id) == (False, None)
    await bench.complete_setup(setup.id, "pm_card_visa")
    after = await gateway.read_setup(setup.id)
    assert after.succeeded
    assert after.gateway_customer_id == customer
    assert after.payment_method_id is not None
    method = await gateway.read_payment_method(after.payment_method_id)
    assert method.gateway_customer_id == customer


async def test_an_open_checkout_can_be_closed(gateway: PaymentGateway) -> None:
    request = checkout_request(await customer_at(gateway))
    checkout = await gateway.create_checkout(request, key=f"checkout:{fresh('k')}")
    assert checkout.url is not None
    assert not checkout.is_complete
    assert checkout.checkout_session_id == request.checkout_session_id
    assert checkout.subscription_id == request.subscription_id
    assert await gateway.read_checkout(checkout.id) == checkout
    for attempt in range(2):
        await gateway.expire_checkout(checkout.id, key=f"expire:{checkout.id}:{attempt}")
    closed = await gateway.read_checkout(checkout.id)
    assert (closed.url, closed.is_complete) == (None, False)


async def test_a_completed_checkout_saves_the_method(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    customer = await customer_at(gateway)
    checkout = await gateway.create_checkout(checkout_request(customer), key=fresh("checkout"))
    await orderly.complete_checkout(checkout, "pm_card_visa")
    complete = await gateway.read_checkout(checkout.id)
    assert complete.is_complete
    assert complete.payment_method_id is not None
    method = await gateway.read_payment_method(complete.payment_method_id)
    assert (method.last4, method.gateway_customer_id) == ("4242", customer)
    await gateway.expire_checkout(checkout.id, key=f"expire:{checkout.id}")
    assert (await gateway.read_checkout(checkout.id)).is_complete


async def test_a_page_to_replace_a_card_names_the_customer_and_no_checkout(
    gateway: PaymentGateway,
) -> None:
    request = card_update_request(await customer_at(gateway))
    page = await gateway.create_card_update(request, key=fresh("card"))
    assert page.url is not None
    assert not page.is_complete
    assert page.customer_id == request.customer_id
    assert (page.checkout_session_id, page.subscription_id) == (None, None)
    assert await gateway.read_checkout(page.id) == page
    await gateway.expire_checkout(page.id, key=f"expire:{page.id}")
    assert (await gateway.read_checkout(page.id)).url is None


async def test_a_page_that_completes_a_subscription_names_no_customer(
    gateway: PaymentGateway,
) -> None:
    request = checkout_request(await customer_at(gateway))
    page = await gateway.create_checkout(request, key=fresh("checkout"))
    assert page.customer_id is None


async def test_a_replaced_card_is_saved(orderly: GatewayBench) -> None:
    gateway = orderly.gateway
    customer = await customer_at(gateway)
    page = await gateway.create_card_update(card_update_request(customer), key=fresh("card"))
    await orderly.complete_checkout(page, "pm_card_visa")
    complete = await gateway.read_checkout(page.id)
    assert complete.is_complete
    assert complete.customer_id == page.customer_id
    assert complete.payment_method_id is not None
    method = await gateway.read_payment_method(complete.payment_method_id)
    assert (method.last4, method.gateway_customer_id) == ("4242", customer)
