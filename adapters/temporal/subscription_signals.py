"""Telling subscriptions' workflows what the gateway made known, once per fact.

Owns which facts are one. That matters: a repeated "the customer is ready to pay" would charge a
declined card again. Does not own the delivery (`adapters.temporal.signal_once`) nor the signals'
meaning (`workflows.messages`).
"""

from typing import Final

from temporalio.client import Client

from adapters.db.repositories.customers import DefaultChoice
from adapters.temporal.signal_once import signal_once
from billing.dispute import DisputeState
from billing.parent import ParentEnd
from billing.value import Value
from workflows.messages import (
    AddonStarted,
    CheckoutCompleted,
    DisputeNews,
    ParentNews,
    PaymentNews,
    subscription_workflow_id,
)

_CHECKOUT_COMPLETED: Final = "checkout_completed"
_PAYMENT_METHOD_CHANGED: Final = "payment_method_changed"
_PAYMENT_NEWS: Final = "payment_news"
_DISPUTE_NEWS: Final = "dispute_news"
_ADDON_STARTED: Final = "addon_started"
_PARENT_NEWS: Final = "parent_news"


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

    async def net_terms_granted(self, subscription_id: str, *, fact: str) -> bool:
        """To what rests until it can be billed: from now on it can, as with a new method."""
        return await self._send(subscription_id, _PAYMENT_METHOD_CHANGED, None, fact=fact)

    async def payment_news(self, subscription_id: str, *, invoice_id: str, fact: str) -> bool:
        """Once per `fact`: the event, or the return of the customer, that the news came by."""
        return await self._send(
            subscription_id, _PAYMENT_NEWS, PaymentNews(invoice_id=invoice_id), fact=fact
        )

    async def dispute_news(
        self, subscription_id: str, *, dispute_id: str, state: DisputeState, invoice_id: str
    ) -> bool:
        """Once per state that a dispute reached."""
        return await self._send(
            subscription_id,
            _DISPUTE_NEWS,
            DisputeNews(dispute_id=dispute_id, state=state, invoice_id=invoice_id),
            fact=f"{dispute_id}:{state}",
        )

    async def addon_started(self, subscription_id: str, *, addon_id: str) -> bool:
        """Once per add-on."""
        message = AddonStarted(subscription_id=addon_id)
        return await self._send(subscription_id, _ADDON_STARTED, message, fact=addon_id)

    async def parent_news(self, subscription_id: str, end: ParentEnd | None, *, fact: str) -> bool:
        """Implements `billing.ports.addons.AddonNews`."""
        return await self._send(subscription_id, _PARENT_NEWS, ParentNews(end=end), fact=fact)

    async def _send(
        self, subscription_id: str, signal: str, message: Value | None, *, fact: str
    ) -> bool:
        workflow_id = subscription_workflow_id(subscription_id)
        return await signal_once(self._client, workflow_id, signal, message, fact=fact)
