"""A bank takes a payment back: nothing of it can be refunded, and a lost one ends the claim."""

import pytest

from tests.api.shop import problem
from tests.scenarios.company import Company, Customer, Json
from tests.scenarios.webhooks import arrive, last_payment


async def disputed(company: Company, price: str) -> tuple[Customer, str, str]:
    """A customer whose bank disputes the first payment: their subscription, and the dispute."""
    lee = await company.customer("2026-04-01T00:00:00Z", card="pm_card_visa")
    subscription = await lee.subscribe(price, seats=10, trial=False)
    dispute = await company.stripe.dispute(await last_payment(company))
    await arrive(company)
    await lee.settled(subscription)
    return lee, subscription, dispute


async def ledger(company: Company) -> dict[str, int]:
    """The accounts that are not zero, as debits less credits; they must balance."""
    report = await company.shop.read("/v1/reports/ledger")
    assert report["balanced"]
    accounts: list[Json] = report["trial_balance"]
    return {
        account["account"]: account["balance_minor"]
        for account in accounts
        if account["balance_minor"]
    }


async def test_a_refund_on_a_disputed_charge_is_refused_until_it_is_won(company: Company) -> None:
    lee, team, dispute = await disputed(company, "team_monthly")
    assert (await lee.subscription(team))["open_disputes"] == [dispute]
    assert await ledger(company) == {"disputes": 16000, "deferred_revenue": -16000}
    [april] = await lee.invoices()
    path = f"/v1/invoices/{april['id']}/refund"
    problem(await company.shop.post(path, {"reason": "asked for"}), 409, "charge_disputed")

    await company.stripe.decide_dispute(dispute, won=True)
    await arrive(company, backwards=True)
    await lee.settled(team)

    assert (await lee.subscription(team))["open_disputes"] == []
    assert await ledger(company) == {"cash": 16000, "deferred_revenue": -16000}
    note = await company.shop.made(path, {"reason": "asked for"})
    await company.shop.until(f"/v1/refunds/{note['refund']['id']}", "state", "succeeded")
    assert await ledger(company) == {}


@pytest.mark.parametrize(
    ("price", "status", "period_count"),
    [("team_monthly", "canceled", 1), ("business_monthly", "active", 2)],
)
async def test_a_lost_dispute_ends_the_subscription_unless_its_product_says_otherwise(
    company: Company, price: str, status: str, period_count: int
) -> None:
    lee, subscription, dispute = await disputed(company, price)
    await company.stripe.decide_dispute(dispute, won=False)
    await arrive(company)
    await arrive(company, backwards=True)
    await lee.becomes(subscription, status)
    await lee.live_until("2026-05-01T00:00:00Z")

    assert len(await lee.invoices()) == period_count
    shown = await company.shop.read(f"/v1/disputes/{dispute}")
    assert shown["state"] == "lost"
    lost = shown["amount"]["amount_minor"]
    assert (await ledger(company))["dispute_losses"] == lost
    [april] = (await lee.invoices())[:1]
    path = f"/v1/invoices/{april['id']}/refund"
    problem(await company.shop.post(path, {"reason": "asked for"}), 409, "charge_disputed")
