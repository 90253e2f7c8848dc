"""Something is bought once, without a subscription, and goes through all that an invoice can."""

from tests.scenarios.company import Company, Customer, Json
from tests.scenarios.test_a_payment_is_disputed import ledger
from tests.scenarios.webhooks import arrive, last_payment

_APRIL = "2026-04-30T18:00:00Z"


async def _buy(company: Company, customer: Customer, quantity: int = 1) -> Json:
    items = [{"price": "onboarding_session", "quantity": quantity}]
    return await company.shop.made("/v1/purchases", {"customer": customer.id, "items": items})


async def test_the_customer_confirms_it_and_it_is_refunded(company: Company) -> None:
    hal = await company.customer(_APRIL, card="pm_card_authenticationRequired")
    bought = await _buy(company, hal, quantity=2)
    path = f"/v1/purchases/{bought['id']}"
    assert bought["status"] == "past_due"
    assert await company.captured() == 0
    await hal.settled(bought["id"])
    [message] = company.mailbox.messages
    assert (message.kind, message.reason) == ("payment_failed", "authentication_required")

    await company.browser.pay(message.url or "")
    await company.shop.until(path, "status", "completed")
    assert await company.captured() == 50_000
    assert await ledger(company) == {"cash": 50_000, "deferred_revenue": -50_000}
    [invoice] = await hal.invoices()
    # Earned at once, as it was rendered; nothing of it is left to come.
    revenue = await company.shop.read("/v1/reports/revenue", **{"from": "2026-04", "to": "2026-05"})
    earned = [(month["month"], month["recognised"]["amount_minor"]) for month in revenue["months"]]
    assert earned == [("2026-04", 50_000), ("2026-05", 0)]
    pdf = await company.shop.client.get(f"/v1/invoices/{invoice['id']}/pdf")
    assert pdf.content.startswith(b"%PDF")

    # Some of it goes back by hand, in Stripe's dashboard, and the rest from here.
    await company.stripe.refund(await last_payment(company), 10_000)
    await arrive(company)
    await arrive(company, backwards=True)
    assert await ledger(company) == {"cash": 40_000, "deferred_revenue": -40_000}
    note = await company.shop.made(
        f"/v1/invoices/{invoice['id']}/refund", {"reason": "The session was canceled"}
    )
    assert (note["subscription"], note["purchase"]) == (None, bought["id"])
    await company.shop.until(f"/v1/refunds/{note['refund']['id']}", "state", "succeeded")
    refunds = (await company.shop.read("/v1/refunds", purchase=bought["id"]))["data"]
    assert {refund["amount"]["amount_minor"] for refund in refunds} == {40_000, 10_000}
    assert await ledger(company) == {}
    assert await company.books_balance()
    assert (await company.shop.read(path))["status"] == "completed"


async def test_nobody_pays_for_it_and_somebody_s_bank_takes_it_back(company: Company) -> None:
    gil = await company.customer(_APRIL, card="pm_card_chargeCustomerFail")
    unpaid = await _buy(company, gil)
    [owing] = (await company.shop.read("/v1/reports/receivables"))["data"]
    assert owing["total"]["amount_minor"] == 25_000
    await gil.live_until("2026-05-16T00:00:00Z")
    [void] = await gil.invoices()
    assert (void["status"], len(void["attempts"])) == ("void", 4)
    assert company.messages() == ["payment_failed"] * 4 + ["purchase_given_up"]
    assert (await company.shop.read(f"/v1/purchases/{unpaid['id']}"))["status"] == "canceled"
    assert await ledger(company) == {}

    lee = await company.customer(_APRIL, card="pm_card_visa")
    bought = await _buy(company, lee)
    dispute = await company.stripe.dispute(await last_payment(company))
    await arrive(company)
    [shown] = (await company.shop.read("/v1/disputes", purchase=bought["id"]))["data"]
    assert (shown["id"], shown["state"], shown["subscription"]) == (dispute, "open", None)
    await company.stripe.decide_dispute(dispute, won=False)
    await arrive(company, backwards=True)
    assert (await company.shop.read(f"/v1/disputes/{dispute}"))["state"] == "lost"
    assert await ledger(company) == {"dispute_losses": 25_000, "deferred_revenue": -25_000}
    # What was delivered stays delivered.
    assert (await company.shop.read(f"/v1/purchases/{bought['id']}"))["status"] == "completed"
