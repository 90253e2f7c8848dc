"""Payment methods over HTTP."""

import asyncio

from sqlalchemy import update

from adapters.db.tables.customer import customers
from tests.api.shop import Shop, problem
from tests.conftest import StripeSimulator


async def test_the_first_method_becomes_the_default_and_another_when_chosen(
    idle_shop: Shop,
) -> None:
    customer = await idle_shop.customer()
    path = f"/v1/customers/{customer}/payment_methods"
    first = await idle_shop.made(path, {"payment_method": "pm_card_visa"})
    assert (first["brand"], first["last4"], first["is_default"]) == ("visa", "4242", True)
    second = await idle_shop.made(path, {"payment_method": "pm_card_mastercard"})
    assert not second["is_default"]
    chosen = await idle_shop.client.put(
        f"/v1/customers/{customer}/default_payment_method", json={"payment_method": second["id"]}
    )
    assert chosen.json() == second | {"is_default": True}
    listed = (await idle_shop.read(path))["data"]
    assert [method["id"] for method in listed] == [second["id"], first["id"]]
    read = await idle_shop.read(f"/v1/customers/{customer}")
    assert read["default_payment_method"] == second["id"]


async def test_a_removed_method_is_detached_at_the_gateway(
    idle_shop: Shop, simulator: StripeSimulator
) -> None:
    customer = await idle_shop.customer()
    path = f"/v1/customers/{customer}/payment_methods"
    method = await idle_shop.made(path, {"payment_method": "pm_card_visa"})
    removed = await idle_shop.client.delete(f"/v1/payment_methods/{method['id']}")
    assert removed.json() == {"id": method["id"], "removed": True}
    assert (await idle_shop.read(path))["data"] == []
    assert (await idle_shop.read(f"/v1/customers/{customer}"))["default_payment_method"] is None
    detach = f"/v1/payment_methods/{method['id']}/detach"
    assert len(await simulator.control.requests(method="POST", path=detach)) == 1
    again = await idle_shop.client.delete(f"/v1/payment_methods/{method['id']}")
    problem(again, 404, "payment_method_not_found")


async def test_a_declined_method_is_a_problem_of_its_own(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    path = f"/v1/customers/{customer}/payment_methods"
    answer = await idle_shop.post(path, {"payment_method": "pm_card_visa_chargeDeclined"})
    problem(answer, 402, "card_declined")
    assert (await idle_shop.read(path))["data"] == []


async def test_a_method_of_nobody_or_of_another_customer_is_refused(idle_shop: Shop) -> None:
    ada, bob = await idle_shop.customer(card="pm_card_visa"), await idle_shop.customer()
    [foreign] = (await idle_shop.read(f"/v1/customers/{ada}/payment_methods"))["data"]
    for method in (foreign["id"], "pm_unknown"):
        answer = await idle_shop.client.put(
            f"/v1/customers/{bob}/default_payment_method", json={"payment_method": method}
        )
        problem(answer, 422, "payment_method_not_found")
    answer = await idle_shop.post(
        f"/v1/customers/{bob}/payment_methods", {"payment_method": "pm_unknown"}
    )
    problem(answer, 422, "payment_method_not_found")
    answer = await idle_shop.post(
        f"/v1/customers/{bob}/payment_methods", {"payment_method": foreign["id"]}
    )
    assert answer.status_code == 422
    assert (await idle_shop.read(f"/v1/customers/{bob}/payment_methods"))["data"] == []


async def test_a_setup_intent_hands_out_a_secret_for_the_browser(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    setup = await idle_shop.made(f"/v1/customers/{customer}/setup_intents", {})
    assert setup["client_secret"].startswith(setup["id"])


async def test_the_customer_is_made_once_at_the_gateway(
    idle_shop: Shop, simulator: StripeSimulator
) -> None:
    customer = await idle_shop.customer(card="pm_card_visa")
    await idle_shop.made(f"/v1/customers/{customer}/setup_intents", {})
    [request] = await simulator.control.requests(method="POST", path="/v1/customers")
    assert (request.idempotency_key or "").startswith(f"customer.create:{customer}:")


async def test_a_customer_who_was_made_with_another_address_and_not_recorded_is_made_anew(
    idle_shop: Shop,
) -> None:
    """As if the API had died between the gateway's answer and its recording."""
    customer = await idle_shop.customer()
    await idle_shop.made(f"/v1/customers/{customer}/setup_intents", {})
    async with idle_shop.deps.engine.begin() as connection:
        await connection.execute(update(customers).values(stripe_customer_id=None))
    changed = await idle_shop.client.patch(
        f"/v1/customers/{customer}", json={"email": "ada.king@example.com"}
    )
    assert changed.status_code == 200
    await idle_shop.made(f"/v1/customers/{customer}/setup_intents", {})


async def test_two_first_needs_of_the_gateway_at_once_come_to_one_customer(
    idle_shop: Shop,
) -> None:
    customer = await idle_shop.customer()
    path = f"/v1/customers/{customer}"
    answers = await asyncio.gather(
        idle_shop.post(f"{path}/setup_intents"),
        idle_shop.client.patch(path, json={"email": "ada.king@example.com"}),
        idle_shop.post(f"{path}/setup_intents"),
    )
    assert {answer.status_code for answer in answers} <= {200, 201}


async def test_a_new_default_is_tried_on_an_open_invoice_at_once(shop: Shop) -> None:
    clock = await shop.clock("2026-01-17T09:30:00Z")
    customer = await shop.customer(card="pm_card_chargeCustomerFail", clock=clock)
    made = await shop.made("/v1/subscriptions", {"customer": customer, "price": "team_monthly"})
    await shop.advance(clock, "2026-01-31T10:00:00Z")
    path = f"/v1/subscriptions/{made['id']}"
    assert (await shop.read(path))["status"] == "past_due"
    await shop.made(
        f"/v1/customers/{customer}/payment_methods",
        {"payment_method": "pm_card_visa", "make_default": True},
    )
    await shop.until(path, "status", "active")
    [invoice] = (await shop.read("/v1/invoices", customer=customer))["data"]
    outcomes = [(attempt["outcome"], attempt["decline"]) for attempt in invoice["attempts"]]
    assert outcomes == [("declined", "generic_decline"), ("paid", None)]
