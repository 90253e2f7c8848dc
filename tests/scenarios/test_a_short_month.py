"""Anchor 2026-02-08T10:30Z: the first period is 2,419,200 seconds long."""

from datetime import datetime

from tests.scenarios.company import Company


async def test_the_first_period_of_february_ends_on_the_same_day_of_march(
    company: Company,
) -> None:
    fay = await company.customer("2026-02-08T10:30:00Z")
    business = await fay.check_out("business_monthly")

    period = (await fay.subscription(business))["current_period"]
    start, end = (datetime.fromisoformat(period[side]) for side in ("start", "end"))
    assert period == {"start": "2026-02-08T10:30:00Z", "end": "2026-03-08T10:30:00Z"}
    assert (end - start).total_seconds() == 2_419_200

    await fay.live_until("2026-03-08T10:29:59Z")
    assert len(await fay.invoices()) == 1
    await fay.live_until("2026-03-08T10:30:00Z")
    assert await fay.billed() == [
        ("2026-02-08T10:30:00Z", "USD 24.00", "paid"),
        ("2026-03-08T10:30:00Z", "USD 24.00", "paid"),
    ]
