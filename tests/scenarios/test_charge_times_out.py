"""The charge times out after Stripe took the money: one charge, and nobody is past due."""

from simulator.faults import Fault
from tests.scenarios.company import Company


async def test_a_charge_that_times_out_after_the_money_was_taken_is_one_charge(
    company: Company,
) -> None:
    hal = await company.customer("2026-01-31T12:00:00Z", card="pm_card_visa")
    business = await hal.subscribe("business_monthly", seats=3)
    await company.stripe.inject(
        Fault(
            kind="timeout",
            method="POST",
            path="/v1/payment_intents/*/confirm",
            moment="after_commit",
            seconds=0.2,
        )
    )
    await hal.live_until("2026-02-28T12:00:00Z")

    assert (await company.stripe.pending_faults()).requests == []
    assert (await hal.subscription(business))["status"] == "active"
    [first, renewal] = await hal.invoices()
    assert [attempt["outcome"] for attempt in renewal["attempts"]] == ["paid"]
    assert await company.captured() == 2 * 7_200
    assert company.messages() == []
    assert await company.books_balance()
    assert first["status"] == "paid"
