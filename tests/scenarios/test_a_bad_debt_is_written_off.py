"""An operator gives an open invoice up: it stays owed, is a loss, and may be paid after all."""

import re
from html import unescape

from tests.api.shop import problem
from tests.scenarios.company import Company

APRIL = "2026-04-01T00:00:00Z"
MAY = "2026-05-01T00:00:00Z"
TRANSFER = {"currency": "USD", "received_at": APRIL, "method": "bank_transfer"}


async def test_a_declined_renewal_becomes_a_bad_debt(company: Company) -> None:
    bob = await company.customer(APRIL, card="pm_card_visa")
    plan = await bob.subscribe("team_monthly", seats=10, trial=False)
    await bob.save_card("pm_card_chargeCustomerFail")
    await bob.live_until(MAY)
    await bob.becomes(plan, "past_due")
    [_, late] = await bob.invoices()
    page = await company.shop.client.get(late["pay_url"])
    link = re.search(r'href="([^"]+/pdf\?[^"]+)">Download PDF<', page.text)
    assert link is not None
    pdf = await company.shop.client.get(unescape(link[1]))
    assert (pdf.status_code, pdf.content[:5]) == (200, b"%PDF-")
    unsigned = await company.shop.client.get(link[1].partition("?")[0])
    assert unsigned.headers["content-type"].startswith("text/html")

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
    assert (written_off["amount_due"]["amount_minor"], written_off["pay_url"]) == (0, None)
    problem(await bob.command(plan, "mark_uncollectible", **body), 409, "invoice_not_open")
    report = await company.shop.read("/v1/reports/ledger")
    balances = {row["account"]: row["balance_minor"] for row in report["trial_balance"]}
    assert (balances["bad_debt"], balances["receivable"]) == (16_000, 0)
    assert await company.books_balance()

    for reference, minor, status in (("R-1", 6_000, "uncollectible"), ("R-2", 10_500, "paid")):
        came = {**TRANSFER, "amount_minor": minor, "reference": reference}
        await company.shop.made(f"/v1/invoices/{late['id']}/payments", came)
        [_, after_all] = await bob.invoices()
        assert (after_all["status"], after_all["uncollectible_at"]) == (status, MAY)
    assert (after_all["paid_at"], after_all["amount_paid"]["amount_minor"]) == (MAY, 16_000)
    report = await company.shop.read("/v1/reports/ledger")
    balances = {row["account"]: row["balance_minor"] for row in report["trial_balance"]}
    assert (balances["bad_debt"], balances["bank"]) == (0, 16_500)
    assert balances["customer_balance"] == -500
    assert await company.books_balance()
