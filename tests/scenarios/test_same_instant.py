"""A cancellation in the instant of a boundary: one of the legal orders, the same on replay."""

import asyncio

import pytest

from tests.scenarios.company import Company
from worker.process import create_replayer


@pytest.mark.parametrize("instant", ["2026-02-28T11:59:59Z", "2026-02-28T12:00:00Z"])
async def test_a_cancellation_and_a_renewal_at_once_take_one_legal_order(
    company: Company, instant: str
) -> None:
    kim = await company.customer("2026-01-31T12:00:00Z", card="pm_card_visa")
    business = await kim.subscribe("business_monthly")
    await kim.live_until(instant)
    boundary = company.shop.advance(kim.clock_id, "2026-02-28T12:00:01Z")

    cancelled, _ = await asyncio.gather(kim.cancel(business), boundary)
    if cancelled.status_code == 409:
        assert cancelled.json()["code"] == "test_clock_advancing"
        cancelled = await kim.cancel(business)
    assert cancelled.status_code == 200
    history = await kim.history(business)
    await kim.live_until("2026-02-28T12:00:02Z")

    subscription, billed = await kim.subscription(business), len(await kim.invoices())
    if subscription["status"] == "canceled":
        assert (subscription["ended_at"], billed) == ("2026-02-28T12:00:00Z", 1)
    else:
        assert (subscription["cancellation"]["at"], billed) == ("2026-03-31T12:00:00Z", 2)
    assert await company.captured() == billed * 2_400
    assert await company.books_balance()
    await create_replayer().replay_workflow(history)


@pytest.mark.parametrize("instant", ["2026-01-31T09:29:59Z", "2026-01-31T09:30:00Z"])
async def test_a_cancellation_and_a_trials_end_at_once_take_one_legal_order(
    company: Company, instant: str
) -> None:
    lea = await company.customer("2026-01-17T09:30:00Z", card="pm_card_visa")
    team = await lea.subscribe("team_monthly", seats=5)
    await lea.live_until(instant)
    boundary = company.shop.advance(lea.clock_id, "2026-01-31T09:30:01Z")

    cancelled, _ = await asyncio.gather(lea.cancel(team), boundary)
    if cancelled.status_code == 409:
        assert cancelled.json()["code"] == "test_clock_advancing"
        cancelled = await lea.cancel(team)
    assert cancelled.status_code == 200
    history = await lea.history(team)
    await lea.live_until("2026-01-31T09:30:02Z")

    subscription, billed = await lea.subscription(team), await lea.billed()
    if subscription["status"] == "canceled":
        assert (subscription["ended_at"], billed) == ("2026-01-31T09:30:00Z", [])
    else:
        assert subscription["cancellation"]["at"] == "2026-02-28T09:30:00Z"
        assert billed == [("2026-01-31T09:30:00Z", "USD 80.00", "paid")]
    assert await company.captured() == len(billed) * 8_000
    assert await company.books_balance()
    await create_replayer().replay_workflow(history)
