"""What is printed on later invoices, over HTTP."""

import pytest
from sqlalchemy import select

from adapters.db.engine import reading
from adapters.db.tables.audit import audit_log
from tests.api.shop import Shop, problem

SELLER = {
    "name": "Perennial Tools GmbH",
    "address": "Hauptstraße 1\n10115 Berlin",
    "tax_id": "DE123456789",
    "memo": None,
    "footer": "Please quote the number.",
}


async def test_the_seller_is_said_replaced_and_audited(idle_shop: Shop) -> None:
    nobody = dict.fromkeys(SELLER)
    assert await idle_shop.read("/v1/seller") == nobody
    said = await idle_shop.client.put("/v1/seller", json=SELLER)
    assert said.json() == await idle_shop.read("/v1/seller") == SELLER
    replaced = await idle_shop.client.put("/v1/seller", json={"name": "Other"})
    assert replaced.json() == nobody | {"name": "Other"}
    async with reading(idle_shop.deps.engine) as connection:
        subject = audit_log.c.subject
        about = await connection.scalars(select(subject).filter_by(command="change_seller"))
    assert len(list(about)) == 2


async def test_a_customer_has_a_purchase_order_and_texts(idle_shop: Shop) -> None:
    path = f"/v1/customers/{await idle_shop.customer()}/invoice_settings"
    nothing = {"memo": None, "purchase_order": None, "footer": None}
    assert await idle_shop.read(path) == nothing
    said = {"memo": "Two\nlines", "purchase_order": "PO-42", "footer": None}
    assert (await idle_shop.client.put(path, json=said)).json() == said
    assert await idle_shop.read(path) == said
    assert (await idle_shop.client.put(path, json={})).json() == nothing
    assert await idle_shop.read(path) == nothing


async def test_what_cannot_be_printed_is_refused(
    idle_shop: Shop, subtests: pytest.Subtests
) -> None:
    path = f"/v1/customers/{await idle_shop.customer()}/invoice_settings"
    cases: tuple[dict[str, str | int], ...] = (
        {"purchase_order": ""},
        {"purchase_order": "\n"},
        {"purchase_order": "two\nlines"},
        {"purchase_order": "x" * 201},
        {"memo": "x" * 2_001},
        {"memo": "a\u202eb"},
        {"memo": 7},
        {"note": "unknown"},
    )
    for body in cases:
        with subtests.test(body=body):
            answer = await idle_shop.client.put(path, json=body)
            assert answer.status_code == 422, answer.text


async def test_nobody_has_no_settings_and_no_documents(idle_shop: Shop) -> None:
    for path, code in (
        ("customers/cus_none/invoice_settings", "customer_not_found"),
        ("subscriptions/sub_none/invoice_settings", "subscription_not_found"),
        ("subscriptions/sub_none/upcoming_invoice", "subscription_not_found"),
        ("invoices/in_none/pdf", "invoice_not_found"),
        ("credit_notes/cn_none/pdf", "credit_note_not_found"),
    ):
        problem(await idle_shop.client.get(f"/v1/{path}"), 404, code)
