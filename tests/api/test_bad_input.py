"""Bad input: a problem document with its own code, and nothing changed."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from temporalio.client import Client

from adapters.db.engine import create_engine
from adapters.db.migrations import upgrade
from adapters.memory.gateway import MemoryGateway
from api.body_limit import LARGEST_BODY_BYTES, BodyLimit
from api.dependencies import Dependencies
from local.testbed import SharedServers
from tests.api.shop import Shop, opened_shop, problem, settings_for


@pytest.fixture(scope="module")
async def open_shop(testbed: SharedServers, temporal_client: Client) -> AsyncIterator[Shop]:
    """One shop for everything that must be refused and leave nothing behind.

    Its gateway is in memory, since nothing here may reach one.
    """
    name = f"test_{uuid.uuid4().hex}"
    database_url = testbed.create_migrated_database(name, upgrade)
    engine = create_engine(database_url)
    deps = Dependencies(
        engine=engine,
        temporal=temporal_client,
        gateway=MemoryGateway(),
        settings=settings_for(database_url),
        task_queue=name,
    )
    async with opened_shop(deps) as shop:
        yield shop
    await engine.dispose()
    testbed.postgres().drop_database(name)


_JSON = {"Content-Type": "application/json"}
_ORDER = b'"price": "team_monthly", "customer": "cus_1"'


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/customers", b"", 422, "field_missing"),
        ("/v1/customers", b"null", 422, "wrong_type"),
        ("/v1/customers", b"[]", 422, "wrong_type"),
        ("/v1/customers", b'"text"', 422, "wrong_type"),
        ("/v1/customers", b"{", 400, "json_malformed"),
        ("/v1/customers", b'{"email": "a@b.c", "email": "d@e.f"}', 400, "json_duplicate_key"),
        ("/v1/customers", b"[" * 100_000, 400, "json_too_deep"),
        ("/v1/customers", b'{"email": "a@b.c", "foo": 1}', 422, "field_unknown"),
        ("/v1/customers", b'{"email": 1}', 422, "wrong_type"),
        ("/v1/customers", b'{"email": "nobody"}', 422, "wrong_format"),
        ("/v1/customers", b'{"email": "a@b.c\\r\\nBcc: x@y.z"}', 422, "wrong_format"),
        ("/v1/customers", b'{"email": "a@b.c", "name": "\\u0000"}', 422, "unstorable_text"),
        ("/v1/customers", b'{"email": "a@b.c", "name": "\\ud83d"}', 422, "unstorable_text"),
        ("/v1/customers", b'{"email": "a@b.c", "\\udc00": 1}', 422, "unstorable_text"),
        (
            "/v1/customers",
            b'{"email": "a@b.c", "metadata": {"k": "\\u0000"}}',
            422,
            "unstorable_text",
        ),
        ("/v1/customers", b'{"email": "a@b.c", "metadata": {"k": 1}}', 422, "wrong_type"),
        ("/v1/customers", b'{"email": "a@b.c", "test_clock": "1"}', 422, "wrong_format"),
        ("/v1/subscriptions", b'{%s, "quantity": -1}' % _ORDER, 422, "number_out_of_range"),
        ("/v1/subscriptions", b'{%s, "quantity": 1e400}' % _ORDER, 422, "wrong_type"),
        ("/v1/subscriptions", b'{%s, "quantity": 1e2}' % _ORDER, 422, "wrong_type"),
        ("/v1/subscriptions", b'{%s, "quantity": NaN}' % _ORDER, 422, "number_not_finite"),
        ("/v1/subscriptions", b'{%s, "quantity": Infinity}' % _ORDER, 422, "number_not_finite"),
        ("/v1/subscriptions", b'{%s, "quantity": "NaN"}' % _ORDER, 422, "wrong_type"),
        ("/v1/subscriptions", b'{%s, "quantity": "1e3"}' % _ORDER, 422, "wrong_type"),
        (
            "/v1/subscriptions",
            b'{%s, "quantity": %s}' % (_ORDER, b"9" * 40),
            422,
            "number_out_of_range",
        ),
        (
            "/v1/subscriptions",
            b'{%s, "quantity": %s}' % (_ORDER, b"9" * 5_000),
            422,
            "number_out_of_range",
        ),
        ("/v1/subscriptions", b'{%s, "trial": 1}' % _ORDER, 422, "wrong_type"),
        ("/v1/subscriptions/sub_1/cancel", b'{"mode": "later"}', 422, "unknown_value"),
        (
            "/v1/subscriptions/sub_1/extend_trial",
            b'{"trial_end": "9999-12-31T23:59:59Z"}',
            422,
            "date_out_of_range",
        ),
        (
            "/v1/subscriptions/sub_1/extend_trial",
            b'{"trial_end": "2026-02-30T00:00:00Z"}',
            422,
            "timestamp_malformed",
        ),
        ("/v1/subscriptions/sub_1/cancel", b'{"unused": "refund"}', 422, "unused_needs_now"),
        ("/v1/subscriptions/sub_1/change", b'{"quantity": 0}', 422, "number_out_of_range"),
        ("/v1/subscriptions/sub_1/change", b'{"quantity_change": 1.5}', 422, "wrong_type"),
        (
            "/v1/subscriptions/sub_1/change",
            b'{"quantity_change": -1000001}',
            422,
            "number_out_of_range",
        ),
        ("/v1/subscriptions/sub_1/change", b'{"quote": ""}', 422, "text_length_out_of_range"),
        ("/v1/subscriptions/sub_1/change", b'{"quote": "\\ud83d"}', 422, "unstorable_text"),
        ("/v1/subscriptions/sub_1/change", b'{"price": "Team"}', 422, "wrong_format"),
        ("/v1/subscriptions/sub_unknown/change", b'{"quantity": 1}', 404, "subscription_not_found"),
        (
            "/v1/subscriptions/sub_unknown/change/preview",
            b'{"quantity": 1}',
            404,
            "subscription_not_found",
        ),
        ("/v1/subscriptions/sub_1/change/preview", b'{"quote": "a.b"}', 422, "field_unknown"),
        ("/v1/subscriptions/sub_1/pause", b'{"resumes_at": 0}', 422, "wrong_type"),
        ("/v1/subscriptions/sub_1/pay", b'{"customer_present": "yes"}', 422, "wrong_type"),
        ("/v1/subscriptions/sub_1/extend_grace", b"{}", 422, "field_missing"),
        ("/v1/subscriptions/sub_1/waive", b'{"invoice": "in_1"}', 422, "field_missing"),
        (
            "/v1/subscriptions/sub_1/waive",
            b'{"invoice": "1", "reason": "Why not"}',
            422,
            "wrong_format",
        ),
        ("/v1/test_clocks", b'{"frozen_at": "0001-01-01T00:00:00Z"}', 422, "date_out_of_range"),
        ("/v1/test_clocks", b'{"frozen_at": 1768642200}', 422, "wrong_type"),
        ("/v1/test_clocks/clock_1/advance", b"{}", 422, "exactly_one_field"),
        ("/v1/test_clocks/clock_1/advance", b'{"by_seconds": 0}', 422, "number_out_of_range"),
        (
            "/v1/checkout/sessions",
            b'{%s, "success_url": "javascript:alert(1)", "cancel_url": "https://a.b"}' % _ORDER,
            422,
            "url_malformed",
        ),
        ("/v1/subscriptions/sub_unknown/cancel", b"{}", 404, "subscription_not_found"),
        ("/v1/subscriptions/sub_%00/cancel", b"{}", 404, "subscription_not_found"),
        ("/v1/customers/cus_unknown/setup_intents", b"", 404, "customer_not_found"),
        (
            "/v1/test_clocks/clock_unknown/advance",
            b'{"by_seconds": 1}',
            404,
            "test_clock_not_found",
        ),
    ],
)
async def test_a_bad_body_is_refused_by_code_and_changes_nothing(
    open_shop: Shop, path: str, body: bytes, status: int, code: str
) -> None:
    answer = await open_shop.client.post(path, content=body, headers=_JSON)
    problem(answer, status, code)
    for resource in ("customers", "subscriptions", "invoices", "test_clocks"):
        assert (await open_shop.read(f"/v1/{resource}"))["data"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "number_out_of_range"),
        ("limit=101", "number_out_of_range"),
        ("limit=1e1", "wrong_type"),
        ("limit=1.0", "wrong_type"),
        ("limit=1_0", "wrong_type"),
        ("limit=%D9%A3", "wrong_type"),
        ("limit=" + "9" * 5_000, "number_out_of_range"),
        ("cursor=%00", "wrong_format"),
        ("cursor=abc", "invalid_cursor"),
        ("cursor=" + "a" * 301, "text_length_out_of_range"),
        ("customer=%00", "wrong_format"),
        ("customer=%ff", "wrong_format"),
        ("status=later", "unknown_value"),
        ("created_from=yesterday", "timestamp_malformed"),
        ("created_from=9999-12-31T23:59:59Z", "date_out_of_range"),
    ],
)
async def test_a_bad_filter_is_refused_by_code(open_shop: Shop, query: str, code: str) -> None:
    answer = await open_shop.client.get(f"/v1/subscriptions?{query}")
    problem(answer, 422, code)


async def test_an_unknown_currency_is_refused(open_shop: Shop) -> None:
    problem(await open_shop.client.get("/v1/prices?currency=XXX"), 422, "unknown_currency")


async def test_oversized_bodies_are_refused_whether_or_not_they_say_so(open_shop: Shop) -> None:
    large = b" " * (LARGEST_BODY_BYTES + 1)
    problem(await open_shop.client.post("/v1/customers", content=large), 413, "body_too_large")

    async def pieces() -> Any:  # noqa: ANN401 - an iterator of bytes
        for _ in range(5):
            yield large[: len(large) // 4]

    problem(await open_shop.client.post("/v1/customers", content=pieces()), 413, "body_too_large")
    lying = await open_shop.client.post(
        "/v1/customers", content=b"{}", headers=_JSON | {"Content-Length": "9" * 400}
    )
    problem(lying, 413, "body_too_large")


async def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    async def never(_: Scope, __: Receive, ___: Send) -> None:
        raise AssertionError("the application ran on half a request")

    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    transport = httpx.ASGITransport(BodyLimit(never, seconds_to_send=0.05))
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        answer = await client.post("/v1/customers", content=drip())
    assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")
    assert answer.headers["connection"] == "close"


async def test_a_misspelt_filter_is_refused_instead_of_listing_everything(open_shop: Shop) -> None:
    answer = await open_shop.client.get("/v1/subscriptions?costumer=cus_1")
    problem(answer, 422, "parameter_unknown")
    problem(await open_shop.post("/v1/customers?dry_run=1"), 422, "parameter_unknown")


async def test_another_media_type_is_refused(open_shop: Shop) -> None:
    answer = await open_shop.client.post("/v1/customers", data={"email": "ada@example.com"})
    problem(answer, 415, "media_type_unsupported")
    answer = await open_shop.client.post("/v1/customers", content=b"{}")
    problem(answer, 415, "media_type_unsupported")


async def test_unknown_routes_and_methods_are_problems(open_shop: Shop) -> None:
    problem(await open_shop.client.get("/v1/unknown"), 404, "route_not_found")
    answer = await open_shop.client.delete("/v1/customers")
    problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) <= {"GET", "POST"}
    problem(await open_shop.client.get("/v1/customers/"), 404, "route_not_found")


async def test_a_defect_is_answered_without_its_details(idle_shop: Shop) -> None:
    async def broken() -> None:
        raise RuntimeError("the password is 1234")

    idle_shop.app.add_api_route("/broken", broken)
    answer = await idle_shop.client.get("/broken")
    problem(answer, 500, "internal_error")
    assert "1234" not in answer.text


async def test_a_database_out_of_reach_is_temporary(idle_shop: Shop) -> None:
    async def unreachable() -> None:
        raise ConnectionRefusedError

    idle_shop.app.add_api_route("/unreachable", unreachable)
    answer: httpx.Response = await idle_shop.client.get("/unreachable")
    problem(answer, 503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "2"
