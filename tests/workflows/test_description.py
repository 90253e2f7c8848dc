"""What operators read about a subscription in the Temporal UI, and what they can do there."""

import asyncio
import json
import re
from dataclasses import replace

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.service import RPCError

from adapters.db.engine import reading
from adapters.db.queries import audit
from adapters.db.tables.payment_attempt import payment_attempts
from billing.errors import InvalidInput
from billing.message import Message
from billing.ports.customers import CustomerRecord
from tests.conftest import StripeSimulator
from tests.histories.settling import BROKE
from tests.workflows.company import Company, Mailbox, Subscription
from workflows.messages import CancelMode, Retry
from workflows.search_attributes import NEEDS_OPERATOR


async def details(subscription: Subscription) -> str:
    """What the UI shows: the current details, asked for as the UI asks."""
    metadata: WorkflowMetadata = await subscription.handle.query("__temporal_workflow_metadata")
    return metadata.current_details


async def needs_operator(subscription: Subscription) -> bool:
    described = await subscription.handle.describe()
    return described.typed_search_attributes[NEEDS_OPERATOR]


async def asks_for_an_operator(subscription: Subscription) -> str:
    """Waits for the problem that is told."""
    async with asyncio.timeout(60):
        while (problem := (await subscription.report()).problem) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return problem


async def test_the_details_of_a_trial_say_when_it_will_cost_what(company: Company) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer(), trial_days=14)
        await subscription.activated()
        shown = await details(subscription)

    assert "# Team, quantity 5: USD 80.00 every month" in shown
    assert "**In trial:** free until the trial ends, then charged." in shown
    assert "- **2026-01-28 09:30:00Z** notify trial end: the trial ends on 2026-01-31" in shown
    assert "- **2026-01-31 09:30:00Z** convert trial: the trial ends" in shown
    assert "first period costs USD 80.00" in shown
    assert "What is wrong" not in shown


async def test_the_details_follow_a_subscription_through_dunning_to_its_end(
    company: Company,
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        active = await details(subscription)
        assert "**active** |" in active
        assert "- **2026-02-17 09:30:00Z** renew: the next period costs USD 80.00" in active

        await company.save_card(customer, BROKE)
        await company.advance("2026-02-18T00:00")
        past_due = await details(subscription)
        assert "**past_due** |" in past_due
        assert "tried once. Last answer: `generic_decline`, the bank gives no reason" in past_due
        assert "If it is not paid by 2026-03-04 09:30:00Z, it is canceled" in past_due
        assert "- **2026-02-20 09:30:00Z** collect: charge USD 80.00, attempt 2 of 4" in past_due

        await subscription.cancel(CancelMode.NOW)
        await subscription.handle.result()
        canceled = await details(subscription)

    assert "**Canceled:** it is over and is never billed again." in canceled
    assert "2026-02-18 00:00:00Z: it was asked for |" in canceled
    assert "- nothing: the subscription has ended" in canceled


async def test_a_request_that_the_gateway_refuses_waits_for_an_operator_and_retries(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await forget_card(company, customer)
        renewing = asyncio.create_task(company.advance("2026-02-17T09:30"))
        problem = await asks_for_an_operator(subscription)

        assert problem in await details(subscription)
        assert await needs_operator(subscription)
        state = (await subscription.report()).state
        assert (state.status, company.mailbox.messages) == ("active", [])

        await company.save_card(customer, "pm_card_visa")
        await renewing
        await subscription.give(Retry)
        await company.settle()

        assert not await needs_operator(subscription)
        assert "Needs an operator" not in await details(subscription)
    assert (await simulator.control.totals())["usd"].captured_minor == 16000
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]


async def test_a_message_that_can_never_be_delivered_is_shown_to_an_operator(
    company: Company,
) -> None:
    company.parts = replace(company.parts, post=RefusingPost())
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await subscription.cancel()

        problem = await asks_for_an_operator(subscription)

        assert "no such address" in problem
        assert problem in await details(subscription)
        assert await needs_operator(subscription)

        await subscription.give(Retry)
        await company.settle()
        assert not await needs_operator(subscription)
        assert "did not reach the customer" not in await details(subscription)


@pytest.mark.parametrize("how", ["cancel", "terminate"])
async def test_a_workflow_that_an_operator_stops_charges_nobody(
    company: Company, simulator: StripeSimulator, how: str
) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, BROKE)
        await company.advance("2026-02-18T00:00")
        await company.save_card(customer, "pm_card_visa")

        if how == "cancel":
            await subscription.handle.cancel()
        else:
            await subscription.handle.terminate("an operator's decision")
        with pytest.raises(WorkflowFailureError):
            await subscription.handle.result()
        await company.advance("2026-06-01T00:00")
        with pytest.raises(RPCError, match="completed"):
            await subscription.cancel()

    assert (await simulator.control.totals())["usd"].captured_minor == 8000
    assert len(await company.invoices()) == 2
    assert await company.count(payment_attempts) == 2


async def test_what_is_copied_from_the_page_gives_a_customer_a_week_more(company: Company) -> None:
    """As the UI sends it: plain JSON, to the update of that name."""
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, BROKE)
        await company.advance("2026-02-18T00:00")

        copied = offered(await details(subscription), "extend_grace")
        with pytest.raises(WorkflowUpdateFailedError):
            await subscription.handle.execute_update("extend_grace", copied)
        assert "Grace" not in await details(subscription)

        filled_in = copied | {"actor": {"kind": "operator", "id": "ada"}, "reason": "new card"}
        first = await subscription.handle.execute_update("extend_grace", filled_in)
        again = await subscription.handle.execute_update("extend_grace", filled_in)
        await company.settle()
        shown = await details(subscription)

    assert first == again
    assert "until 2026-03-11 09:30:00Z |" in shown
    assert "If it is not paid by 2026-03-11 09:30:00Z (a grace runs until" in shown
    assert offered(shown, "extend_grace")["command_id"] != copied["command_id"]
    async with reading(company.engine) as connection:
        [entry] = await audit.of_subject(connection, subscription.id, limit=10)
    assert (entry.command, entry.actor.id, entry.reason) == ("extend_grace", "ada", "new card")


def offered(page: str, update: str) -> dict[str, object]:
    """The JSON that the page has for an update."""
    found = re.search(rf"\*\*`{update}`\*\*.*?```json\n(.*?)```", page, re.DOTALL)
    assert found is not None, page
    document: dict[str, object] = json.loads(found[1])
    return document


class RefusingPost(Mailbox):
    """Knows nobody."""

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:  # noqa: ARG002 - the port's
        raise InvalidInput("unknown_recipient", "no such address")


async def forget_card(company: Company, customer_id: str) -> None:
    """The card disappears at the gateway, and the news of it does not reach us."""
    async with company.parts.open_transaction() as tx:
        method_id = (await tx.customers.get(customer_id)).default_payment_method_id
    assert method_id is not None
    await company.gateway.detach_payment_method(method_id, key=f"detach:{method_id}")
