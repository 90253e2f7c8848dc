"""Whatever an operator does to a workflow, its subscription lives on (policy P34)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from temporalio.client import WorkflowFailureError
from temporalio.testing import ActivityEnvironment

from activities.reconciliation import ReconciliationReport
from adapters.db.tables.payment_attempt import payment_attempts
from billing.errors import GatewayError, GatewayRefused, GatewayUnreachable
from billing.ports.reconciliation import PaymentLooks
from tests.conftest import StripeSimulator
from tests.workflows.company import Company, Subscription, at
from tests.workflows.reconciling import reconciliation_of
from tests.workflows.test_payments import bank_answers
from workflows.messages import CancelMode


async def reconcile(company: Company) -> ReconciliationReport:
    """The hourly comparison, now."""
    reconciliation = reconciliation_of(company)
    return await ActivityEnvironment().run(reconciliation.restart_missing_subscriptions)


async def active_in_march(company: Company) -> Subscription:
    subscription = await company.subscribe(await company.customer())
    await subscription.activated()
    await company.advance("2026-03-01T00:00")
    return subscription


async def test_a_terminated_subscription_comes_back_and_renews_on_its_anchor(
    company: Company,
) -> None:
    async with company.working():
        subscription = await active_in_march(company)
        await subscription.handle.terminate("an operator's mistake")

        report = await reconcile(company)
        await company.advance("2026-03-20T00:00")

        assert report.restarted_subscription_ids == (subscription.id,)
        assert [(i["period_start"], i["status"]) for i in await company.invoices()] == [
            (at("2026-01-17T09:30"), "paid"),
            (at("2026-02-17T09:30"), "paid"),
            (at("2026-03-17T09:30"), "paid"),
        ]


async def test_a_cancelled_workflow_comes_back_as_well(company: Company) -> None:
    async with company.working():
        subscription = await active_in_march(company)
        await subscription.handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await subscription.handle.result()

        assert (await reconcile(company)).restarted_subscription_ids == (subscription.id,)
        await company.settle()
        assert await subscription.status() == "active"


async def test_what_runs_or_has_ended_is_left_alone(company: Company) -> None:
    async with company.working():
        await active_in_march(company)
        other = await company.subscribe(await company.customer())
        await other.activated()
        await other.cancel()
        await company.advance("2026-06-01T00:00")

        report = await reconcile(company)

        assert (report.checked, report.restarted_subscription_ids) == (1, ())


async def test_one_that_ended_with_its_last_message_told_is_left_alone(company: Company) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await subscription.cancel(CancelMode.NOW)
        await subscription.handle.result()
        assert company.mailbox.kinds() == ["subscription_canceled"]

        report = await reconcile(company)

        assert (report.checked, report.restarted_subscription_ids) == (0, ())


async def at_its_bank(company: Company) -> Subscription:
    """The renewal's payment is at a bank."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await subscription.activated()
    await company.save_bank_account(customer)
    await company.advance("2026-02-18T00:00")
    return subscription


async def age_payments(company: Company, age: timedelta) -> None:
    """As if every payment had begun that long ago."""
    async with company.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE payment_attempts DISABLE TRIGGER USER")
        began_at = datetime.now(UTC) - age
        await connection.execute(update(payment_attempts).values(started_at=began_at))


async def looked_at(company: Company, *, payments: PaymentLooks | None = None) -> int:
    """At how many payments the hourly comparison looks now."""
    reconciliation = reconciliation_of(company, payments=payments)
    return await ActivityEnvironment().run(reconciliation.look_at_waiting_payments)


@pytest.mark.parametrize("failure", [None, "insufficient_funds"])
async def test_a_bank_whose_answer_was_lost_is_asked_once_webhooks_have_ended(
    company: Company, simulator: StripeSimulator, failure: str | None
) -> None:
    async with company.working():
        subscription = await at_its_bank(company)
        await bank_answers(company, simulator, failure=failure)
        await age_payments(company, timedelta(days=2))
        assert await looked_at(company) == 0
        assert (await subscription.report()).state.open_invoices[0].in_processing

        await age_payments(company, timedelta(days=4))
        assert await looked_at(company) == 1
        await company.settle()

        assert await subscription.status() == ("active" if failure is None else "past_due")
        assert await looked_at(company) == 0
    assert [i["status"] for i in await company.invoices()] == [
        "paid",
        "paid" if failure is None else "open",
    ]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Fails whenever it is asked."""

    failure: GatewayError

    async def follow(self, payment_id: str) -> bool:
        raise self.failure.__class__(self.failure.code, payment_id)


async def test_an_outage_puts_looking_off_and_what_cannot_be_read_holds_up_nothing(
    company: Company,
) -> None:
    async with company.working():
        await at_its_bank(company)
    await age_payments(company, timedelta(days=4))
    away = GatewayUnreachable("gateway_unreachable", "an outage")
    assert await looked_at(company, payments=Gateway(away)) == 0
    unknown = GatewayRefused("resource_missing", "no such payment")
    assert await looked_at(company, payments=Gateway(unknown)) == 1
