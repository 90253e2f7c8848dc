"""API keys and scopes."""

from datetime import UTC, datetime

import pytest

from api.authentication import SCOPES
from tests.api.shop import Shop, problem


async def test_who_is_unknown_is_refused_before_anything_is_read(
    idle_shop: Shop, subtests: pytest.Subtests
) -> None:
    del idle_shop.client.headers["authorization"]
    cases: tuple[tuple[str | None, str], ...] = (
        (None, "api_key_missing"),
        ("", "api_key_missing"),
        ("Bearer", "api_key_missing"),
        ("Bearer ", "api_key_missing"),
        ("Basic cGs6", "api_key_missing"),
        ("Bearer pk_unknown", "api_key_invalid"),
        ("Bearer " + "a" * 5_000, "api_key_invalid"),
        ("Bearer pk_\xff\x00", "api_key_invalid"),
    )
    for header, code in cases:
        with subtests.test(header=header, code=code):
            headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]
            answer = await idle_shop.client.post("/v1/customers", content=b"{", headers=headers)
            problem(answer, 401, code)
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_key_opens_nothing(idle_shop: Shop) -> None:
    secret = await idle_shop.api_key()
    async with idle_shop.transactions() as tx:
        stored = await tx.api_keys.put(
            secret, key_id="key_x", name="", scopes=(), created_at=datetime.now(UTC)
        )
        await tx.api_keys.revoke(stored.id, revoked_at=datetime.now(UTC))
    headers = {"Authorization": f"Bearer {secret}"}
    answer = await idle_shop.client.get("/v1/customers", headers=headers)
    problem(answer, 401, "api_key_invalid")


async def test_every_operation_needs_exactly_its_scope(idle_shop: Shop) -> None:
    document = (await idle_shop.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not operation.get("security"):
                continue
            [needed] = operation["security"][0]["apiKey"]
            others = tuple(scope for scope in SCOPES if scope != needed)
            secret = await idle_shop.api_key(scopes=others)
            url = path.replace("{", "").replace("}", "")
            answer = await idle_shop.client.request(
                method, url, headers={"Authorization": f"Bearer {secret}"}
            )
            assert problem(answer, 403, "scope_missing")["scope"] == needed
