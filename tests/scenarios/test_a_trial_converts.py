"""Five seats at $16.00 with a trial of 14 days: nothing before its end, $80.00 at its end."""

from tests.scenarios.company import Company


async def test_a_trial_costs_nothing_before_its_end_and_one_invoice_at_it(
    company: Company,
) -> None:
    ada = await company.customer("2026-01-17T09:30:00Z")
    team = await ada.check_out("team_monthly", seats=5)
    assert (await ada.subscription(team))["status"] == "trialing"
    await ada.live_until("2026-01-31T09:29:59Z")
    assert await ada.invoices() == []
    assert await company.captured() == 0

    await ada.live_until("2026-01-31T09:30:00Z")

    [invoice] = await ada.invoices()
    assert invoice["total"]["text"] == "USD 80.00"
    assert (invoice["due_at"], invoice["paid_at"]) == ("2026-01-31T09:30:00Z",) * 2
    assert invoice["period"] == {"start": "2026-01-31T09:30:00Z", "end": "2026-02-28T09:30:00Z"}
    assert await company.captured() == 8_000
    assert company.messages() == ["trial_will_end"]
    assert (await ada.subscription(team))["status"] == "active"

    starts = [invoice["period"]["start"]]
    for instant in ("2026-02-28T09:30:00Z", "2026-03-31T09:30:00Z", "2026-04-30T09:30:00Z"):
        await ada.live_until(instant)
        starts.append((await ada.invoices())[-1]["period"]["start"])
    assert starts[1:] == ["2026-02-28T09:30:00Z", "2026-03-31T09:30:00Z", "2026-04-30T09:30:00Z"]
    assert await company.captured() == 4 * 8_000
    assert await company.books_balance()
