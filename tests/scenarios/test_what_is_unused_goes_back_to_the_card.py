"""$11.00 from 1 April, cancelled now on the 11th with a refund: $7.33 back on the card."""

from tests.scenarios.company import Company


async def test_what_is_unused_goes_back_to_the_card_that_paid_it(company: Company) -> None:
    oli = await company.customer("2026-04-01T00:00:00Z", card="pm_card_visa")
    pro = await oli.subscribe("pro_monthly")
    await oli.live_until("2026-04-11T00:00:00Z")
    await oli.cancel_now(pro, "refund")

    ended = await oli.subscription(pro)
    assert (ended["status"], ended["ended_at"]) == ("canceled", "2026-04-11T00:00:00Z")
    [note] = (await company.shop.read("/v1/credit_notes", customer=oli.id))["data"]
    assert (note["to_card"]["text"], note["to_balance"]["text"]) == ("USD 7.33", "USD 0.00")
    await company.shop.until(f"/v1/refunds/{note['refund']['id']}", "state", "succeeded")
    assert (await company.stripe.totals())["usd"].balance_minor == 367
    assert await company.books_balance()
