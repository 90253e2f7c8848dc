"""News of payments: the one way in which webhooks and returning customers bring them.

Owns the step from "something happened to this payment" to "the workflow looks at it": the payment
is read at the gateway, and its workflow is told once per state that it was found in. Does not own
what the state means (`billing.collecting`).
"""

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading
from adapters.db.queries import invoices
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.ports.gateway import GatewayPayment, PaymentGateway


class PaymentNewsDesk:
    """Passes news on; repetitions change nothing."""

    def __init__(
        self, *, engine: AsyncEngine, gateway: PaymentGateway, signals: SubscriptionSignals
    ) -> None:
        self._engine = engine
        self._gateway = gateway
        self._signals = signals

    async def follow(self, payment_id: str) -> GatewayPayment | None:
        """The payment as it is now, its workflow told; None where it pays no invoice of ours.

        An invoice is recorded before a payment is made for it, so one that is not recorded belongs
        to another installation on the same account of the gateway.
        """
        payment = await self._gateway.read_payment(payment_id)
        if payment.invoice_id is None:
            return None
        async with reading(self._engine) as connection:
            invoice = await invoices.get(connection, payment.invoice_id)
        if invoice is None:
            return None
        await self._signals.payment_news(
            invoice.record.subscription_id,
            invoice_id=invoice.record.id,
            fact=f"{payment.id}:{payment.status}",
        )
        return payment
