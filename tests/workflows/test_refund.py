"""A refund, brought to its end by its own workflow whatever comes in between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import ActivityEnvironment, TimeSkipper, TimeSkippingConfig

from activities.requested_credit import RequestedCredit, credit_on_request
from adapters.db.engine import snapshot, transactions
from adapters.db.queries import books
from adapters.temporal.refund_signals import RefundSignals
from adapters.temporal.refund_workflows import TemporalRefunds
from billing.credit_note import UnusedPart, credit_note_id
from billing.refund import Refund, RefundState, refund_id
from simulator.faults import Fault
from tests.conftest import StripeSimulator
from tests.workflows.company import OPERATOR, Company
from tests.workflows.reconciling import reconciliation_of
from worker.process import create_replayer
from workflows.messages import RefundReport, Retry, refund_workflow_id


@dataclass(frozen=True, slots=True)
class Bureau:
    """Where refunds are asked for, with workers or without."""

    company: Company
    simulator: StripeSimulator
    refunds: TemporalRefunds
    client: Client

    async def paid(self, card: str = "pm_card_visa") -> str:
        """The invoice of $80.00 that a new customer paid by card; needs a worker."""
        subscription = await self.company.subscribe(await self.company.customer(card=card))
        await subscription.activated()
        invoice = (await subscription.report()).state.last_invoice_id
        assert invoice is not None
        return invoice

    def request(self, invoice_id: str) -> RequestedCredit:
        return RequestedCredit(
            command_id=f"cmd_{invoice_id}",
            invoice_id=invoice_id,
            amount_minor=5000,
            to=UnusedPart.REFUND,
            actor=OPERATOR,
            reason="asked for",
            now=self.company.present,
        )

    async def ask(self, invoice_id: str) -> str:
        """$50.00 of it are given back; the refund's id, of which nobody has heard yet."""
        async with transactions(self.company.engine)() as tx:
            [asked] = await credit_on_request(tx, self.request(invoice_id))
        return asked

    def handle(self, of: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(refund_workflow_id(of), result_type=RefundReport)

    async def page(self, of: str) -> str:
        """What operators read in the Temporal UI."""
        metadata: WorkflowMetadata = await self.handle(of).query("__temporal_workflow_metadata")
        return metadata.current_details

    async def ended(self, of: str) -> Refund:
        """Once its workflow is over."""
        async with asyncio.timeout(30):
            report: RefundReport = await self.handle(of).result()
        assert report.refund is not None
        return report.refund

    async def until(self, of: str, holds: Callable[[RefundReport], bool]) -> RefundReport:
        """The workflow's report, once it says so."""
        async with asyncio.timeout(30):
            while True:
                report: RefundReport = await self.handle(of).query(
                    "status", result_type=RefundReport
                )
                if holds(report):
                    return report
                await asyncio.sleep(0.02)

    async def reconcile(self) -> tuple[str, ...]:
        """The hourly comparison, now: which refunds had to be started."""
        reconciliation = reconciliation_of(self.company)
        found = await ActivityEnvironment().run(reconciliation.start_missing_refunds)
        return found.started_refund_ids

    async def refunded_minor(self) -> int:
        return (await self.simulator.control.totals())["usd"].refunded_minor

    async def books_balance(self) -> bool:
        async with snapshot(self.company.engine) as connection:
            return (await books.read(connection)).balance


@pytest.fixture
async def bureau(company: Company, simulator: StripeSimulator) -> AsyncIterator[Bureau]:
    """Open for the test; afterwards every refund's history must replay, and the books balance."""
    bureau = Bureau(
        company=company,
        simulator=simulator,
        refunds=TemporalRefunds(company.client, task_queue=company.task_queue),
        client=company.client,
    )
    yield bureau
    async with transactions(company.engine)() as tx:
        known = await tx.connection.exec_driver_sql("SELECT id FROM refunds")
    for row in known:
        history = await bureau.handle(row.id).fetch_history()
        await create_replayer().replay_workflow(history)
    assert await bureau.books_balance()


async def test_a_refund_is_carried_out_and_its_workflow_ends(bureau: Bureau) -> None:
    async with bureau.company.working():
        refund = await bureau.ask(await bureau.paid())
        assert await bureau.refunds.start(refund)
        assert (await bureau.ended(refund)).state is RefundState.SUCCEEDED
    assert await bureau.refunded_minor() == 5000


async def test_starting_it_again_refunds_once(bureau: Bureau) -> None:
    async with bureau.company.working():
        refund = await bureau.ask(await bureau.paid())
        await asyncio.gather(*(bureau.refunds.start(refund) for _ in range(5)))
        await bureau.ended(refund)
        await bureau.refunds.start(refund)
        assert (await bureau.ended(refund)).state is RefundState.SUCCEEDED
    assert await bureau.refunded_minor() == 5000


async def test_it_waits_for_the_bank_and_looks_when_there_is_news(bureau: Bureau) -> None:
    async with bureau.company.working():
        refund = await bureau.ask(await bureau.paid("pm_card_pendingRefund"))
        await bureau.refunds.start(refund)
        waiting = await bureau.until(refund, lambda report: report.refund is not None)
        assert waiting.refund is not None
        assert waiting.refund.state is RefundState.PENDING
        assert waiting.refund.gateway_refund_id is not None
        await bureau.simulator.control.settle_refund(waiting.refund.gateway_refund_id)

        signals = RefundSignals(bureau.client)
        assert await signals.refund_news(refund, fact="settled")
        assert (await bureau.ended(refund)).state is RefundState.SUCCEEDED
        assert not await signals.refund_news(refund, fact="settled again")


async def test_without_news_it_looks_once_a_day(bureau: Bureau) -> None:
    skipper = TimeSkipper(bureau.client, config=TimeSkippingConfig(max_session_skip_count=100))
    async with bureau.company.working():
        refund = await bureau.ask(await bureau.paid("pm_card_pendingRefund"))
        await bureau.refunds.start(refund)
        waiting = await bureau.until(refund, lambda report: report.refund is not None)
        assert waiting.refund is not None
        assert waiting.refund.gateway_refund_id is not None
        gateway_id = waiting.refund.gateway_refund_id
        await bureau.simulator.control.settle_refund(gateway_id, failure="declined")

        await skipper.fast_forward(bureau.handle(refund), timedelta(days=1, seconds=1))

        failed = await bureau.ended(refund)
        assert (failed.state, failed.failure_reason) == (RefundState.FAILED, "declined")
        async with transactions(bureau.company.engine)() as tx:
            assert (await tx.balances.of(failed.customer_id, "USD")).amount_minor == 5000


@pytest.mark.parametrize(
    ("kind", "moment"),
    [
        ("server_error", "before_commit"),
        ("server_error", "after_commit"),
        ("reset", "before_commit"),
        ("reset", "after_commit"),
        ("rate_limited", "before_commit"),
    ],
)
async def test_an_outage_is_outlived_and_nothing_is_refunded_twice(
    bureau: Bureau, kind: str, moment: str
) -> None:
    fault = {"kind": kind, "moment": moment, "method": "POST", "path": "/v1/refunds", "times": 2}
    async with bureau.company.working():
        refund = await bureau.ask(await bureau.paid())
        await bureau.simulator.control.inject(Fault.model_validate(fault))
        await bureau.refunds.start(refund)
        assert (await bureau.ended(refund)).state is RefundState.SUCCEEDED
    assert await bureau.refunded_minor() == 5000


async def test_what_was_asked_for_before_a_crash_is_carried_out_by_reconciliation(
    bureau: Bureau,
) -> None:
    async with bureau.company.working():
        refund = await bureau.ask(await bureau.paid())
        assert await bureau.reconcile() == (refund,)
        await bureau.ended(refund)
        assert await bureau.reconcile() == ()
    assert await bureau.refunded_minor() == 5000


async def test_a_worker_that_dies_after_the_start_leaves_a_refund_to_the_next(
    bureau: Bureau,
) -> None:
    async with bureau.company.working():
        refund = await bureau.ask(await bureau.paid())
    await bureau.refunds.start(refund)
    assert await bureau.reconcile() == ()
    async with bureau.company.working():
        assert (await bureau.ended(refund)).state is RefundState.SUCCEEDED
    assert await bureau.refunded_minor() == 5000


async def test_what_cannot_succeed_waits_for_an_operator(bureau: Bureau) -> None:
    async with bureau.company.working():
        invoice_id = await bureau.paid()
        source = bureau.request(invoice_id).source
        refund = refund_id(credit_note_id(invoice_id, source))
        await bureau.refunds.start(refund)
        stuck = await bureau.until(refund, lambda report: report.problem is not None)
        assert stuck.problem is not None
        assert "does not exist" in stuck.problem
        handle = bureau.handle(refund)
        described = await handle.describe()
        assert described.search_attributes["NeedsOperator"] == [True]

        page = await bureau.page(refund)
        assert "**Needs an operator.**" in page
        assert "`retry_now`" in page

        assert await bureau.ask(invoice_id) == refund
        mended = Retry(command_id="cmd_mended", actor=OPERATOR, reason="mended")
        for _ in range(2):
            await handle.execute_update("retry_now", mended, id="cmd_mended")

        assert (await bureau.ended(refund)).state is RefundState.SUCCEEDED
        described = await handle.describe()
        assert described.search_attributes["NeedsOperator"] == [False]
    async with transactions(bureau.company.engine)() as tx:
        query = text("SELECT command, reason FROM audit_log WHERE subject = :subject")
        written = await tx.connection.execute(query, {"subject": refund})
        assert [tuple(row) for row in written] == [("retry_refund", "mended")]


async def test_its_page_says_what_it_is_and_where_it_stands(bureau: Bureau) -> None:
    async with bureau.company.working():
        refund = await bureau.ask(await bureau.paid("pm_card_pendingRefund"))
        await bureau.refunds.start(refund)
        waiting = await bureau.until(refund, lambda report: report.refund is not None)
        assert waiting.refund is not None
        page = await bureau.page(refund)
        for said in (
            "# Refund of USD 50.00",
            "**pending**",
            waiting.refund.customer_id,
            waiting.refund.invoice_id,
            "The bank has not taken it yet.",
        ):
            assert said in page
        described = await bureau.handle(refund).describe()
        assert described.search_attributes["CustomerId"] == [waiting.refund.customer_id]
        assert waiting.refund.gateway_refund_id is not None
        await bureau.simulator.control.settle_refund(waiting.refund.gateway_refund_id)
        await RefundSignals(bureau.client).refund_news(refund, fact="settled")
        await bureau.ended(refund)
        assert "on its way to the customer's card" in await bureau.page(refund)
