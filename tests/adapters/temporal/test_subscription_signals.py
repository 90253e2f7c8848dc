"""Signals to subscriptions: each fact is told once, by the real server's own account."""

import uuid
from collections.abc import AsyncIterator

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.db.repositories.customers import DefaultChoice
from adapters.temporal.subscription_signals import SubscriptionSignals
from workflows.messages import (
    SUBSCRIPTION_WORKFLOW,
    CheckoutCompleted,
    PaymentNews,
    subscription_workflow_id,
)


@workflow.defn(name=SUBSCRIPTION_WORKFLOW)
class _Listener:
    """Stands in a subscription's place and remembers what it was told."""

    def __init__(self) -> None:
        self._heard: list[str] = []

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: "over" in self._heard)

    @workflow.signal
    def checkout_completed(self, told: CheckoutCompleted) -> None:
        self._heard.append(f"checkout {told.checkout_session_id}")

    @workflow.signal
    def payment_method_changed(self) -> None:
        self._heard.append("method")

    @workflow.signal
    def payment_news(self, told: PaymentNews) -> None:
        self._heard.append(f"payment {told.invoice_id}")

    @workflow.signal
    def finish(self) -> None:
        self._heard.append("over")

    @workflow.query
    def heard(self) -> list[str]:
        return self._heard


@pytest.fixture
async def listener(temporal_client: Client) -> AsyncIterator[WorkflowHandle[_Listener, None]]:
    task_queue = f"listeners-{uuid.uuid4().hex}"
    async with Worker(
        temporal_client,
        task_queue=task_queue,
        workflows=[_Listener],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handle = await temporal_client.start_workflow(
            _Listener.run,
            id=subscription_workflow_id(f"sub_{uuid.uuid4().hex}"),
            task_queue=task_queue,
        )
        yield handle
        await handle.terminate()


def _subscription_id(handle: WorkflowHandle[_Listener, None]) -> str:
    return handle.id.partition("/")[2]


def _choice(number: int, payment_method_id: str = "pm_1") -> DefaultChoice:
    return DefaultChoice(payment_method_id=payment_method_id, number=number)


async def test_a_repeated_fact_arrives_once(
    temporal_client: Client, listener: WorkflowHandle[_Listener, None]
) -> None:
    signals = SubscriptionSignals(temporal_client)
    subscription_id = _subscription_id(listener)
    for _ in range(3):
        assert await signals.checkout_completed(
            subscription_id, checkout_session_id="cs_1", gateway_session_id="cs_test_1"
        )
        assert await signals.payment_method_changed(subscription_id, choice=_choice(1))
        assert await signals.payment_news(subscription_id, invoice_id="in_1", fact="evt_1")
    assert await listener.query(_Listener.heard) == ["checkout cs_1", "method", "payment in_1"]


async def test_another_fact_arrives_as_well(
    temporal_client: Client, listener: WorkflowHandle[_Listener, None]
) -> None:
    signals = SubscriptionSignals(temporal_client)
    subscription_id = _subscription_id(listener)
    for page in ("cs_test_1", "cs_test_2"):
        await signals.checkout_completed(
            subscription_id, checkout_session_id="cs_1", gateway_session_id=page
        )
    for fact in ("evt_1", "evt_2"):
        await signals.payment_news(subscription_id, invoice_id="in_1", fact=fact)
    assert await listener.query(_Listener.heard) == ["checkout cs_1"] * 2 + ["payment in_1"] * 2


async def test_a_default_that_is_left_and_chosen_again_is_told_again(
    temporal_client: Client, listener: WorkflowHandle[_Listener, None]
) -> None:
    signals = SubscriptionSignals(temporal_client)
    subscription_id = _subscription_id(listener)
    for choice in (_choice(1), _choice(2, "pm_2"), _choice(3), _choice(3)):
        await signals.payment_method_changed(subscription_id, choice=choice)
    assert await listener.query(_Listener.heard) == ["method"] * 3


async def test_nobody_is_told_where_no_workflow_runs(temporal_client: Client) -> None:
    signals = SubscriptionSignals(temporal_client)
    assert not await signals.payment_news("sub_unknown", invoice_id="in_1", fact="evt_1")
