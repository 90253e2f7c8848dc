"""A refund by hand in the instant of an upgrade: both are right, in whatever order they come."""

import asyncio

import pytest

from tests.api.changes.subscriber import subscribed
from tests.api.shop import Shop


@pytest.mark.parametrize("hundredths", [0, 1, 2])
async def test_an_upgrade_is_planned_anew_where_its_debit_was_given_back_meanwhile(
    shop: Shop, hundredths: int
) -> None:
    ada = await subscribed(shop, "team_monthly", at="2026-04-01T00:00:00Z", seats=10)
    await ada.live_until("2026-04-16T00:00:00Z")
    [invoice] = await ada.invoices()

    async def refunded() -> int:
        await asyncio.sleep(hundredths / 100)
        path = f"/v1/invoices/{invoice['id']}/refund"
        return (await shop.post(path, {"amount_minor": 12_000, "reason": "x"})).status_code

    upgrade = ada.command("change", {"price": "business_monthly"}, key="k1")
    changed, refund = await asyncio.gather(upgrade, refunded())

    assert changed.status_code == 200, changed.text
    assert refund in {201, 409, 422}
    report = await shop.read("/v1/reports/ledger")
    assert report["balanced"]
