"""Customers over HTTP, and the layers that every operation shares."""

from tests.api.shop import Shop, problem


async def test_a_customer_is_created_read_and_changed(idle_shop: Shop) -> None:
    created = await idle_shop.made(
        "/v1/customers",
        {"email": "ada@example.com", "name": " Ada Lovelace ", "metadata": {"crm_id": "4711"}},
    )
    assert created["name"] == "Ada Lovelace"
    assert await idle_shop.read(f"/v1/customers/{created['id']}") == created
    changed = await idle_shop.client.patch(
        f"/v1/customers/{created['id']}", json={"name": None, "email": "ada@example.org"}
    )
    assert changed.json() == created | {"name": None, "email": "ada@example.org"}


async def test_creating_a_customer_says_nothing_to_the_gateway(idle_shop: Shop) -> None:
    made = await idle_shop.made("/v1/customers", {"email": "ada@example.com"})
    async with idle_shop.transactions() as tx:
        stored = await tx.customers.get(made["id"])
    assert stored.gateway_customer_id is None


async def test_unknown_customers_are_not_found_however_they_are_written(idle_shop: Shop) -> None:
    for written in ("cus_unknown", "4711", "cus_%00", "cus_%ff", "%F0%9F%92%A9", "a" * 900):
        answer = await idle_shop.client.get(f"/v1/customers/{written}")
        problem(answer, 404, "customer_not_found")


async def test_lists_are_stable_while_customers_are_added(idle_shop: Shop) -> None:
    ids = [await idle_shop.customer() for _ in range(5)]
    first = await idle_shop.read("/v1/customers", limit=2)
    await idle_shop.customer()
    second = await idle_shop.read("/v1/customers", limit=2, cursor=first["next_cursor"])
    third = await idle_shop.read("/v1/customers", limit=2, cursor=second["next_cursor"])
    seen = [customer["id"] for page in (first, second, third) for customer in page["data"]]
    assert seen == list(reversed(ids))
    assert not third["has_more"]


async def test_a_customer_without_an_address_is_refused(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    answer = await idle_shop.client.patch(f"/v1/customers/{customer}", json={"email": None})
    problem(answer, 422, "field_missing")
    answer = await idle_shop.client.patch(f"/v1/customers/{customer}", json={"metadata": None})
    problem(answer, 422, "wrong_type")


async def test_a_customer_belongs_to_a_segment_until_told_otherwise(idle_shop: Shop) -> None:
    created = await idle_shop.made(
        "/v1/customers", {"email": "ada@example.com", "segment": "enterprise"}
    )
    assert created["segment"] == "enterprise"
    path = f"/v1/customers/{created['id']}"
    for body, segment in (
        ({"name": "Ada"}, "enterprise"),
        ({"segment": "students"}, "students"),
        ({"segment": None}, None),
    ):
        changed = await idle_shop.client.patch(path, json=body)
        assert changed.json()["segment"] == segment
        assert (await idle_shop.read(path))["segment"] == segment
    for wrong in ("Enterprise", "", "a b", "1st", 7):
        answer = await idle_shop.client.patch(path, json={"segment": wrong})
        assert answer.status_code == 422, answer.text


async def test_a_customer_reads_in_a_locale(idle_shop: Shop) -> None:
    path = f"/v1/customers/{await idle_shop.customer()}"
    assert (await idle_shop.read(path))["locale"] == "en-US"
    changed = await idle_shop.client.patch(path, json={"locale": "de-de"})
    assert changed.json()["locale"] == "de-DE"
    for wrong in ("xx", "en_US", "", "e" * 30):
        answer = await idle_shop.client.patch(path, json={"locale": wrong})
        assert answer.status_code == 422, answer.text
    problem(await idle_shop.client.patch(path, json={"locale": None}), 422, "field_missing")
    assert (await idle_shop.read(path))["locale"] == "de-DE"


async def test_a_customers_tax_fields_are_checked_together(idle_shop: Shop) -> None:
    french = {"email": "ada@example.com", "address": {"country": "FR", "city": "Paris"}}
    made = await idle_shop.made("/v1/customers", french | {"vat_id": "FR 40 303 265 045"})
    assert (made["vat_id"], made["address"]["country"]) == ("FR40303265045", "FR")
    path = f"/v1/customers/{made['id']}"
    exempt = await idle_shop.client.patch(path, json={"tax_exempt": True})
    assert exempt.json() == made | {"tax_exempt": True}
    for body, code in (
        ({"vat_id": "FR40303265046"}, "vat_id_malformed"),
        ({"address": {"country": "DE"}}, "vat_id_malformed"),
        ({"address": None}, "vat_id_needs_country"),
        ({"address": {"country": "AQ"}}, "vat_id_unsupported"),
        ({"address": {"country": "UK"}}, "unknown_country"),
        ({"address": {"country": "US", "region": "New York"}}, "wrong_format"),
        ({"address": {"region": "NY"}}, "field_missing"),
        ({"tax_exempt": None}, "wrong_type"),
        ({"vat_id": "\u0000\u0000\u0000\u0000"}, "unstorable_text"),
        ({"vat_id": "FR/403\u2028"}, "wrong_format"),
    ):
        problem(await idle_shop.client.patch(path, json=body), 422, code)
    moved = await idle_shop.client.patch(path, json={"address": None, "vat_id": None})
    assert (moved.json()["address"], moved.json()["vat_id"]) == (None, None)
