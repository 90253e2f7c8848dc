"""No worker from 10 February to 21 April, anchor 15: three invoices, for their own periods."""

from datetime import UTC, datetime

from tests.scenarios.company import Company


async def test_every_boundary_missed_by_an_outage_is_billed_for_its_own_period(
    sleeping_company: Company,
) -> None:
    company = sleeping_company
    async with company.working():
        gus = await company.customer("2026-01-15T08:00:00Z")
        team = await gus.check_out("team_monthly", seats=5, trial=False)
        await gus.live_until("2026-02-10T00:00:00Z")
        before = await gus.billed()
        await gus.sleep_through(team, datetime(2026, 4, 21, tzinfo=UTC))

    async with company.working():
        await gus.settled(team)

        assert before == [("2026-01-15T08:00:00Z", "USD 80.00", "paid")]
        missed = (await gus.invoices())[1:]
        assert [(i["period"]["start"], i["period"]["end"], i["status"]) for i in missed] == [
            ("2026-02-15T08:00:00Z", "2026-03-15T08:00:00Z", "paid"),
            ("2026-03-15T08:00:00Z", "2026-04-15T08:00:00Z", "paid"),
            ("2026-04-15T08:00:00Z", "2026-05-15T08:00:00Z", "paid"),
        ]
        assert await company.captured() == 4 * 8_000
        assert await company.books_balance()
        await gus.live_until("2026-05-15T07:59:59Z")
        assert len(await gus.invoices()) == 4
