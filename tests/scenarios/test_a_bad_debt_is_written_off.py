"""An operator gives an open invoice up: it stays owed, and the ledger has the loss."""

from tests.api.shop import problem
from tests.scenarios.company import Company

APRIL = "2026-04-01T00:00:00Z"
MAY = "2026-05-01T00:00:00Z"


async def test_a_declined_renewal_becomes_a_bad_debt(company: Company) -> None:
    bob = await company.customer(APRIL, card="pm_card_visa")
    plan = await bob.subscribe("team_monthly", seats=10, trial=False)
    await bob.save_card("pm_card_chargeCustomerFail")
    await bob.live_until(MAY)
    await bob.becomes(plan, "past_due")
    [_, late] = await bob.invoices()
    body = {"invoice": late["id"], "reason": "The company is insolvent"}
    problem(
        await bob.command(plan, "mark_uncollectible", **body | {"invoice": "in_other"}),
        409,
        "invoice_not_open",
    )
    answer = await bob.command(plan, "mark_uncollectible", **body)
    assert answer.is_success, answer.text
    await bob.becomes(plan, "active")

    [_, written_off] = await bob.invoices()
    assert (written_off["status"], written_off["uncollectible_at"]) == ("uncollectible", MAY)
    assert written_off["amount_due"]["amount_minor"] == 0
    problem(await bob.command(plan, "mark_uncollectible", **body), 409, "invoice_not_open")
    report = await company.shop.read("/v1/reports/ledger")
    balances = {row["account"]: row["balance_minor"] for row in report["trial_balance"]}
    assert (balances["bad_debt"], balances["receivable"]) == (16_000, 0)
    assert await company.books_balance()
