"""What is no longer sold: refused with what replaces it, and kept by those who have it."""

from tests.api.changes.subscriber import subscribed
from tests.api.shop import CATALOG, Shop, problem

START = "2026-04-01T00:00:00Z"
_OLD = CATALOG.prices[0].model_copy(update={"id": "old_monthly", "product_id": "pro"})
_SOLD = CATALOG.model_copy(update={"prices": (*CATALOG.prices, _OLD)})
_RETIRED = _SOLD.model_copy(update={"replacements": {"old_monthly": "team_monthly"}})


async def _put_on_sale(shop: Shop, *, is_retired: bool) -> None:
    async with shop.transactions() as tx:
        await tx.catalog.put_on_sale(_RETIRED if is_retired else _SOLD)


async def test_who_has_a_retired_price_keeps_it_and_nobody_else_gets_it(shop: Shop) -> None:
    await _put_on_sale(shop, is_retired=False)
    ada = await subscribed(shop, "old_monthly", seats=5, at=START)
    bea = await subscribed(shop, "team_monthly", seats=5, at=START)
    await _put_on_sale(shop, is_retired=True)

    order = {"customer": await shop.customer(card="pm_card_visa"), "price": "old_monthly"}
    checkout = order | {"success_url": "https://example.com/", "cancel_url": "https://example.com/"}
    for answer in (
        await shop.post("/v1/subscriptions", order),
        await shop.post("/v1/checkout/sessions", checkout),
        await shop.post(f"{bea.path}/change/preview", {"price": "old_monthly"}),
    ):
        refused = problem(answer, 422, "price_retired")
        assert (refused["price"], refused["replaced_by"]) == ("old_monthly", "team_monthly")
    changed = problem(await bea.command("change", {"price": "old_monthly"}), 422, "price_retired")
    assert "team_monthly replaces it" in changed["detail"]
    listed = (await shop.read("/v1/prices"))["data"]
    assert "old_monthly" not in {price["id"] for price in listed}

    more = await ada.change(quantity_change=2)
    assert (more["result"], more["subscription"]["price"]) == ("applied", "old_monthly")
    upgraded = await ada.change(price="team_monthly", quantity=8)
    assert upgraded["subscription"]["price"] == "team_monthly"
