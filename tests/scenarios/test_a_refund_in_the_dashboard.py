"""Somebody refunds a payment in Stripe's dashboard: the books hear of it once."""

import pytest

from tests.scenarios.company import Company
from tests.scenarios.webhooks import arrive, last_payment


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_refund_in_the_dashboard_is_a_credit_note_like_any_other(
    company: Company, *, backwards: bool
) -> None:
    jo = await company.customer("2026-04-01T00:00:00Z", card="pm_card_visa")
    team = await jo.subscribe("team_monthly", seats=10, trial=False)
    await company.stripe.refund(await last_payment(company), 4000)
    await arrive(company, backwards=backwards)
    await arrive(company, backwards=not backwards)

    [note] = (await company.shop.read("/v1/credit_notes", customer=jo.id))["data"]
    assert (note["reason"], note["to_card"]["text"]) == ("refunded_at_gateway", "USD 40.00")
    assert (note["refund"]["state"], note["refund"]["is_external"]) == ("succeeded", True)
    assert (await jo.subscription(team))["status"] == "active"
    assert await company.books_balance()


async def test_more_than_the_books_know_of_waits_for_an_operator_and_holds_up_nothing(
    company: Company,
) -> None:
    kim = await company.customer("2026-04-01T00:00:00Z", card="pm_card_visa")
    team = await kim.subscribe("team_monthly", seats=10, trial=False)
    [april] = await kim.invoices()
    path = f"/v1/invoices/{april['id']}/refund"
    await company.shop.made(path, {"to": "balance", "reason": "asked for"})
    await company.stripe.refund(await last_payment(company), 4000)
    await arrive(company)
    await arrive(company)

    assert (await company.shop.read("/v1/refunds", customer=kim.id))["data"] == []
    async with company.shop.deps.engine.connect() as connection:
        waiting = await connection.exec_driver_sql("SELECT kind FROM operator_tasks")
        assert waiting.scalars().all() == ["unknown_refund"]
    await kim.live_until("2026-05-01T00:00:00Z")
    assert (await kim.subscription(team))["status"] == "active"
    assert (await company.shop.read("/v1/reports/ledger"))["balanced"]
