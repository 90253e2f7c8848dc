"""What today's workflow does to histories: the same as when it was last accepted, and not much."""

from collections.abc import Sequence

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from tests.histories import recordings
from tests.histories.fingerprint import fingerprint, line_of
from tests.histories.lives import LIVES, free_price_renewed, live_renewal, skip_past_renewal
from tests.histories.settling import settled
from tests.workflows.company import Company, Subscription


@pytest.mark.parametrize("life", LIVES)
async def test_a_life_takes_the_commands_that_were_accepted(company: Company, life: str) -> None:
    async with company.working():
        subscription = await LIVES[life](company)
        history = await subscription.handle.fetch_history()

    assert fingerprint(history) == recordings.read_fingerprints()[life], (
        "the workflow makes other histories than before; if that is meant: "
        f"python -m tests.histories.record {life}"
    )


def test_no_fingerprint_is_left_of_a_life_that_is_gone() -> None:
    assert set(recordings.read_fingerprints()) == set(LIVES)


async def test_a_paid_renewal_costs_a_timer_two_activities_and_one_upsert(company: Company) -> None:
    async with company.working():
        subscription = await live_renewal(company)
        before = await length(subscription)
        await skip_past_renewal(company, subscription, period_number=2)
        renewal = await events_after(before, subscription)

    assert len(renewal) <= 20
    commands = commands_of(renewal)
    assert sorted(commands) == [
        "local activity bill_period",
        "local activity collect",
        "timer",
        "upsert NextBillingAt",
    ]


async def test_a_renewal_with_nothing_to_collect_costs_one_activity(company: Company) -> None:
    async with company.working():
        subscription = await free_price_renewed(company)
        before = await length(subscription)
        await company.advance("2026-03-17T09:30")
        renewal = await events_after(before, subscription)

    commands = commands_of(renewal)
    assert sorted(commands) == ["local activity bill_period", "timer", "upsert NextBillingAt"]


async def test_a_command_costs_one_record(company: Company) -> None:
    async with company.working():
        subscription = await live_renewal(company)
        before = await length(subscription)
        await subscription.cancel()
        await settled(subscription)
        commands = commands_of(await events_after(before, subscription))

    assert commands.count("activity record") == 1
    assert commands.count("activity notify") == 1


async def length(subscription: Subscription) -> int:
    return len((await subscription.handle.fetch_history()).events)


async def events_after(number: int, subscription: Subscription) -> Sequence[HistoryEvent]:
    """Without time's skipping, which no customer's workflow sees."""
    events = list((await subscription.handle.fetch_history()).events)[number:]
    skipping = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED
    return [event for event in events if event.event_type != skipping]


def commands_of(events: Sequence[HistoryEvent]) -> list[str]:
    return [line for event in events if (line := line_of(event)) is not None]
