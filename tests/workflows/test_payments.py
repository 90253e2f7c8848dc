"""Money moves once, whatever goes wrong between us and the gateway, or an operator does."""

import pytest
from sqlalchemy import select
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client

from adapters.db.engine import transactions
from adapters.db.tables.payment_attempt import payment_attempts
from simulator.faults import Fault
from tests.conftest import StripeSimulator
from tests.worker.desk import pass_challenge
from tests.workflows.company import Company, Subscription, at
from workflows.messages import CancelMode, PaymentNews


async def captured(simulator: StripeSimulator) -> int:
    """What the simulator took, in cents."""
    totals = await simulator.control.totals()
    return totals["usd"].captured_minor if "usd" in totals else 0


@pytest.mark.parametrize("path", ["/v1/payment_intents", "/v1/payment_intents/*/confirm"])
@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
@pytest.mark.parametrize("kind", ["reset", "server_error"])
async def test_an_outage_at_any_step_of_the_charge_takes_the_money_once(
    company: Company, simulator: StripeSimulator, path: str, moment: str, kind: str
) -> None:
    await simulator.control.inject(
        Fault.model_validate(
            {"kind": kind, "method": "POST", "path": path, "moment": moment, "times": 2}
        )
    )
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        assert (await subscription.activated()).status == "active"

    assert await captured(simulator) == 8000
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid"]
    assert company.mailbox.messages == []


async def test_a_checkout_completed_twice_is_one_subscription_and_one_charge(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer(), ready=False)
        await subscription.complete_checkout()
        await subscription.complete_checkout()
        assert (await subscription.activated()).status == "active"
        await subscription.complete_checkout()
        await company.settle()

    assert await captured(simulator) == 8000
    assert len(await company.invoices()) == 1


async def test_a_second_live_subscription_of_the_family_is_refused_without_a_charge(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        first = await company.subscribe(customer)
        assert (await first.activated()).status == "active"
        second = await company.subscribe(customer)
        assert (await second.activated()).status == "incomplete_expired"
        assert (await second.report()).state.end_reason == "family_taken"

    assert await captured(simulator) == 8000
    assert len(await company.invoices()) == 1


async def test_a_second_trial_of_the_family_is_refused(company: Company) -> None:
    async with company.working():
        customer = await company.customer()
        first = await company.subscribe(customer, trial_days=14)
        await first.activated()
        await first.cancel()
        await company.advance("2026-02-01T00:00")
        second = await company.subscribe(customer, trial_days=14)
        await second.activated()

        assert (await second.report()).state.end_reason == "trial_used"
        assert await company.invoices() == []


async def test_a_declined_first_payment_leaves_the_checkout_open_for_another_card(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer(card="pm_card_chargeCustomerFail")
        subscription = await company.subscribe(customer)
        report = await subscription.activated()
        assert (report.status, report.refused) == ("incomplete", True)

        await company.save_card(customer, "pm_card_visa")
        await subscription.complete_checkout()

        assert (await subscription.activated()).status == "active"
    assert await captured(simulator) == 8000
    assert company.mailbox.messages == []


async def test_a_refused_checkout_tried_again_after_another_went_live_charges_nothing(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer(card="pm_card_chargeCustomerFail")
        refused = await company.subscribe(customer)
        await refused.activated()
        await company.save_card(customer, "pm_card_visa")
        other = await company.subscribe(customer)
        assert (await other.activated()).status == "active"

        await refused.complete_checkout()
        await refused.handle.result()

        assert (await refused.report()).state.end_reason == "family_taken"
    assert sorted(i["status"] for i in await company.invoices()) == ["paid", "void"]
    assert await captured(simulator) == 8000


async def test_an_abandoned_checkout_expires_after_a_day_and_owes_nothing(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer(card="pm_card_chargeCustomerFail")
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.advance("2026-01-18T09:30")

        assert await subscription.status() == "incomplete_expired"
        again = await company.subscribe(customer)
        await again.activated()
        assert await again.status() == "incomplete"
    assert [invoice["status"] for invoice in await company.invoices()] == ["void", "open"]
    assert await captured(simulator) == 0


async def test_a_bank_debit_is_neither_paid_nor_past_due_until_the_bank_answers(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_bank_account(customer)
        await company.advance("2026-02-17T09:30")
        state = (await subscription.report()).state
        assert (state.status, state.open_invoices[0].in_processing) == ("active", True)

        news = await bank_answers(company, simulator)
        await subscription.handle.signal("payment_news", news)
        await company.settle()

        assert (await subscription.report()).state.open_invoices == ()
    assert await captured(simulator) == 16000


async def test_a_bank_debit_that_fails_days_later_is_past_due_from_then_and_tried_again(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_bank_account(customer)
        await company.advance("2026-02-19T00:00")
        assert await subscription.status() == "active"

        news = await bank_answers(company, simulator, failure="insufficient_funds")
        await subscription.handle.signal("payment_news", news)
        await company.settle()
        state = (await subscription.report()).state
        assert state.status == "past_due"
        [debt] = state.open_invoices
        assert (debt.rungs_used, debt.in_processing) == (1, False)
        assert company.mailbox.kinds() == ["payment_failed"]

        await company.advance("2026-02-20T09:30")
        assert await subscription.status() == "active"
        assert (await subscription.report()).state.open_invoices[0].in_processing
        news = await bank_answers(company, simulator)
        await subscription.handle.signal("payment_news", news)
        await company.settle()
        assert await subscription.status() == "active"
    assert await captured(simulator) == 16000


async def test_a_reset_to_before_the_charge_charges_nobody_again(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await company.advance("2026-03-01T00:00")
        assert await captured(simulator) == 16000

        await reset_to_the_beginning(company.client, subscription)
        await company.settle()
        await company.advance("2026-03-17T09:30")

        assert await captured(simulator) == 24000
        invoices = await company.invoices()
        assert [i["period_start"] for i in invoices] == [
            at("2026-01-17T09:30"),
            at("2026-02-17T09:30"),
            at("2026-03-17T09:30"),
        ]
        assert await subscription.status() == "active"


async def test_a_reset_does_not_revive_what_has_ended(
    company: Company, simulator: StripeSimulator
) -> None:
    company.present = at("2026-05-01T00:00")
    async with company.working():
        customer = await company.customer(card="pm_card_chargeCustomerFail")
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.advance("2026-05-03T00:00")
        assert await subscription.status() == "incomplete_expired"
        await company.save_card(customer, "pm_card_visa")

        await reset_to_the_beginning(company.client, subscription)
        await subscription.handle.result()

        state = (await subscription.report()).state
        assert (state.status, state.ended_at) == ("incomplete_expired", at("2026-05-02T00:00"))
    assert [invoice["status"] for invoice in await company.invoices()] == ["void"]
    assert await captured(simulator) == 0


async def at_a_challenge(company: Company) -> Subscription:
    """On the first of May, somebody's bank asks for its customer at the checkout."""
    company.present = at("2026-05-01T00:00")
    customer = await company.customer(card="pm_card_authenticationRequired")
    subscription = await company.subscribe(customer)
    await subscription.activated()
    return subscription


async def passed(subscription: Subscription) -> None:
    [waiting] = (await subscription.report()).state.open_invoices
    assert waiting.action_url is not None
    await pass_challenge(waiting.action_url)


async def test_a_challenge_passed_before_the_checkout_expires_brings_what_was_paid_for(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await at_a_challenge(company)
        await passed(subscription)
        await company.advance("2026-05-02T00:00")

        assert await subscription.status() == "active"
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid"]
    assert await captured(simulator) == 8000


async def test_a_challenge_that_nobody_passes_expires_with_its_checkout(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await at_a_challenge(company)
        await company.advance("2026-05-02T00:00")

        assert await subscription.status() == "incomplete_expired"
    assert [invoice["status"] for invoice in await company.invoices()] == ["void"]
    assert await captured(simulator) == 0


async def test_what_was_paid_for_a_checkout_that_is_over_becomes_balance(
    company: Company, simulator: StripeSimulator
) -> None:
    """The customer passes the challenge, and somebody cancels before that is heard."""
    async with company.working():
        subscription = await at_a_challenge(company)
        await passed(subscription)
        await subscription.cancel(CancelMode.NOW)
        await subscription.handle.result()

        assert await subscription.status() == "incomplete_expired"
        customer_id = (await subscription.report()).state.customer_id
    async with transactions(company.engine)() as tx:
        assert (await tx.balances.of(customer_id, "USD")).amount_minor == 8000
    assert await captured(simulator) == 8000


async def bank_answers(
    company: Company, simulator: StripeSimulator, *, failure: str | None = None
) -> PaymentNews:
    """The bank pays the newest debit, or says why not; the news of it is still to be told."""
    async with company.engine.connect() as connection:
        newest = select(payment_attempts).order_by(payment_attempts.c.started_at.desc())
        attempt = (await connection.execute(newest.limit(1))).one()
    await simulator.control.settle(attempt.payment_id, failure=failure)
    return PaymentNews(invoice_id=attempt.invoice_id)


async def reset_to_the_beginning(client: Client, subscription: Subscription) -> None:
    """What an operator's "reset to the first workflow task" does."""
    history = await subscription.handle.fetch_history()
    first_task = next(
        event.event_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    )
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=subscription.handle.id),
            workflow_task_finish_event_id=first_task,
            request_id=f"reset-{subscription.id}",
            reason="an operator's experiment",
        )
    )
