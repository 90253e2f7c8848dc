"""Price migrations over the API: rehearsed, started once, read, steered and rolled back."""

from decimal import Decimal
from typing import Any

import pytest

from billing.catalog import Catalog
from billing.interval import Interval, IntervalUnit
from billing.price import Price
from billing.price_model import PerUnit
from tests.api.shop import CATALOG, Shop, problem

DEARER = Price(
    id="team_dearer",
    product_id="team",
    currency="USD",
    model=PerUnit(unit_amount_minor=Decimal(1800)),
    interval=Interval(unit=IntervalUnit.MONTH),
    unit_name="seat",
    maximum_quantity=1_000,
)
PLAN = {
    "sources": [{"price": "team_monthly"}],
    "target": {"price": "team_dearer", "version": 1},
    "migrates_at": "2026-01-01T00:00:00Z",
    "notice_days": 30,
}


@pytest.fixture
def catalog() -> Catalog:
    """The shop's, and Team at another price."""
    return CATALOG.model_copy(update={"prices": (*CATALOG.prices, DEARER)})


async def selling(
    shop: Shop, *, subscriptions: int = 2, contract_until: str | None = None
) -> list[str]:
    """So many of Team at the old price."""
    body = {
        "price": "team_monthly",
        "quantity": 5,
        "trial": False,
        "contract_until": contract_until,
    }
    made = []
    for _ in range(subscriptions):
        customer = await shop.customer(card="pm_card_visa")
        made.append((await shop.made("/v1/subscriptions", {"customer": customer, **body}))["id"])
    return sorted(made)


async def started(shop: Shop, digest: str) -> Any:  # noqa: ANN401 - JSON
    body = {**PLAN, "rehearsal": digest, "reason": "The costs"}
    return await shop.made("/v1/migrations", body, key="start")


async def test_what_is_rehearsed_is_started_once_and_can_be_read(shop: Shop) -> None:
    first, second = await selling(shop)
    await selling(shop, subscriptions=1, contract_until="2999-01-01T00:00:00Z")
    await shop.made(f"/v1/subscriptions/{second}/cancel", {})
    rehearsal = await shop.made("/v1/migrations/rehearse", PLAN)
    assert rehearsal["migrates"] == 1
    assert rehearsal["skipped"] == [
        {"reason": "cancel_pending", "subscriptions": 1},
        {"reason": "contract_locked", "subscriptions": 1},
    ]
    [revenue] = rehearsal["revenue"]
    assert revenue["monthly_before"]["text"] == "USD 80.00"
    assert revenue["monthly_change"]["text"] == "USD 10.00"

    migration = await started(shop, rehearsal["digest"])
    assert (await started(shop, rehearsal["digest"]))["id"] == migration["id"]
    path = f"/v1/migrations/{migration['id']}"
    await shop.until(path, "phase", "renewing")
    told = await shop.read(path)
    assert (told["scheduled"], told["pending"], told["migrated"]) == (1, 0, 0)
    listed = await shop.read(f"{path}/subscriptions", limit=1)
    assert listed["has_more"]
    query = {"state": "skipped", "reason": "cancel_pending"}
    [row] = (await shop.read(f"{path}/subscriptions", **query))["data"]
    assert (row["subscription"], row["reason"]) == (second, "cancel_pending")
    moving = await shop.read(f"/v1/subscriptions/{first}")
    assert moving["migration"]["terms"]["period_amount"]["text"] == "USD 90.00"
    assert [each["id"] for each in (await shop.read("/v1/migrations"))["data"]] == [migration["id"]]

    rolled_back = await shop.made(f"{path}/rollback", {"reason": "Too dear"})
    assert rolled_back["phase"] in {"rolling_back", "rolled_back"}
    await shop.until(path, "phase", "rolled_back")
    assert (await shop.read(f"/v1/subscriptions/{first}"))["migration"] is None
    problem(await shop.post(f"{path}/pause", {"reason": "Late"}), 409, "migration_finished")


async def test_a_rehearsal_that_is_outdated_starts_nothing(shop: Shop) -> None:
    [only] = await selling(shop, subscriptions=1)
    rehearsal = await shop.made("/v1/migrations/rehearse", PLAN)
    await shop.made(f"/v1/subscriptions/{only}/cancel", {})
    body = {**PLAN, "rehearsal": rehearsal["digest"], "reason": "The costs"}
    problem(await shop.post("/v1/migrations", body), 409, "rehearsal_outdated")
    assert (await shop.read("/v1/migrations"))["data"] == []


async def test_what_can_never_be_carried_out_is_refused(idle_shop: Shop) -> None:
    unknown = {**PLAN, "sources": [{"price": "nothing"}]}
    problem(await idle_shop.post("/v1/migrations/rehearse", unknown), 422, "price_not_found")
    gone = {**PLAN, "target": {"price": "team_dearer", "version": 9}}
    problem(await idle_shop.post("/v1/migrations/rehearse", gone), 422, "price_not_found")
    other = {
        **PLAN,
        "sources": [{"price": "assistant_monthly", "version": 1}],
        "target": {"price": "team_monthly", "version": 1},
    }
    problem(await idle_shop.post("/v1/migrations/rehearse", other), 422, "different_family")
    both = {"count": 1, "percent": 5}
    start = {**PLAN, "rehearsal": "0" * 32, "reason": "r", "canary": both}
    problem(await idle_shop.post("/v1/migrations", start), 422, "exactly_one_field")
    missing = await idle_shop.client.get("/v1/migrations/mig_0")
    problem(missing, 404, "migration_not_found")
