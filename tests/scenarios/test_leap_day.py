"""Annual from 29 February 2028: 28 February in other years, and the 29th again in 2032."""

from tests.scenarios.company import Company


async def test_an_annual_subscription_from_a_leap_day_comes_back_to_it(company: Company) -> None:
    eve = await company.customer("2028-02-29T12:00:00Z")
    await eve.check_out("team_annual", trial=False)
    await eve.live_until("2032-03-01T00:00:00Z")

    assert await eve.billed() == [
        (f"{day}T12:00:00Z", "USD 180.00", "paid")
        for day in ("2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29")
    ]
    assert await company.books_balance()
