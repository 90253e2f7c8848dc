"""The same trial cancelled on 25 January: no invoice, ever, and one message."""

from tests.scenarios.company import Company


async def test_a_trial_cancelled_in_time_is_never_invoiced_and_one_message_says_so(
    company: Company,
) -> None:
    ben = await company.customer("2026-01-17T09:30:00Z")
    team = await ben.check_out("team_monthly", seats=5)
    await ben.live_until("2026-01-25T12:00:00Z")

    answer = await ben.cancel(team)
    assert answer.json()["cancellation"]["at"] == "2026-01-31T09:30:00Z"
    await ben.live_until("2027-01-31T00:00:00Z")

    subscription = await ben.subscription(team)
    assert subscription["status"] == "canceled"
    assert (subscription["end_reason"], subscription["ended_at"]) == (
        "requested",
        "2026-01-31T09:30:00Z",
    )
    assert await ben.invoices() == []
    assert company.messages() == ["subscription_canceled"]
    assert await company.captured() == 0


async def test_a_trial_without_a_card_ends_without_an_invoice(company: Company) -> None:
    cleo = await company.customer("2026-01-17T09:30:00Z")
    team = await cleo.subscribe("team_monthly", seats=2)
    await cleo.live_until("2026-03-01T00:00:00Z")

    subscription = await cleo.subscription(team)
    assert (subscription["status"], subscription["end_reason"]) == ("canceled", "no_payment_method")
    assert await cleo.invoices() == []
    assert company.messages() == ["trial_will_end", "subscription_canceled"]
