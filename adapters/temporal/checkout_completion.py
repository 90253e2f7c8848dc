"""When a checkout is complete: the one answer for webhooks and for the customer's return.

Owns the steps from "the gateway says that the page is complete" to "the workflow knows": save the
payment method, make it the customer's default, mark our session, tell the workflow. Done any number
of times, from either side and in any order, they come to the same. A page that replaces a method
has no session and tells every subscription (`saved_payment_method`). Does not own what a completed
checkout means for the subscription (`workflows`).
"""

from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import transactions
from adapters.temporal.saved_payment_method import SavedPaymentMethods
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.errors import Conflict, GatewayRefused
from billing.ports.gateway import HostedCheckout, PaymentGateway


class CheckoutProgress(StrEnum):
    """How far the customer got on the gateway's page."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    """Another page took this one's place: what becomes of it changes nothing any more."""
    FOREIGN = "foreign"
    """Not a page of ours: the gateway's account is used by others as well."""


class CheckoutCompletion:
    """Completes checkouts; repetitions change nothing."""

    def __init__(
        self, *, engine: AsyncEngine, gateway: PaymentGateway, signals: SubscriptionSignals
    ) -> None:
        self._transactions = transactions(engine)
        self._gateway = gateway
        self._signals = signals
        self._methods = SavedPaymentMethods(engine=engine, gateway=gateway, signals=signals)

    async def follow(self, gateway_session_id: str) -> CheckoutProgress:
        """Reads the page at the gateway and does what follows from its present state.

        Raises `Conflict` (`checkout_session_unrecorded`) for a page whose making is not recorded
        yet, and what the gateway and Temporal raise when out of reach.
        """
        hosted = await self._gateway.read_checkout(gateway_session_id)
        if hosted.checkout_session_id is None:
            return await self._replacement(hosted)
        if hosted.is_complete:
            return await self._complete(hosted, hosted.checkout_session_id)
        if hosted.url is not None:
            return CheckoutProgress.OPEN
        async with self._transactions() as tx:
            await tx.checkout_sessions.mark_expired(gateway_session_id)
        return CheckoutProgress.EXPIRED

    async def _replacement(self, hosted: HostedCheckout) -> CheckoutProgress:
        if hosted.customer_id is None:
            return CheckoutProgress.FOREIGN
        if not hosted.is_complete:
            return CheckoutProgress.EXPIRED if hosted.url is None else CheckoutProgress.OPEN
        is_ours = await self._methods.follow_replacement(hosted)
        return CheckoutProgress.COMPLETE if is_ours else CheckoutProgress.FOREIGN

    async def _complete(self, hosted: HostedCheckout, checkout_session_id: str) -> CheckoutProgress:
        """The default changes in the transaction that completes the session, and only there.

        So a late repetition does not undo the choice of another default in the meantime.
        """
        if hosted.payment_method_id is None:
            raise GatewayRefused(
                "checkout_without_payment_method",
                "the gateway completed a checkout without a payment method",
                checkout_session_id=checkout_session_id,
            )
        method = await self._gateway.read_payment_method(hosted.payment_method_id)
        is_attached = method.gateway_customer_id is not None
        async with self._transactions() as tx:
            session = await tx.checkout_sessions.get_for_update(checkout_session_id)
            if session is None:
                return CheckoutProgress.FOREIGN
            if session.stripe_session_id is None:
                raise Conflict(
                    "checkout_session_unrecorded", "the page is not recorded yet: try again"
                )
            if session.stripe_session_id != hosted.id:
                return CheckoutProgress.SUPERSEDED
            if await tx.checkout_sessions.mark_complete(checkout_session_id) and is_attached:
                await tx.payment_methods.save(session.customer_id, method)
                await tx.customers.set_default_payment_method(session.customer_id, method.id)
        await self._signals.checkout_completed(
            session.subscription_id,
            checkout_session_id=checkout_session_id,
            gateway_session_id=hosted.id,
        )
        await self._methods.tell_of_default(session.customer_id, method.id)
        return CheckoutProgress.COMPLETE
