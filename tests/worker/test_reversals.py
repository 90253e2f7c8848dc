"""Webhooks of refunds and disputes: any order, any number of times, the same books."""

import itertools
import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from activities.refunding import AdvanceRefund, Refunding
from activities.requested_credit import RequestedCredit, credit_on_request
from adapters.db.engine import snapshot, transactions
from adapters.db.queries import books, operator_tasks
from adapters.stripe.client import connect_stripe
from billing.credit_note import UnusedPart
from billing.errors import Conflict
from billing.ledger import Account
from tests.conftest import StripeSimulator
from tests.worker.desk import Desk
from tests.workflows.company import OPERATOR, Company, Subscription
from worker.gateway_events import GatewayEvents, Handling
from workflows.messages import CancelMode

Told = list[tuple[str, str]]


@pytest.fixture
async def desk(company: Company, simulator: StripeSimulator) -> AsyncIterator[Desk]:
    async with connect_stripe(api_key=simulator.api_key, api_base=simulator.base_url) as client:
        events = GatewayEvents(
            engine=company.engine, gateway=company.gateway, temporal=company.client
        )
        yield Desk(company, client, events)


def _orders(told: Told) -> list[Told]:
    doubled = told + told
    shuffled = doubled.copy()
    random.Random(7).shuffle(shuffled)  # noqa: S311 - a fixed shuffle
    return [told, told[::-1], doubled, shuffled]


async def active(desk: Desk) -> tuple[Subscription, str]:
    """A subscription that paid $80.00, and the payment's id; needs a worker."""
    subscription = await desk.company.subscribe(await desk.company.customer())
    await subscription.activated()
    [payment] = (await desk.stripe.v1.payment_intents.list_async({"limit": 10})).data
    return subscription, payment.id


async def accounts(desk: Desk) -> dict[str, int]:
    """Every account that is not zero, as debits less credits; the books must balance."""
    async with snapshot(desk.company.engine) as connection:
        found = await books.read(connection)
    assert found.balance, found.comparisons
    balances = {row.account: row.balance_minor for row in found.trial_balance}
    return {account.value: balances[account] for account in Account if balances.get(account, 0)}


async def tasks(desk: Desk) -> list[str]:
    """The kinds of what waits for an operator."""
    async with snapshot(desk.company.engine) as connection:
        page = await operator_tasks.page_of(connection, limit=100)
    return sorted(found.task.kind.value for found in page.items)


async def rows(desk: Desk, table: str) -> int:
    async with desk.company.engine.connect() as connection:
        query = text(f"SELECT count(*) FROM {table}")  # noqa: S608 - named by the test
        return int(await connection.scalar(query) or 0)


async def carried_out(desk: Desk, minor: int) -> str:
    """A refund of ours, made at the gateway before any webhook came; its id."""
    [invoice] = await desk.company.invoices()
    open_transaction = transactions(desk.company.engine)
    async with open_transaction() as tx:
        request = RequestedCredit(
            command_id="cmd_refund",
            invoice_id=invoice["id"],
            amount_minor=minor,
            to=UnusedPart.REFUND,
            actor=OPERATOR,
            reason="asked for",
            now=desk.company.present,
        )
        [refund_id] = await credit_on_request(tx, request)
    refunding = Refunding(
        open_transaction=open_transaction,
        gateway=desk.company.gateway,
        real_now=lambda: desk.company.present,
    )
    await refunding.advance_refund(AdvanceRefund(refund_id=refund_id))
    return refund_id


@pytest.mark.parametrize("order", range(4))
async def test_refunds_of_ours_and_of_the_dashboard_are_taken_in_once(
    order: int, desk: Desk, simulator: StripeSimulator
) -> None:
    async with desk.company.working():
        _, payment_id = await active(desk)
        await carried_out(desk, 1000)
        await simulator.control.refund(payment_id, 2000)
        failing = await simulator.control.refund(payment_id, 500)
        await simulator.control.settle_refund(failing, failure="lost_or_stolen_card")
        told = [event for event in await desk.told() if "refund" in event[0]]
        assert {kind for kind, _ in told} == {
            "charge.refunded",
            "refund.created",
            "refund.failed",
            "refund.updated",
        }
        await desk.apply(_orders(told)[order])

    assert await accounts(desk) == {
        "cash": 5000,
        "customer_balance": -500,
        "deferred_revenue": -4500,
    }
    assert (await rows(desk, "credit_notes"), await rows(desk, "refunds")) == (3, 3)
    assert await tasks(desk) == ["refund_failed"]


async def test_the_charge_s_own_event_is_enough(desk: Desk, simulator: StripeSimulator) -> None:
    async with desk.company.working():
        _, payment_id = await active(desk)
        for minor in (2000, 1000):
            await simulator.control.refund(payment_id, minor)
        told = [event for event in await desk.told() if event[0] == "charge.refunded"]
        assert await desk.events.apply(*told[0]) is Handling.APPLIED
    assert (await accounts(desk))["cash"] == 5000


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("is_inquiry", [False, True])
async def test_a_lost_dispute_ends_the_subscription_in_any_order(
    order: int, desk: Desk, simulator: StripeSimulator, *, is_inquiry: bool
) -> None:
    async with desk.company.working():
        subscription, payment_id = await active(desk)
        dispute = await simulator.control.dispute(payment_id, is_inquiry=is_inquiry)
        if is_inquiry:
            await simulator.control.escalate_dispute(dispute)
        await simulator.control.decide_dispute(dispute, won=False)
        told = [event for event in await desk.told() if "dispute" in event[0]]
        await desk.apply(_orders(told)[order])
        await desk.company.settle()
        assert await subscription.status() == "canceled"
        assert (await subscription.report()).state.end_reason == "dispute_lost"
        await subscription.handle.result()
        await desk.apply(told)

    assert await accounts(desk) == {"deferred_revenue": -8000, "dispute_losses": 8000}
    assert await tasks(desk) == ["dispute_opened"]


async def test_a_dispute_is_shown_while_it_is_open_and_forgotten_once_won(
    desk: Desk, simulator: StripeSimulator
) -> None:
    async with desk.company.working():
        subscription, payment_id = await active(desk)
        dispute = await simulator.control.dispute(payment_id)
        await desk.apply([("charge.dispute.created", dispute)])
        assert (await subscription.report()).state.open_disputes == (dispute,)
        assert (await accounts(desk))["disputes"] == 8000

        await simulator.control.decide_dispute(dispute, won=True)
        await desk.apply([("charge.dispute.closed", dispute), ("charge.dispute.created", dispute)])
        state = (await subscription.report()).state
        assert (state.open_disputes, state.status.value) == ((), "active")
    assert await accounts(desk) == {"cash": 8000, "deferred_revenue": -8000}


async def test_a_subscription_without_a_workflow_hears_of_it_later(
    desk: Desk, simulator: StripeSimulator
) -> None:
    async with desk.company.working():
        subscription, payment_id = await active(desk)
        await subscription.handle.terminate("an operator's mistake")
        dispute = await simulator.control.dispute(payment_id)
        with pytest.raises(Conflict, match="subscription_not_running"):
            await desk.events.apply("charge.dispute.created", dispute)
        assert (await accounts(desk))["disputes"] == 8000


async def test_a_subscription_that_is_over_need_not_hear_of_it(
    desk: Desk, simulator: StripeSimulator
) -> None:
    async with desk.company.working():
        subscription, payment_id = await active(desk)
        await subscription.cancel(CancelMode.NOW)
        await subscription.handle.result()
        dispute = await simulator.control.dispute(payment_id)
        applied = await desk.events.apply("charge.dispute.created", dispute)
    assert applied is Handling.APPLIED
    assert (await accounts(desk))["disputes"] == 8000
    assert await tasks(desk) == ["dispute_opened"]


async def test_a_refund_that_was_not_recorded_as_paid_asks_the_payment_s_workflow_first(
    desk: Desk, simulator: StripeSimulator
) -> None:
    async with desk.company.working():
        subscription, payment_id = await active(desk)
        async with desk.company.engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE payment_attempts DISABLE TRIGGER USER")
            await connection.exec_driver_sql(
                """UPDATE payment_attempts
                SET outcome = '{"kind": "processing"}', outcome_kind = 'processing'"""
            )
        refund = await simulator.control.refund(payment_id, 1000)
        with pytest.raises(Conflict, match="payment_unrecorded"):
            await desk.events.apply("refund.created", refund)
        signals = [
            event.workflow_execution_signaled_event_attributes.signal_name
            for event in (await subscription.handle.fetch_history()).events
            if event.HasField("workflow_execution_signaled_event_attributes")
        ]
    assert signals == ["payment_news"]
    assert await rows(desk, "refunds") == 0


async def test_what_is_not_ours_is_ignored(desk: Desk, simulator: StripeSimulator) -> None:
    stranger = await desk.stripe.v1.customers.create_async({"email": "eve@example.com"})
    intent = await desk.stripe.v1.payment_intents.create_async(
        {
            "amount": 500,
            "currency": "usd",
            "customer": stranger.id,
            "payment_method": "pm_card_visa",
            "allowed_payment_method_types": ["card"],
            "confirm": True,
        }
    )
    await simulator.control.refund(intent.id, 100)
    await simulator.control.dispute(intent.id)
    told = [event for event in await desk.told() if "refund" in event[0] or "dispute" in event[0]]
    assert len(told) >= 3
    for event_type, object_id in itertools.chain(told, told):
        assert await desk.events.apply(event_type, object_id) is Handling.IGNORED
    assert await accounts(desk) == {}
    assert await tasks(desk) == []
