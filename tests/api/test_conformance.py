"""The API held against its own description by generated requests, good and bad.

Whatever is sent: no 500, no status that is not documented, no answer of another shape.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.server import serving
from billing.discount import Coupon, CouponDuration
from tests.api.shop import CATALOG, Shop
from tests.api.test_refunds import disputed

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("PERENNIAL_FUZZ_EXAMPLES", "1"))
"""Per operation, with ids that exist and with others; `make fuzz` asks for many more."""
NOTHING_TO_GET_WRONG = {"/healthz", "/readyz"}
"""They take no parameter, no body and no key."""


@pytest.fixture
async def base_url(shop: Shop) -> AsyncIterator[str]:
    """The API behind a real socket: what an HTTP parser lets through is part of the question."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = serving(shop.app)
    ended = asyncio.create_task(server.serve(sockets=[listener]))
    host, port = listener.getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    await ended


async def _known_ids(shop: Shop) -> dict[str, str]:
    """Ids that exist: without them every path would end at the first look."""
    customer = await shop.customer(card="pm_card_visa")
    made = await shop.made("/v1/subscriptions", {"customer": customer, "price": "team_monthly"})
    bought = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "assistant_monthly"}
    )
    session = await shop.made(
        "/v1/checkout/sessions",
        {
            "customer": await shop.customer(),
            "price": "pro_yearly",
            "success_url": "https://example.com/a",
            "cancel_url": "https://example.com/b",
        },
    )
    note = await shop.made(
        f"/v1/invoices/{bought['latest_invoice']}/refund", {"amount_minor": 1, "reason": "a cent"}
    )
    dispute = await disputed(shop, await shop.read(f"/v1/invoices/{bought['latest_invoice']}"))
    change = await shop.made(f"/v1/subscriptions/{made['id']}/change", {"quantity": 2})
    migration = await _migration(shop)
    grant = await shop.made(
        f"/v1/customers/{customer}/entitlement_grants",
        {"feature": "single_sign_on", "reason": "a pilot"},
    )
    item = await shop.made(
        f"/v1/customers/{customer}/invoice_items",
        {
            "subscription": made["id"],
            "description": "Setup",
            "unit_amount_minor": 100,
            "currency": "USD",
        },
    )
    [method] = (await shop.read(f"/v1/customers/{customer}/payment_methods"))["data"]
    return {
        "customer_id": customer,
        "subscription_id": made["id"],
        "purchase_id": await _purchase(shop, customer),
        "change_id": change["id"],
        "grant_id": grant["id"],
        "invoice_item_id": item["id"],
        "invoice_id": bought["latest_invoice"],
        "credit_note_id": note["id"],
        "refund_id": note["refund"]["id"],
        "dispute_id": dispute.id,
        "checkout_session_id": session["id"],
        "migration_id": migration["id"],
        "payment_method_id": method["id"],
        "catalog_version": "1",
        "coupon_id": await _coupon(shop),
        "test_clock_id": await shop.clock("2026-01-17T09:30:00Z"),
    }


async def _coupon(shop: Shop) -> str:
    """One that the catalog sells from now on."""
    coupon = Coupon(id="WELCOME", name="Welcome", percent=Decimal(20), duration=CouponDuration.ONCE)
    async with shop.transactions() as tx:
        await tx.catalog.put_on_sale(CATALOG.model_copy(update={"coupons": (coupon,)}))
    return coupon.id


async def _purchase(shop: Shop, customer: str) -> str:
    """Of something that is put on sale for it."""
    once = CATALOG.prices[0].model_copy(update={"id": "onboarding_session", "interval": None})
    async with shop.transactions() as tx:
        await tx.catalog.put_on_sale(CATALOG.model_copy(update={"prices": (*CATALOG.prices, once)}))
    basket = {"customer": customer, "items": [{"price": once.id}]}
    return str((await shop.made("/v1/purchases", basket))["id"])


async def _migration(shop: Shop) -> Any:  # noqa: ANN401 - JSON
    """One that finds nobody fit."""
    plan = {
        "sources": [{"price": "pro_yearly"}],
        "target": {"price": "team_monthly", "version": 1},
        "migrates_at": "2026-01-01T00:00:00Z",
    }
    rehearsal = await shop.made("/v1/migrations/rehearse", plan)
    return await shop.made(
        "/v1/migrations", {**plan, "rehearsal": rehearsal["digest"], "reason": "an end"}
    )


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_whatever_is_sent_the_answer_is_documented(
    shop: Shop, base_url: str, mode: GenerationMode
) -> None:
    document = (await shop.client.get("/openapi.json")).json()
    known = await _known_ids(shop)
    authorization = shop.client.headers["authorization"]
    await asyncio.to_thread(_check_all, document, base_url, mode, known, authorization)


def _check_all(
    document: dict[str, Any],
    base_url: str,
    mode: GenerationMode,
    known: Mapping[str, str],
    authorization: str,
) -> None:
    schema = schemathesis.openapi.from_dict(document)
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and operation.path in NOTHING_TO_GET_WRONG:
            continue
        named = {parameter.name: known[parameter.name] for parameter in operation.path_parameters}
        for path_parameters in ({}, named) if named else ({},):
            strategy = operation.as_strategy(
                generation_mode=mode, path_parameters=path_parameters or None
            )

            @given(case=strategy)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def conforms(case: Case[Any]) -> None:
                answer = case.call(
                    base_url=base_url, headers={"Authorization": authorization}, session=session
                )
                case.validate_response(answer, checks=CHECKS)

            with requests.Session() as session:
                conforms()
