"""A declined renewal, and a new card: paid at once, and the anchor stays where it was."""

from tests.scenarios.company import Company


async def test_a_new_card_pays_a_declined_renewal_at_once_and_keeps_the_anchor(
    company: Company,
) -> None:
    gus = await company.customer("2026-01-30T08:00:00Z", card="pm_card_visa")
    assistant = await gus.subscribe("assistant_plus_monthly")
    await gus.save_card("pm_card_chargeCustomerFail")
    await gus.live_until("2026-02-02T08:00:00Z")
    assert (await gus.subscription(assistant))["status"] == "past_due"
    assert company.messages() == ["payment_failed"]

    await gus.save_card("pm_card_mastercard")
    await gus.becomes(assistant, "active")

    renewal = (await gus.invoices())[-1]
    assert [attempt["outcome"] for attempt in renewal["attempts"]] == ["declined", "paid"]
    assert renewal["paid_at"] == "2026-02-02T08:00:00Z"
    await gus.live_until("2026-03-01T08:00:00Z")
    assert await gus.billed() == [
        ("2026-01-30T08:00:00Z", "USD 1.29", "paid"),
        ("2026-02-01T00:00:00Z", "USD 20.00", "paid"),
        ("2026-03-01T00:00:00Z", "USD 20.00", "paid"),
    ]
    assert company.messages() == ["payment_failed"]
    assert await company.books_balance()
