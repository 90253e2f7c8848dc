"""Running subscriptions that are told of another price (policy P33)."""

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from billing.migration import MigrationProgress, SkipReason
from billing.subscription import SubscriptionState, Terms
from tests.workflows.company import Company, Subscription, at, terms_for
from tests.workflows.test_description import details
from tests.workflows.test_resets import begin_again
from workflows.messages import PlanMigration, UndoMigration


async def on_sale(company: Company) -> Subscription:
    subscription = await company.subscribe(await company.customer())
    await subscription.activated()
    return subscription


def dearer(quantity: int = 5) -> Terms:
    return terms_for("business_m", quantity=quantity)


async def announce(subscription: Subscription) -> None:
    await subscription.give(
        PlanMigration,
        migration_id="mig_1",
        target=dearer(),
        migrates_at=at("2026-02-01T00:00"),
        notice_days=14,
    )


async def state_of(subscription: Subscription) -> SubscriptionState:
    return (await subscription.report()).state


async def updates_taken(subscription: Subscription) -> int:
    accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    history = await subscription.handle.fetch_history()
    return sum(event.event_type == accepted for event in history.events)


async def test_it_is_told_once_and_renews_at_the_new_price(company: Company) -> None:
    async with company.working():
        subscription = await on_sale(company)
        await announce(subscription)
        await announce(subscription)
        assert "**2026-02-17 09:30:00Z** renew: the price changes to business_m version 1" in (
            shown := await details(subscription)
        )
        assert "Price changes" in shown
        await company.advance("2026-03-20T00:00")
        state = await state_of(subscription)

    assert state.terms == dearer()
    assert state.migration is not None
    assert state.migration.progress is MigrationProgress.MIGRATED
    assert [i["total_minor"] for i in await company.invoices()] == [8000, 12000, 12000]
    assert company.mailbox.kinds() == ["price_will_change"]


async def test_who_is_not_fit_refuses_without_a_trace_in_the_history(company: Company) -> None:
    async with company.working():
        subscription = await on_sale(company)
        await subscription.cancel()
        before = await updates_taken(subscription)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await announce(subscription)
        assert await updates_taken(subscription) == before

    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == SkipReason.CANCEL_PENDING


async def test_an_operator_keeps_the_price_of_one(company: Company) -> None:
    async with company.working():
        subscription = await on_sale(company)
        await announce(subscription)
        await subscription.give(UndoMigration, migration_id="mig_1")
        await company.advance("2026-03-20T00:00")
        state = await state_of(subscription)

    assert state.terms.price_id == "team_m"
    assert company.mailbox.kinds() == ["price_will_change", "price_change_withdrawn"]


async def test_a_truth_from_before_the_notice_moves_and_charges_nothing_twice(
    company: Company,
) -> None:
    async with company.working():
        subscription = await on_sale(company)
        before_the_notice = await state_of(subscription)
        await announce(subscription)
        await company.advance("2026-02-20T00:00")
        await begin_again(company, subscription, before_the_notice)
        await company.settle()
        state = await state_of(subscription)
        await company.advance("2026-03-20T00:00")

    assert state.terms == dearer()
    assert [i["total_minor"] for i in await company.invoices()] == [8000, 12000, 12000]
    assert company.mailbox.kinds() == ["price_will_change"]
