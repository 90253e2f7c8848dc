"""Pauses: what is given back, what moves, and how a subscription goes on (policy P17)."""

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from adapters.db.engine import transactions
from billing.money import Money
from tests.workflows.company import Company, Subscription, at
from workflows.messages import PauseSubscription, ResumeSubscription


async def april(company: Company, mode: str) -> Subscription:
    """A club of one member at $11.00, from the first of April."""
    company.present = at("2026-04-01T00:00")
    subscription = await company.subscribe(
        await company.customer(), seats=1, price_id=f"club_{mode}_m"
    )
    assert (await subscription.activated()).status == "active"
    return subscription


async def balance(company: Company, subscription: Subscription) -> Money:
    customer = (await subscription.report()).state.customer_id
    async with transactions(company.engine)() as tx:
        return await tx.balances.of(customer, "USD")


async def totals(company: Company) -> list[int]:
    return [invoice["total_minor"] for invoice in await company.invoices()]


async def test_a_pause_that_keeps_the_anchor_gives_back_the_paused_days(company: Company) -> None:
    async with company.working():
        subscription = await april(company, "keep_anchor")
        await company.advance("2026-04-11T00:00")
        await subscription.give(PauseSubscription, resumes_at=at("2026-04-21T00:00"))
        assert await subscription.status() == "paused"
        await company.advance("2026-04-21T00:00")
        assert await subscription.status() == "active"
        assert (await balance(company, subscription)).amount_minor == 367
        await company.advance("2026-05-01T00:00")
        assert (await balance(company, subscription)).amount_minor == 0

    assert await totals(company) == [1100, 1100]
    assert [i["balance_minor"] for i in await company.invoices()] == [0, 367]
    assert [i["paid_minor"] for i in await company.invoices()] == [1100, 733]
    assert company.mailbox.kinds() == ["subscription_paused", "subscription_resumed"]


async def test_a_pause_that_extends_moves_the_periods_end(company: Company) -> None:
    async with company.working():
        subscription = await april(company, "extend")
        await company.advance("2026-04-11T00:00")
        await subscription.give(PauseSubscription, resumes_at=at("2026-04-21T00:00"))
        await company.advance("2026-05-10T23:59")
        period = (await subscription.report()).state.period
        assert period is not None
        assert period.end == at("2026-05-11T00:00")
        assert await totals(company) == [1100]
        await company.advance("2026-06-11T00:00")

    assert await totals(company) == [1100, 1100, 1100]
    assert [i["period_start"] for i in await company.invoices()] == [
        at("2026-04-01T00:00"),
        at("2026-05-11T00:00"),
        at("2026-06-11T00:00"),
    ]


async def test_a_pause_beyond_the_period_bills_the_rest_of_the_one_it_ends_in(
    company: Company,
) -> None:
    async with company.working():
        subscription = await april(company, "keep_anchor")
        await company.advance("2026-04-16T00:00")
        await subscription.give(PauseSubscription)
        await company.advance("2026-06-11T00:00")
        assert await totals(company) == [1100]
        await subscription.give(ResumeSubscription)
        await company.settle()
        assert (await subscription.report()).state.status == "active"
        await company.advance("2026-07-01T00:00")

    # Half of April was given back; 20 of June's 30 days were billed, then July.
    assert await totals(company) == [1100, 733, 1100]
    assert [i["balance_minor"] for i in await company.invoices()] == [0, 550, 0]


async def test_periods_that_begin_in_a_void_pause_are_not_billed(company: Company) -> None:
    async with company.working():
        subscription = await april(company, "void")
        await company.advance("2026-04-11T00:00")
        await subscription.give(PauseSubscription, resumes_at=at("2026-06-11T00:00"))
        await company.advance("2026-06-30T00:00")
        assert await totals(company) == [1100]
        await company.advance("2026-07-01T00:00")

    assert await totals(company) == [1100, 1100]


async def test_a_pause_ends_by_itself_after_ninety_days(company: Company) -> None:
    async with company.working():
        subscription = await april(company, "void")
        await company.advance("2026-04-11T00:00")
        await subscription.give(PauseSubscription)
        await company.advance("2026-07-09T23:59")
        assert await subscription.status() == "paused"
        await company.advance("2026-07-10T00:00")
        assert await subscription.status() == "active"


async def test_what_cannot_be_paused_says_why(company: Company) -> None:
    async with company.working():
        company.present = at("2026-04-01T00:00")
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await subscription.give(PauseSubscription)
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == "pause_not_supported"


@pytest.mark.parametrize(
    ("mode", "credit_minor"), [("extend", 733), ("keep_anchor", 733), ("void", 367)]
)
async def test_what_a_pause_has_not_used_becomes_balance_where_it_ends_the_subscription(
    company: Company, mode: str, credit_minor: int
) -> None:
    async with company.working():
        subscription = await april(company, mode)
        await company.advance("2026-04-11T00:00")
        await subscription.give(PauseSubscription, resumes_at=at("2026-05-10T00:00"))
        await company.advance("2026-04-21T00:00")
        await subscription.cancel()
        await subscription.handle.result()

        assert await subscription.status() == "canceled"
        assert (await balance(company, subscription)).amount_minor == credit_minor
    assert await totals(company) == [1100]
