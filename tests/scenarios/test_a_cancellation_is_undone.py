"""Cancelled at period end, undone, cancelled at once: only what was begun is billed."""

from tests.scenarios.company import Company


async def test_a_cancellation_undone_before_the_boundary_changes_nothing(company: Company) -> None:
    dan = await company.customer("2026-01-31T12:00:00Z")
    business = await dan.check_out("business_monthly", seats=3)
    await dan.live_until("2026-02-10T09:00:00Z")
    await dan.cancel(business)
    await dan.live_until("2026-02-28T11:59:59Z")
    await dan.undo_cancel(business)
    await dan.live_until("2026-02-28T12:00:00Z")

    assert (await dan.subscription(business))["cancellation"] is None
    assert await dan.billed() == [
        ("2026-01-31T12:00:00Z", "USD 72.00", "paid"),
        ("2026-02-28T12:00:00Z", "USD 72.00", "paid"),
    ]
    assert company.messages() == ["subscription_canceled", "cancellation_undone"]


async def test_a_subscription_cancelled_now_renews_nothing(company: Company) -> None:
    fay = await company.customer("2026-01-31T18:00:00Z")
    pro = await fay.check_out("pro_monthly", currency="JPY")
    await fay.live_until("2026-02-10T08:00:00Z")
    answer = await fay.cancel(pro, "now")
    assert answer.json()["status"] == "canceled"
    await fay.live_until("2026-06-01T00:00:00Z")

    subscription = await fay.subscription(pro)
    assert (subscription["ended_at"], subscription["next_actions"]) == ("2026-02-10T08:00:00Z", [])
    assert await fay.billed() == [("2026-01-31T18:00:00Z", "JPY 1,650", "paid")]
    assert await company.captured("jpy") == 1_650
    assert await company.books_balance()
