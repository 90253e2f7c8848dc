"""A run that begins again from before a change follows what storage knows (policy P34)."""

from adapters.db.tables.subscription import subscriptions
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, at
from tests.workflows.test_payments import captured
from tests.workflows.test_resets import begin_again
from workflows.messages import Cancel, CancelMode, PauseSubscription, Retry


async def test_a_run_from_before_an_annual_change_bills_no_month_of_the_paid_year(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        company.present = at("2026-03-01T00:00")
        subscription = await company.subscribe(await company.customer(), seats=1, price_id="pro_m")
        await subscription.activated()
        await company.advance("2026-03-15T00:00")
        before = (await subscription.report()).state
        await subscription.change("pro_y")
        await company.advance("2026-05-10T00:00")
        taken = await captured(simulator)
        await begin_again(company, subscription, before)
        await company.settle()
        state = (await subscription.report()).state

    assert await captured(simulator) == taken == 1100 + 10197
    assert state.terms.price_id == "pro_y"
    assert state.period is not None
    assert state.period.end == at("2027-03-15T00:00")


async def test_a_run_from_before_a_pause_bills_nothing_in_it(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        company.present = at("2026-04-01T00:00")
        subscription = await company.subscribe(
            await company.customer(), seats=1, price_id="club_void_m"
        )
        await subscription.activated()
        await company.advance("2026-04-11T00:00")
        before = (await subscription.report()).state
        await subscription.give(PauseSubscription, resumes_at=at("2026-06-20T00:00"))
        await company.advance("2026-06-10T00:00")
        await begin_again(company, subscription, before)
        await company.settle()
        assert await subscription.status() == "paused"

    assert await captured(simulator) == 1100


async def test_a_run_from_before_an_upgrade_takes_up_everything_since(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        company.present = at("2026-03-01T00:00")
        subscription = await company.subscribe(await company.customer(), seats=10)
        await subscription.activated()
        before = (await subscription.report()).state
        await company.advance("2026-03-05T00:00")
        await subscription.change(seats=14)
        await company.advance("2026-03-07T00:00")
        await subscription.change(seats=9)
        since = (await subscription.report()).state
        taken = await captured(simulator)
        await begin_again(company, subscription, before)
        await subscription.give(Retry)
        await company.settle()
        state = (await subscription.report()).state
        assert await company.count(subscriptions, quantity=14) == 1

    assert since.pending_change is not None
    assert state.terms == since.terms
    assert state.pending_change == since.pending_change
    assert len(state.applied) == len(since.applied) + 1
    assert await captured(simulator) == taken


async def test_a_command_that_comes_with_the_reset_acts_on_what_happened_since(
    company: Company,
) -> None:
    async with company.working():
        company.present = at("2026-03-01T00:00")
        subscription = await company.subscribe(await company.customer(), seats=10)
        await subscription.activated()
        before = (await subscription.report()).state
        await company.advance("2026-03-05T00:00")
        await subscription.change(seats=14)
        await begin_again(company, subscription, before)
        await subscription.give(Cancel, mode=CancelMode.AT_PERIOD_END)
        await company.settle()
        state = (await subscription.report()).state

    assert state.terms.quantity == 14
    assert state.cancellation is not None
    assert state.cancellation.at == at("2026-04-01T00:00")
