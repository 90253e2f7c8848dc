"""News of payments: the one way in which webhooks and returning customers bring them.

Owns the step from "something happened to this payment" to "the workflow looks at it": a workflow is
told once per state that its payment was found in, and of nothing that it knows or is about to
record itself. Does not own what the state means (`billing.collecting`).
"""

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading
from adapters.db.queries import invoices
from adapters.db.repositories.payment_attempts import SqlPaymentAttempts
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.collecting import is_news, may_change
from billing.ports.books import PaymentAttempt
from billing.ports.gateway import PaymentGateway


class PaymentNewsDesk:
    """Passes news on; repetitions change nothing."""

    def __init__(
        self, *, engine: AsyncEngine, gateway: PaymentGateway, signals: SubscriptionSignals
    ) -> None:
        self._engine = engine
        self._gateway = gateway
        self._signals = signals

    async def follow(self, payment_id: str) -> bool:
        """Whether the payment is for an invoice of ours; its workflow is told what is new to it.

        Most news is of our own charges and nothing new: the success of a renewal comes back while
        it is being recorded. A signal then would cost the workflow four events and change nothing.
        None is lost by that (`billing.collecting.is_news`): the attempt is read here after the
        event, and where its outcome is recorded later, the payment is read after that.

        An invoice is recorded before a payment is made for it, so one that is not recorded belongs
        to another installation on the same account of the gateway.
        """
        async with reading(self._engine) as connection:
            attempt = await SqlPaymentAttempts(connection).by_payment(payment_id)
        if attempt is not None and not may_change(attempt.outcome):
            return True
        return await self._read(payment_id, attempt)

    async def _read(self, payment_id: str, attempt: PaymentAttempt | None) -> bool:
        payment = await self._gateway.read_payment(payment_id)
        if attempt is not None and not is_news(attempt.outcome, payment.status):
            return True
        if payment.invoice_id is None:
            return False
        async with reading(self._engine) as connection:
            invoice = await invoices.get(connection, payment.invoice_id)
        if invoice is None:
            return False
        await self._signals.payment_news(
            invoice.record.subscription_id,
            invoice_id=invoice.record.id,
            fact=f"{payment.id}:{payment.status}",
        )
        return True
