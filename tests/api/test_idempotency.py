"""`Idempotency-Key` with Stripe's semantics."""

import asyncio

import pytest

from simulator.faults import Fault
from tests.api.shop import Shop, problem
from tests.conftest import StripeSimulator

ADA = {"email": "ada@example.com"}


async def test_the_same_request_under_one_key_is_done_once(idle_shop: Shop) -> None:
    first = await idle_shop.post("/v1/customers", ADA, key="order-1")
    again = await idle_shop.client.post(
        "/v1/customers",
        content=b'{ "email":   "ada@example.com" }',
        headers={"Idempotency-Key": "order-1", "Content-Type": "application/json; charset=utf-8"},
    )
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert len((await idle_shop.read("/v1/customers"))["data"]) == 1


async def test_a_key_is_for_one_request(idle_shop: Shop) -> None:
    await idle_shop.post("/v1/customers", ADA, key="order-1")
    other = await idle_shop.post("/v1/customers", {"email": "bob@example.com"}, key="order-1")
    problem(other, 422, "idempotency_key_reused")
    elsewhere = await idle_shop.post(
        "/v1/test_clocks", {"frozen_at": "2026-01-17T09:30:00Z"}, key="order-1"
    )
    problem(elsewhere, 422, "idempotency_key_reused")


async def test_another_callers_key_is_another_key(idle_shop: Shop) -> None:
    mine = await idle_shop.made("/v1/customers", ADA, key="order-1")
    secret = await idle_shop.api_key()
    theirs = await idle_shop.client.post(
        "/v1/customers",
        json=ADA,
        headers={"Idempotency-Key": "order-1", "Authorization": f"Bearer {secret}"},
    )
    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine["id"]


async def test_of_many_at_once_one_is_done(idle_shop: Shop) -> None:
    answers = await asyncio.gather(
        *(idle_shop.post("/v1/customers", ADA, key="order-1") for _ in range(10))
    )
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 409, "idempotency_key_in_use")
    assert len((await idle_shop.read("/v1/customers"))["data"]) == 1


async def test_a_request_that_fails_validation_leaves_its_key_unused(idle_shop: Shop) -> None:
    problem(
        await idle_shop.post("/v1/customers", {"email": "nobody"}, key="order-1"),
        422,
        "wrong_format",
    )
    assert (await idle_shop.post("/v1/customers", ADA, key="order-1")).status_code == 201


async def test_a_refusal_of_the_rules_is_an_answer_and_is_replayed(idle_shop: Shop) -> None:
    order = {"customer": "cus_unknown", "price": "pro_yearly"}
    first = await idle_shop.post("/v1/subscriptions", order, key="order-1")
    problem(first, 422, "customer_not_found")
    again = await idle_shop.post("/v1/subscriptions", order, key="order-1")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == "application/problem+json"
    assert again.content == first.content


async def test_an_outage_is_no_answer_and_is_tried_again(
    idle_shop: Shop, simulator: StripeSimulator
) -> None:
    customer = await idle_shop.customer()
    await simulator.control.inject(Fault(kind="server_error", path="/v1/customers", times=3))
    path = f"/v1/customers/{customer}/setup_intents"
    problem(await idle_shop.post(path, key="order-1"), 503, "gateway_failed")
    await simulator.control.forget_idempotency_keys()
    assert (await idle_shop.post(path, key="order-1")).status_code == 201


async def test_keys_are_printable_and_bounded(idle_shop: Shop, subtests: pytest.Subtests) -> None:
    cases: tuple[bytes, ...] = (
        b"",
        b" ",
        b"a" * 256,
        b"\xff",
        b"a\x00b",
    )
    for key in cases:
        with subtests.test(key=key):
            answer = await idle_shop.client.post(
                "/v1/customers", json=ADA, headers=[(b"Idempotency-Key", key)]
            )
            assert answer.status_code == 422, answer.text
            assert (await idle_shop.read("/v1/customers"))["data"] == []
