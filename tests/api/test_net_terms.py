"""Net terms of customers, over HTTP."""

import pytest
from sqlalchemy import select

from adapters.db.engine import reading
from adapters.db.repositories.catalog import SqlCatalog
from adapters.db.tables.audit import audit_log
from adapters.db.tables.domain_event import domain_events
from billing.catalog import Trial, WithoutPaymentMethod
from tests.api.shop import CATALOG, Shop, problem


async def test_terms_are_set_and_cleared_and_audited(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    path = f"/v1/customers/{customer}/net_terms"
    assert (await idle_shop.read(f"/v1/customers/{customer}"))["net_days"] is None
    said = await idle_shop.client.put(path, json={"net_days": 30, "reason": "contract"})
    assert said.json()["net_days"] == 30
    assert (await idle_shop.read(f"/v1/customers/{customer}"))["net_days"] == 30
    assert (await idle_shop.client.put(path, json={"net_days": None})).json()["net_days"] is None
    async with reading(idle_shop.deps.engine) as connection:
        query = select(audit_log.c.reason, audit_log.c.actor_kind).filter_by(subject=customer)
        entries = [tuple(row) for row in await connection.execute(query.order_by(audit_log.c.at))]
        told = select(domain_events.c.details).filter_by(customer_id=customer)
        changes = list((await connection.scalars(told.order_by(domain_events.c.id))).all())
    assert sorted(entries, key=str) == [("contract", "api_key"), (None, "api_key")]
    assert [(each["net_days_before"], each["net_days"]) for each in changes] == [
        (None, 30),
        (30, None),
    ]


async def test_who_may_write_customers_may_not_grant_them_credit(idle_shop: Shop) -> None:
    path = f"/v1/customers/{await idle_shop.customer()}/net_terms"
    for scope, status in (("customers:write", 403), ("net_terms:write", 200)):
        key = await idle_shop.api_key(scopes=(scope,))
        answer = await idle_shop.client.put(
            path, json={"net_days": 365}, headers={"Authorization": f"Bearer {key}"}
        )
        assert answer.status_code == status, answer.text


async def test_what_are_no_terms_is_refused(idle_shop: Shop, subtests: pytest.Subtests) -> None:
    customer = await idle_shop.customer()
    path = f"/v1/customers/{customer}/net_terms"
    cases: tuple[tuple[dict[str, object], str], ...] = (
        ({"net_days": 0}, "number_out_of_range"),
        ({"net_days": 366}, "number_out_of_range"),
        ({"net_days": "30"}, "wrong_type"),
        ({"net_days": "x"}, "wrong_type"),
        ({"net_days": True}, "wrong_type"),
        ({}, "field_missing"),
        ({"net_days": 30, "segment": "x"}, "field_unknown"),
    )
    for body, code in cases:
        with subtests.test(body=body):
            problem(await idle_shop.client.put(path, json=body), 422, code)
    assert (await idle_shop.read(f"/v1/customers/{customer}"))["net_days"] is None
    answer = await idle_shop.client.put("/v1/customers/cus_no/net_terms", json={"net_days": 30})
    problem(answer, 404, "customer_not_found")


async def test_a_trial_that_rests_for_want_of_a_card_goes_on_once_terms_are_granted(
    shop: Shop,
) -> None:
    rests = Trial(days=14, without_payment_method=WithoutPaymentMethod.PAUSE)
    products = [each.model_copy(update={"trial": rests}) for each in CATALOG.products]
    async with shop.deps.engine.begin() as connection:
        catalog = CATALOG.model_copy(update={"products": tuple(products)})
        await SqlCatalog(connection).put_on_sale(catalog)
    clock = await shop.clock("2026-06-01T00:00:00Z")
    customer = await shop.customer(clock=clock)
    body = {"customer": customer, "price": "team_monthly", "quantity": 5}
    path = f"/v1/subscriptions/{(await shop.made('/v1/subscriptions', body))['id']}"
    await shop.advance(clock, "2026-06-20T00:00:00Z")
    assert (await shop.read(path))["status"] == "paused"

    said = await shop.client.put(f"/v1/customers/{customer}/net_terms", json={"net_days": 14})
    assert said.status_code == 200, said.text

    await shop.until(path, "status", "active")
    [sent] = (await shop.read(path))["open_invoices"]
    assert (sent["net_days"], sent["due_at"]) == (14, "2026-07-04T00:00:00Z")
