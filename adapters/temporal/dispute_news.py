"""News of disputes: the one way in which webhooks bring them.

Owns the step from "something happened to this dispute" to "the books and the subscription know":
the dispute is read at the gateway and taken in as it is now. Does not own what it means
(`activities.disputes`, `billing.settlement`).
"""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.disputes import take_in_dispute
from adapters.db.engine import transactions
from adapters.temporal.payment_news import PaymentNewsDesk
from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.dispute import Dispute, DisputeState
from billing.errors import Conflict
from billing.ports.gateway import GatewayDispute, PaymentGateway

_log = structlog.get_logger(__name__)


class DisputeNewsDesk:
    """Takes news in; repetitions change nothing."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        gateway: PaymentGateway,
        payments: PaymentNewsDesk,
        signals: SubscriptionSignals,
        real_now: Callable[[], datetime],
    ) -> None:
        self._transactions = transactions(engine)
        self._gateway = gateway
        self._payments = payments
        self._signals = signals
        self._real_now = real_now

    async def follow(self, dispute_id: str) -> bool:
        """Whether the dispute is of a payment of ours.

        Raises `Conflict`: `payment_unrecorded` where that payment is not recorded yet (its workflow
        is told to look first) and `subscription_not_running` where nobody could be told. Asking
        again later helps.
        """
        news = await self._gateway.read_dispute(dispute_id)
        if news.payment_id is None:
            return _foreign(news)
        try:
            async with self._transactions() as tx:
                attempt = await tx.attempts.by_payment(news.payment_id)
                if attempt is None:
                    return _foreign(news)
                dispute = await take_in_dispute(tx, attempt, news, real_now=self._real_now())
        except Conflict:
            await self._payments.follow(news.payment_id)
            raise
        if dispute is not None:
            await self._tell(dispute)
        return True

    async def _tell(self, dispute: Dispute) -> None:
        """The subscription hears of it; one whose workflow is missing hears of it once it is back.

        One that is over has nothing to hear. An inquiry changes nothing for a subscription.
        """
        if dispute.state is DisputeState.INQUIRY:
            return
        is_told = await self._signals.dispute_news(
            dispute.subscription_id,
            dispute_id=dispute.id,
            state=dispute.state,
            invoice_id=dispute.invoice_id,
        )
        if is_told:
            return
        async with self._transactions() as tx:
            state = await tx.subscriptions.recorded(dispute.subscription_id)
        if state is not None and not state.is_closed:
            raise Conflict(
                "subscription_not_running", f"{dispute.subscription_id} could not be told"
            )


def _foreign(news: GatewayDispute) -> bool:
    _log.info("dispute.foreign", dispute_id=news.id)
    return False
