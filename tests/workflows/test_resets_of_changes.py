"""A run that begins again from before a change follows what storage knows (policy P34)."""

import uuid
from collections.abc import Awaitable, Callable

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError

from adapters.db.tables.subscription import subscriptions
from billing.dispute import DisputeState
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Subscription, at
from tests.workflows.test_payments import captured
from tests.workflows.test_resets import begin_again
from workflows.messages import Cancel, CancelMode, DisputeNews, PauseSubscription, Retry


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


async def began_again_before(
    company: Company, *happened: Callable[[Subscription], Awaitable[object]]
) -> Subscription:
    """Ten seats of Team since 1 April, reset on the 21st to before what happened on the 11th."""
    company.present = at("2026-04-01T00:00")
    subscription = await company.subscribe(await company.customer(), seats=10)
    await subscription.activated()
    await company.advance("2026-04-11T00:00")
    before = (await subscription.report()).state
    for each in happened:
        await each(subscription)
    await company.advance("2026-04-21T00:00")
    await begin_again(company, subscription, before)
    return subscription


def cancels(subscription: Subscription) -> Awaitable[object]:
    return subscription.cancel()


def undoes(subscription: Subscription) -> Awaitable[object]:
    return subscription.undo_cancel()


def removes_seats(subscription: Subscription) -> Awaitable[object]:
    return subscription.change(seats=4)


def upgrades(subscription: Subscription) -> Awaitable[object]:
    return subscription.change("business_m")


@pytest.mark.parametrize(
    ("happened", "charged"),
    [
        ([cancels], [16000]),
        ([cancels, undoes, cancels], [16000]),
        ([removes_seats], [16000, 6400]),
        ([upgrades], [16000, 5333, 24000]),
    ],
)
async def test_a_renewal_after_a_reset_bills_what_was_decided_before_it(
    company: Company,
    happened: list[Callable[[Subscription], Awaitable[object]]],
    charged: list[int],
) -> None:
    async with company.working():
        await began_again_before(company, *happened)
        await company.advance("2026-05-02T00:00")

    made = await company.invoices()
    assert [invoice["total_minor"] for invoice in made] == charged
    assert [invoice["status"] for invoice in made] == ["paid"] * len(charged)


async def test_a_change_after_a_reset_is_planned_on_what_was_bought_before_it(
    company: Company,
) -> None:
    async with company.working():
        subscription = await began_again_before(company, upgrades)
        receipt = await subscription.change(more=2)

    assert receipt.change == "applied"
    assert [i["total_minor"] for i in await company.invoices()] == [16000, 5333, 1600]


async def test_a_change_that_what_happened_forbids_leaves_no_invoice_after_a_reset(
    company: Company,
) -> None:
    async with company.working():
        subscription = await began_again_before(company, removes_seats)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await subscription.change(more=2)

    assert getattr(refused.value.cause, "type", None) == "pending_change_exists"
    assert [i["total_minor"] for i in await company.invoices()] == [16000]


async def test_of_as_many_changes_as_before_the_reset_none_is_lost(company: Company) -> None:
    async with company.working():
        subscription = await began_again_before(company, removes_seats)
        await subscription.cancel()
        state = (await subscription.report()).state

    assert state.cancellation is not None
    assert state.pending_change is None
    assert await company.count(subscriptions, cancel_at=at("2026-05-01T00:00")) == 1


async def test_news_that_comes_with_the_reset_counts(company: Company) -> None:
    async with company.working():
        subscription = await began_again_before(company, upgrades)
        lost = DisputeNews(dispute_id="du_1", state=DisputeState.LOST)
        await subscription.handle.signal("dispute_news", lost)
        await subscription.handle.result()

        assert await subscription.status() == "canceled"
    assert await company.count(subscriptions, status="canceled") == 1


@pytest.mark.parametrize("reapply", [True, False])
async def test_an_operators_reset_does_not_undo_a_cancellation(
    company: Company, *, reapply: bool
) -> None:
    async with company.working():
        company.present = at("2026-04-01T00:00")
        subscription = await company.subscribe(await company.customer(), seats=10)
        await subscription.activated()
        await company.settle()
        event_id = await last_workflow_task(subscription)
        await subscription.cancel()
        await reset(company, subscription, event_id=event_id, reapply=reapply)
        await company.advance("2026-05-02T00:00")

        assert await company.count(subscriptions, status="canceled") == 1
    assert [i["total_minor"] for i in await company.invoices()] == [16000]


async def last_workflow_task(subscription: Subscription) -> int:
    history = await subscription.handle.fetch_history()
    done = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return [event.event_id for event in history.events if event.event_type == done][-1]


async def reset(
    company: Company, subscription: Subscription, *, event_id: int, reapply: bool
) -> None:
    """As in Temporal's UI; there, too, one chooses whether signals and updates come again."""
    everything = [
        ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
        ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ]
    description = await subscription.handle.describe()
    await company.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=company.client.namespace,
            workflow_execution=WorkflowExecution(
                workflow_id=subscription.handle.id, run_id=description.run_id
            ),
            reason="looked at something else",
            workflow_task_finish_event_id=event_id,
            request_id=uuid.uuid4().hex,
            reset_reapply_exclude_types=[] if reapply else everything,
        )
    )
