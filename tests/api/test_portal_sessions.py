"""Links to the portal: who gets one, and for how long."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.api.shop import Shop, problem


async def _made(shop: Shop, **body: object) -> httpx.Response:
    return await shop.post("/v1/portal_sessions", body)


async def test_a_link_is_good_for_an_hour_unless_it_is_said_otherwise(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    for body, expected in (({}, 3_600), ({"expires_in_seconds": 300}, 300)):
        made = await _made(idle_shop, customer=customer, **body)
        assert made.status_code == 201
        left = datetime.fromisoformat(made.json()["expires_at"]) - datetime.now(UTC)
        assert timedelta(seconds=expected - 30) < left <= timedelta(seconds=expected)


async def test_the_link_opens_the_customers_portal(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    made = (await _made(idle_shop, customer=customer)).json()
    assert made["customer"] == customer
    assert made["url"].startswith("http://api.test/hosted/portal/open?ticket=")
    opened = await idle_shop.client.get(made["url"])
    assert (opened.status_code, opened.headers["location"]) == (
        303,
        "http://api.test/hosted/portal",
    )


async def test_a_repeated_request_is_answered_with_the_same_link(idle_shop: Shop) -> None:
    body = {"customer": await idle_shop.customer()}
    first, again = [await idle_shop.post("/v1/portal_sessions", body, key="once") for _ in range(2)]
    assert first.json() == again.json()


async def test_what_makes_no_sense_gets_no_link(idle_shop: Shop, subtests: pytest.Subtests) -> None:
    cases: tuple[tuple[dict[str, object], str], ...] = (
        ({"customer": "cus_unknown"}, "customer_not_found"),
        ({}, "field_missing"),
        ({"return_url": "javascript:alert(1)"}, "url_malformed"),
        ({"expires_in_seconds": 59}, "number_out_of_range"),
        ({"expires_in_seconds": 86_401}, "number_out_of_range"),
        ({"expires_in_seconds": "60"}, "wrong_type"),
        ({"subscription": "sub_1"}, "field_unknown"),
    )
    for body, code in cases:
        with subtests.test(body=body, code=code):
            customer = {} if code == "field_missing" else {"customer": await idle_shop.customer()}
            problem(await _made(idle_shop, **customer | body), 422, code)


async def test_a_key_needs_the_scope_for_it(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    secret = await idle_shop.api_key(scopes=("customers:read", "customers:write"))
    idle_shop.client.headers["Authorization"] = f"Bearer {secret}"
    refused = problem(await _made(idle_shop, customer=customer), 403, "scope_missing")
    assert refused["scope"] == "portal_sessions:write"
