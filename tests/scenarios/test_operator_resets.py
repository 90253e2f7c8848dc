"""An operator resets the workflow to before the charge: one charge."""

from tests.scenarios.company import Company


async def test_a_workflow_reset_to_before_its_charges_charges_nobody_again(
    company: Company,
) -> None:
    ida = await company.customer("2026-01-31T12:00:00Z", card="pm_card_visa")
    business = await ida.subscribe("business_monthly", seats=3)
    await ida.live_until("2026-03-01T00:00:00Z")
    before = await ida.billed()
    assert await company.captured() == 2 * 7_200

    await ida.reset_to_the_beginning(business)
    await ida.settled(business)
    await ida.live_until("2026-03-31T12:00:00Z")

    assert await ida.billed() == [*before, ("2026-03-31T12:00:00Z", "USD 72.00", "paid")]
    assert await company.captured() == 3 * 7_200
    assert (await ida.subscription(business))["status"] == "active"
    assert await company.books_balance()
