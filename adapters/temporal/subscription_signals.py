"""Telling subscriptions' workflows what the gateway made known, once per fact.

Owns the delivery: the server drops a signal whose request id it has seen in the same run, so that
a fact told by a webhook, by its repetition and by the customer's browser arrives once. That
matters: a repeated "the customer is ready to pay" would charge a declined card again. Does not own
the signals' meaning (`workflows.messages`).
"""

from typing import Final

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.db.repositories.customers import DefaultChoice
from billing.value import Value
from workflows.messages import CheckoutCompleted, PaymentNews, subscription_workflow_id

_CHECKOUT_COMPLETED: Final = "checkout_completed"
_PAYMENT_METHOD_CHANGED: Final = "payment_method_changed"
_PAYMENT_NEWS: Final = "payment_news"


class SubscriptionSignals:
    """Each method returns whether a running workflow was told; False where none runs.

    Raises `temporalio.service.RPCError` where Temporal is out of reach: tell it again.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def checkout_completed(
        self, subscription_id: str, *, checkout_session_id: str, gateway_session_id: str
    ) -> bool:
        """Once per page of the gateway; another page of the same checkout is another fact."""
        return await self._send(
            subscription_id,
            _CHECKOUT_COMPLETED,
            CheckoutCompleted(checkout_session_id=checkout_session_id),
            fact=gateway_session_id,
        )

    async def payment_method_changed(self, subscription_id: str, *, choice: DefaultChoice) -> bool:
        """Once per choice: a method that is chosen, left and chosen again is told twice."""
        fact = f"{choice.payment_method_id}:{choice.number}"
        return await self._send(subscription_id, _PAYMENT_METHOD_CHANGED, None, fact=fact)

    async def payment_news(self, subscription_id: str, *, invoice_id: str, fact: str) -> bool:
        """Once per `fact`: the event, or the return of the customer, that the news came by."""
        return await self._send(
            subscription_id, _PAYMENT_NEWS, PaymentNews(invoice_id=invoice_id), fact=fact
        )

    async def _send(
        self, subscription_id: str, signal: str, message: Value | None, *, fact: str
    ) -> bool:
        arguments = [] if message is None else [message]
        payloads = await self._client.data_converter.encode(arguments)
        request = SignalWorkflowExecutionRequest(
            namespace=self._client.namespace,
            workflow_execution=WorkflowExecution(
                workflow_id=subscription_workflow_id(subscription_id)
            ),
            signal_name=signal,
            input=Payloads(payloads=payloads),
            identity=self._client.identity,
            request_id=f"{signal}:{fact}",
        )
        try:
            await self._client.workflow_service.signal_workflow_execution(request, retry=True)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True
