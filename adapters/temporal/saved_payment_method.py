"""Payment methods that customers saved or lost at the gateway, without a request of ours.

Owns what follows from a SetupIntent's success, from a page on which a customer replaced their
method, and from a detached method. Does not own checkouts (`checkout_completion`) nor what a new
default means for open invoices (`workflows`).
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import transactions
from adapters.db.queries import subscriptions
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.actor import Actor, ActorKind
from billing.ports.gateway import HostedCheckout, PaymentGateway
from billing.subscription import SubscriptionStatus

_REPLACED: Final = "replace_payment_method"


class SavedPaymentMethods:
    """Records methods as the gateway has them; each method returns whether it was a customer's."""

    def __init__(
        self, *, engine: AsyncEngine, gateway: PaymentGateway, signals: SubscriptionSignals
    ) -> None:
        self._transactions = transactions(engine)
        self._gateway = gateway
        self._signals = signals

    async def follow_setup(self, setup_id: str) -> bool:
        """Saves the method of a successful SetupIntent; the default only where there is none."""
        setup = await self._gateway.read_setup(setup_id)
        gateway_customer_id = setup.gateway_customer_id
        if not setup.succeeded or setup.payment_method_id is None or gateway_customer_id is None:
            return False
        method = await self._gateway.read_payment_method(setup.payment_method_id)
        if method.gateway_customer_id != gateway_customer_id:
            return False
        async with self._transactions() as tx:
            customer = await tx.customers.find_by_gateway_id(gateway_customer_id)
            if customer is None:
                return False
            await tx.payment_methods.save(customer.id, method)
            if customer.default_payment_method_id is None:
                await tx.customers.set_default_payment_method(customer.id, method.id)
        await self.tell_of_default(customer.id, method.id)
        return True

    async def follow_replacement(self, hosted: HostedCheckout) -> bool:
        """Makes the method of a completed page the customer's default, once per page.

        So a late repetition does not undo the choice of another default in the meantime. What the
        customer did is in the audit log, which is how a repetition is known (policy P34).
        """
        if hosted.payment_method_id is None or hosted.customer_id is None:
            return False
        method = await self._gateway.read_payment_method(hosted.payment_method_id)
        if method.gateway_customer_id is None:
            return False
        async with self._transactions() as tx:
            customer = await tx.customers.find_by_gateway_id(method.gateway_customer_id)
            if customer is None or customer.id != hosted.customer_id:
                return False
            await tx.payment_methods.save(customer.id, method)
            is_first = await tx.audit.append_first(
                command_id=hosted.id,
                command=_REPLACED,
                subject=customer.id,
                actor=Actor(kind=ActorKind.CUSTOMER, id=customer.id),
                reason=None,
                at=datetime.now(UTC),
            )
            if is_first:
                await tx.customers.set_default_payment_method(customer.id, method.id)
        await self.tell_of_default(customer.id, method.id)
        return True

    async def follow_detachment(self, payment_method_id: str) -> bool:
        """Forgets a method that can no longer be charged, also as a default."""
        method = await self._gateway.read_payment_method(payment_method_id)
        if method.gateway_customer_id is not None:
            return False
        async with self._transactions() as tx:
            return await tx.payment_methods.detach(payment_method_id)

    async def tell_of_default(self, customer_id: str, payment_method_id: str) -> None:
        """Tells the customer's running subscriptions, if the method is their default (policy P19).

        One that is still at its checkout is told by that checkout alone: the news of another
        method would make it forget the authentication that its first payment may wait for.
        """
        async with self._transactions() as tx:
            choice = await tx.customers.default_choice(customer_id)
            if choice is None or choice.payment_method_id != payment_method_id:
                return
            charged = await tx.subscriptions.charged_to(customer_id)
            states = [await subscriptions.state_of(tx.connection, each) for each in charged]
        for state in states:
            if state is None or state.status is SubscriptionStatus.INCOMPLETE:
                continue
            await self._signals.payment_method_changed(state.subscription_id, choice=choice)
