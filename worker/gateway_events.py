"""What each kind of event from the gateway leads to.

Owns the choice. An event is a hint that something happened to an object, never a source of facts:
whoever is chosen reads the object again. So any order and any number of events comes to the same.
Does not own when events are processed (`worker.inbox`) nor what is done (`adapters.temporal`).
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.temporal.checkout_completion import CheckoutCompletion, CheckoutProgress
from adapters.temporal.dispute_news import DisputeNewsDesk
from adapters.temporal.payment_news import PaymentNewsDesk
from adapters.temporal.refund_news import RefundNewsDesk
from adapters.temporal.refund_signals import RefundSignals
from adapters.temporal.saved_payment_method import SavedPaymentMethods
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.ports.gateway import PaymentGateway


class Handling(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    IGNORED = "ignored"
    """Of a kind that nothing follows from, or about something that is not ours."""


class GatewayEvents:
    """Applies events by their type and the id of the object that they are about."""

    def __init__(self, *, engine: AsyncEngine, gateway: PaymentGateway, temporal: Client) -> None:
        signals = SubscriptionSignals(temporal)
        self._checkouts = CheckoutCompletion(engine=engine, gateway=gateway, signals=signals)
        self._payments = PaymentNewsDesk(engine=engine, gateway=gateway, signals=signals)
        self._methods = SavedPaymentMethods(engine=engine, gateway=gateway, signals=signals)
        refunds = RefundNewsDesk(
            engine=engine,
            gateway=gateway,
            payments=self._payments,
            signals=RefundSignals(temporal),
            real_now=_machine_now,
        )
        disputes = DisputeNewsDesk(
            engine=engine,
            gateway=gateway,
            payments=self._payments,
            signals=signals,
            real_now=_machine_now,
        )
        self._kinds: Final[Mapping[str, Callable[[str], Awaitable[bool]]]] = {
            "checkout.session.completed": self._checkout,
            "checkout.session.expired": self._checkout,
            "setup_intent.succeeded": self._methods.follow_setup,
            "payment_intent.succeeded": self._payment,
            "payment_intent.payment_failed": self._payment,
            "payment_intent.processing": self._payment,
            "payment_intent.canceled": self._payment,
            "payment_intent.requires_action": self._payment,
            "payment_method.detached": self._methods.follow_detachment,
            "refund.created": refunds.follow,
            "refund.updated": refunds.follow,
            "refund.failed": refunds.follow,
            "charge.refunded": refunds.follow_charge,
            "charge.dispute.created": disputes.follow,
            "charge.dispute.updated": disputes.follow,
            "charge.dispute.funds_withdrawn": disputes.follow,
            "charge.dispute.funds_reinstated": disputes.follow,
            "charge.dispute.closed": disputes.follow,
        }

    async def apply(self, event_type: str, object_id: str | None) -> Handling:
        """Does what follows; raises what the gateway, the database and Temporal raise."""
        follow = self._kinds.get(event_type)
        if follow is None or object_id is None:
            return Handling.IGNORED
        return Handling.APPLIED if await follow(object_id) else Handling.IGNORED

    async def _checkout(self, gateway_session_id: str) -> bool:
        progress = await self._checkouts.follow(gateway_session_id)
        return progress not in (CheckoutProgress.FOREIGN, CheckoutProgress.SUPERSEDED)

    async def _payment(self, payment_id: str) -> bool:
        return await self._payments.follow(payment_id)


def _machine_now() -> datetime:
    return datetime.now(UTC)
