"""Changes of a running subscription: paid first, deferred, refused, abandoned (policy P11-P16)."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.conftest import StripeSimulator
from tests.histories.settling import BROKE
from tests.worker.desk import pass_challenge
from tests.workflows.company import Company, Subscription, at
from tests.workflows.test_payments import captured
from workflows.messages import CancelMode, PaymentNews, UndoChange


async def refused(subscription: Subscription, **asked: object) -> str:
    """The code that a change is refused with."""
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await subscription.change(**asked)  # type: ignore[arg-type]  # a story's own words
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type is not None
    return cause.type


async def april(company: Company, *, seats: int = 10, price_id: str = "team_m") -> Subscription:
    """A subscription whose first period is April."""
    company.present = at("2026-04-01T00:00")
    subscription = await company.subscribe(await company.customer(), seats=seats, price_id=price_id)
    assert (await subscription.activated()).status == "active"
    return subscription


async def totals(company: Company) -> list[int]:
    return [invoice["total_minor"] for invoice in await company.invoices()]


async def test_an_upgrade_is_paid_first_and_in_force_then(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await april(company)
        await company.advance("2026-04-16T00:00")
        receipt = await subscription.change("business_m")
        assert receipt.change == "applied"
        state = (await subscription.report()).state
        assert (state.terms.price_id, state.terms.quantity) == ("business_m", 10)
        assert state.change is None
        await company.advance("2026-05-01T00:00")

    assert await totals(company) == [16000, 4000, 24000]
    assert await captured(simulator) == 44000
    assert company.mailbox.kinds() == ["plan_changed"]


async def test_seats_added_twice_are_billed_twice_and_whole_from_the_next_period(
    company: Company,
) -> None:
    async with company.working():
        subscription = await april(company)
        await company.advance("2026-04-11T00:00")
        await subscription.change(more=2)
        await company.advance("2026-04-21T00:00")
        await subscription.change(seats=15)
        await company.advance("2026-05-01T00:00")

    assert await totals(company) == [16000, 2133, 1600, 24000]


async def test_an_upgrade_and_then_seats(company: Company) -> None:
    async with company.working():
        subscription = await april(company)
        await company.advance("2026-04-11T00:00")
        await subscription.change("business_m")
        await company.advance("2026-04-21T00:00")
        await subscription.change(more=2)
        await company.advance("2026-05-01T00:00")

    assert await totals(company) == [16000, 5333, 1600, 28800]


async def test_a_second_upgrade_gives_back_what_the_first_one_charged(company: Company) -> None:
    async with company.working():
        subscription = await april(company, seats=1, price_id="pro_m")
        await company.advance("2026-04-11T00:00")
        await subscription.change("team_m")
        await company.advance("2026-04-21T00:00")
        await subscription.change("business_m")

    assert await totals(company) == [1100, 1067 - 733, 800 - 534]


async def test_a_declined_upgrade_changes_nothing_and_leaves_no_debt(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await april(company)
        before = (await subscription.report()).state
        await company.save_card(before.customer_id, BROKE)
        await company.advance("2026-04-16T00:00")
        receipt = await subscription.change("business_m")
        assert (receipt.change, receipt.decline) == ("declined", "generic_decline")
        await company.settle()
        after = (await subscription.report()).state
        assert (after.terms, after.period, after.open_invoices) == (before.terms, before.period, ())
        assert after.status == "active"

    assert await captured(simulator) == 16000
    assert [i["status"] for i in await company.invoices()] == ["paid", "void"]
    assert company.mailbox.messages == []


async def test_a_change_that_the_customer_authenticates_is_in_force_then(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await april(company)
        customer = (await subscription.report()).state.customer_id
        await company.save_card(customer, "pm_card_authenticationRequired")
        await company.advance("2026-04-16T00:00")
        receipt = await subscription.change("business_m")
        assert receipt.change == "paying"
        assert receipt.action_url is not None
        assert await refused(subscription, more=1) == "change_in_progress"
        await pass_challenge(receipt.action_url)
        await subscription.handle.signal(
            "payment_news", PaymentNews(invoice_id=receipt.invoice_id or "")
        )
        await company.settle()
        assert (await subscription.report()).state.terms.price_id == "business_m"

    assert await captured(simulator) == 20000


async def test_a_change_that_nobody_authenticates_is_abandoned_after_a_day(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await april(company)
        customer = (await subscription.report()).state.customer_id
        await company.save_card(customer, "pm_card_authenticationRequired")
        await company.advance("2026-04-16T00:00")
        receipt = await subscription.change("business_m", command_id="chg_1")
        await company.advance("2026-04-16T23:59")
        assert (await subscription.report()).state.change is not None
        await company.advance("2026-04-17T00:00")
        state = (await subscription.report()).state
        assert (state.change, state.open_invoices) == (None, ())
        assert state.terms.price_id == "team_m"
        again = await subscription.change("business_m", command_id="chg_1")
        assert (again.change, again.invoice_id) == ("abandoned", receipt.invoice_id)

    assert await captured(simulator) == 16000
    assert [i["status"] for i in await company.invoices()] == ["paid", "void"]


@pytest.mark.parametrize("leaving", ["cancel", "undo"])
async def test_a_challenge_that_nobody_passes_keeps_nobody_from_something_else(
    company: Company, simulator: StripeSimulator, leaving: str
) -> None:
    async with company.working():
        subscription = await april(company)
        customer = (await subscription.report()).state.customer_id
        await company.save_card(customer, "pm_card_authenticationRequired")
        await company.advance("2026-04-30T06:00")
        await subscription.change("business_m", command_id="chg_1")

        if leaving == "cancel":
            await subscription.cancel(CancelMode.AT_PERIOD_END)
        else:
            await subscription.give(UndoChange)
        await company.settle()

        state = (await subscription.report()).state
        assert (state.change, state.open_invoices) == (None, ())
        assert (state.cancellation is not None) is (leaving == "cancel")
        again = await subscription.change("business_m", command_id="chg_1")
        assert again.change == "abandoned"
        if leaving == "cancel":
            await company.advance("2026-05-01T00:00")
            assert await subscription.status() == "canceled"

    assert await captured(simulator) == 16000
    assert [i["status"] for i in await company.invoices()] == ["paid", "void"]


async def test_removed_seats_are_kept_until_the_period_ends_and_can_be_had_back(
    company: Company,
) -> None:
    async with company.working():
        subscription = await april(company)
        await company.advance("2026-04-11T00:00")
        assert (await subscription.change(more=-2)).change == "scheduled"
        assert await refused(subscription, more=1) == "pending_change_exists"
        await subscription.give(UndoChange)
        assert (await subscription.change(more=1)).change == "applied"
        assert (await subscription.change(seats=8)).change == "scheduled"
        assert (await subscription.report()).state.terms.quantity == 11
        await company.advance("2026-05-01T00:00")
        assert (await subscription.report()).state.terms.quantity == 8

    assert await totals(company) == [16000, 1067, 12800]
    assert company.mailbox.kinds() == [
        "change_scheduled",
        "change_undone",
        "plan_changed",
        "change_scheduled",
    ]


async def test_monthly_to_annual_starts_a_year_at_once(company: Company) -> None:
    async with company.working():
        company.present = at("2026-03-01T00:00")
        subscription = await company.subscribe(await company.customer(), seats=1, price_id="pro_m")
        await subscription.activated()
        await company.advance("2026-03-15T00:00")
        await subscription.change("pro_y")
        state = (await subscription.report()).state
        assert state.period is not None
        assert state.period.end == at("2027-03-15T00:00")
        await company.advance("2027-03-15T00:00")

    assert await totals(company) == [1100, 10197, 10800]


async def test_a_change_exactly_at_the_boundary_is_not_prorated(company: Company) -> None:
    async with company.working():
        subscription = await april(company)
        await company.advance("2026-05-01T00:00")
        await subscription.change("business_m")

    assert await totals(company) == [16000, 16000, 8000]


async def test_two_different_changes_in_the_same_second_are_both_billed(company: Company) -> None:
    async with company.working():
        subscription = await april(company)
        await company.advance("2026-04-11T00:00")
        receipts = await asyncio.gather(
            *(subscription.change(more=more, command_id=f"chg_{more}") for more in (2, 3))
        )
        assert [receipt.change for receipt in receipts] == ["applied", "applied"]
        assert (await subscription.report()).state.terms.quantity == 15

    assert sorted(await totals(company)) == [2133, 3200, 16000]


async def test_of_two_changes_based_on_the_same_version_one_wins(company: Company) -> None:
    async with company.working():
        subscription = await april(company)
        version = (await subscription.report()).state.version
        await company.advance("2026-04-11T00:00")
        outcomes = await asyncio.gather(
            subscription.change(seats=12, version=version),
            subscription.change(seats=13, version=version),
            return_exceptions=True,
        )
        failures = [o for o in outcomes if isinstance(o, WorkflowUpdateFailedError)]
        assert len(failures) == 1
        assert isinstance(failures[0].cause, ApplicationError)
        assert failures[0].cause.type == "stale_version"

    assert len(await company.invoices()) == 2
