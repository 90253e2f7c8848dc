"""A long life is many runs, and nobody notices.

The server of these tests suggests to continue after 150 events instead of 4,096: a life that long
would take minutes. Everything else is as in every other test.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.contrib.pydantic import pydantic_data_converter

from adapters.db.tables.audit import audit_log
from adapters.db.tables.message import messages
from billing.message import Message
from billing.ports.customers import CustomerRecord
from local import temporal
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Mailbox, Subscription, at, opened_company
from worker.process import create_replayer
from workflows.search_attributes import NEXT_BILLING_AT, PLAN, SEARCH_ATTRIBUTES

_SUGGESTION = {"limit.historyCount.suggestContinueAsNew": "150"}


@pytest.fixture(scope="module")
def hasty_server() -> Iterator[temporal.Server]:
    """A server of this module's own."""
    server, process = temporal.start(
        search_attributes=SEARCH_ATTRIBUTES, dynamic_config=_SUGGESTION
    )
    yield server
    process.stop()


@pytest.fixture
async def company(
    database_url: str, hasty_server: temporal.Server, simulator: StripeSimulator
) -> AsyncIterator[Company]:
    """As for every test of the workflows, on the hasty server."""
    client = await Client.connect(hasty_server.address, data_converter=pydantic_data_converter)
    async with opened_company(
        database_url=database_url, client=client, simulator=simulator
    ) as company:
        yield company
        await create_replayer().replay_workflows(company.histories())


async def test_forty_daily_renewals_are_several_runs_and_one_subscription(
    company: Company,
) -> None:
    async with company.working():
        subscription = await daily(company)
        canceled = await subscription.cancel(command_id="cmd_1")
        await subscription.undo_cancel()
        before = await subscription.handle.describe()

        await company.advance("2026-02-26T09:30")

        after = await subscription.handle.describe()
        assert len([history async for history in company.histories()]) > 3
        assert after.run_id != before.run_id
        assert await named(after) == await named(before) == "Team, quantity 1: USD 1.00 every day"
        assert after.typed_search_attributes[PLAN] == "team_d"
        assert after.typed_search_attributes[NEXT_BILLING_AT] == at("2026-02-27T09:30")
        again = await subscription.cancel(command_id="cmd_1")
        assert again.state_revision > canceled.state_revision
        assert again == canceled.model_copy(update={"state_revision": again.state_revision})
        assert await company.count(audit_log, subject=subscription.id) == 2
        assert company.mailbox.kinds() == ["subscription_canceled", "cancellation_undone"]
    periods = [(i["period_start"], i["period_end"], i["status"]) for i in await company.invoices()]
    assert len(periods) == 41
    assert {status for _, _, status in periods} == {"paid"}
    assert all(end == start for (_, end, _), (start, _, _) in pairwise(periods))


async def test_a_command_that_waits_for_missed_boundaries_holds_up_no_run(
    company: Company,
) -> None:
    async with company.working():
        subscription = await daily(company)
    async with company.working():
        await company.wake(subscription, "2026-02-16T12:00")
        async with asyncio.timeout(60):
            await subscription.cancel()
        await company.settle()

        cancellation = (await subscription.report()).state.cancellation
        assert cancellation is not None
        assert cancellation.at == at("2026-02-17T09:30")
    assert len(await company.invoices()) == 31


async def test_a_mail_server_that_is_down_stops_neither_billing_nor_its_message(
    company: Company,
) -> None:
    mailbox = HangingMailbox()
    company.parts = replace(company.parts, post=mailbox)
    async with company.working():
        subscription = await daily(company)
        await subscription.cancel()
        await subscription.undo_cancel()

        await company.wake(subscription, "2026-02-16T12:00")
        async with asyncio.timeout(60):
            while len(await company.invoices()) < 31:  # noqa: ASYNC110 - a worker's work
                await asyncio.sleep(0.05)
        assert mailbox.messages == []
        mailbox.answers.set()
        await company.settle()

        assert set(mailbox.kinds()) == {"subscription_canceled", "cancellation_undone"}
        assert await company.count(messages, sent_at=None) == 0
        assert await subscription.status() == "active"


class HangingMailbox(Mailbox):
    """Takes messages and keeps silent until it answers again."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        await self.answers.wait()
        await super().deliver(message, to=to)


async def daily(company: Company) -> Subscription:
    """Renewed every day from 2026-01-17, for a dollar."""
    subscription = await company.subscribe(await company.customer(), price_id="team_d", seats=1)
    await subscription.activated()
    return subscription


async def named(description: WorkflowExecutionDescription) -> str:
    """The name that operators read in the memo."""
    name: str = await description.memo_value("name")
    return name
