"""Pay now in the instant of an attempt: one charge, whichever comes first."""

import asyncio

import httpx
import pytest

from tests.scenarios.company import Company, Customer
from tests.scenarios.june import JULY, outcomes, ten_seats_since_may
from worker.process import create_replayer


@pytest.mark.parametrize("instant", ["2026-06-03T23:59:59Z", "2026-06-04T00:00:00Z"])
async def test_paying_in_the_instant_of_an_attempt_is_one_charge(
    company: Company, instant: str
) -> None:
    mia, team = await ten_seats_since_may(company)
    await decline_next(company, mia)
    await mia.live_until(instant)
    attempt = company.shop.advance(mia.clock_id, "2026-06-04T00:00:01Z")

    answer, _ = await asyncio.gather(mia.command(team, "pay"), attempt)

    assert said(answer) in {"", "nothing_to_pay", "test_clock_advancing"}, answer.text
    await mia.becomes(team, "active")
    await mia.settled(team)
    assert (await outcomes(mia)).count("paid") == 1
    assert await company.captured() == 2 * 16_000
    history = await mia.history(team)
    await mia.live_until(JULY)
    assert await company.captured() == 3 * 16_000
    assert await company.books_balance()
    await create_replayer().replay_workflow(history)


async def decline_next(company: Company, customer: Customer) -> None:
    """The card is declined once more, and good again then."""
    methods = await company.shop.read(f"/v1/customers/{customer.id}/payment_methods")
    [card] = methods["data"]
    await company.stripe.schedule_outcomes(card["id"], "insufficient_funds")


def said(answer: httpx.Response) -> str:
    """The problem's code; nothing where there is none."""
    return "" if answer.status_code == 200 else str(answer.json()["code"])
