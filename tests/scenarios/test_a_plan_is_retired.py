"""Team 2024 ends: those who have it are told, keep it for the notice, and have Team afterwards."""

from pathlib import Path
from typing import Final

from tests.scenarios.company import Company, Json

_CATALOG: Final = (Path(__file__).resolve().parents[2] / "examples" / "catalog.yaml").read_text()
_RETIRED: Final = '    replaced_by: team\n    migration: {from: "2024-12-10", notice_days: 30}\n'
_BEFORE: Final = _CATALOG.replace(_RETIRED, "")
NOVEMBER = "2024-11-15T00:00:00Z"
DECEMBER = "2024-12-15T00:00:00Z"
JANUARY = "2025-01-15T00:00:00Z"


async def _publish(company: Company, catalog: str, *, plan: str | None = None) -> Json:
    body = {"files": {"catalog.yaml": catalog}, "plan": plan, "reason": "One Team for all"}
    return await company.shop.made("/v1/catalog/apply", body)


async def test_who_has_team_2024_has_team_from_a_renewal_after_the_notice(company: Company) -> None:
    assert _RETIRED in _CATALOG
    await _publish(company, _BEFORE)
    ada = await company.customer(NOVEMBER, card="pm_card_visa")
    bob = await company.customer(NOVEMBER, card="pm_card_visa")
    kept = await ada.subscribe("team_2024_monthly", seats=10)
    left = await bob.subscribe("team_2024_monthly", seats=5)
    await bob.cancel(left)
    assert await ada.included() == {}
    await ada.live_until("2024-11-20T00:00:00Z")
    await bob.live_until("2024-11-20T00:00:00Z")

    plan = await company.shop.made("/v1/catalog/plan", {"files": {"catalog.yaml": _CATALOG}})
    [move] = plan["moves"]
    assert (move["migrates"], move["skipped"]) == (
        1,
        [{"reason": "cancel_pending", "subscriptions": 1}],
    )
    [moving] = move["moving"]
    assert (moving["subscription"], moving["moves_at"]) == (kept, JANUARY)
    assert (moving["period_amount"]["text"], moving["after"]["text"]) == (
        "USD 110.00",
        "USD 160.00",
    )
    applied = await _publish(company, _CATALOG, plan=plan["digest"])
    [migration] = applied["migrations"]
    path = f"/v1/migrations/{migration}"
    await company.shop.until(path, "phase", "renewing")
    assert (await _publish(company, _CATALOG))["migrations"] == []

    cid = await company.customer(NOVEMBER, card="pm_card_visa")
    order = {"customer": cid.id, "price": "team_2024_monthly", "quantity": 5}
    refused = await company.shop.post("/v1/subscriptions", order)
    assert (refused.json()["code"], refused.json()["replaced_by"]) == (
        "price_retired",
        "team_monthly",
    )
    await ada.change(kept, quantity=11)
    await ada.live_until(DECEMBER)
    assert (await ada.subscription(kept))["price"] == "team_2024_monthly"
    await ada.live_until(JANUARY)

    assert (await ada.subscription(kept))["price"] == "team_monthly"
    assert await ada.included() == {"registry_storage": 50, "users": 11}
    assert await ada.billed() == [
        (NOVEMBER, "USD 110.00", "paid"),
        ("2024-11-20T00:00:00Z", "USD 9.17", "paid"),
        (DECEMBER, "USD 121.00", "paid"),
        (JANUARY, "USD 176.00", "paid"),
    ]
    await bob.live_until(JANUARY)
    assert (await bob.subscription(left))["status"] == "canceled"
    assert (await company.shop.read(path))["migrated"] == 1
    assert company.messages().count("price_will_change") == 1
    assert await company.books_balance()
