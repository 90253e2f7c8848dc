"""News of refunds: the one way in which webhooks bring them.

Owns the step from "something happened to this refund" to "the books and its workflow know": the
refund is read at the gateway and taken in as it is now. Does not own what it means
(`activities.external_refund`).
"""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.external_refund import take_in_refund
from adapters.db.engine import transactions
from adapters.temporal.payment_news import PaymentNewsDesk
from adapters.temporal.refund_signals import RefundSignals
from billing.errors import Conflict
from billing.ports.gateway import GatewayRefund, PaymentGateway
from billing.refund import Refund

_log = structlog.get_logger(__name__)


class RefundNewsDesk:
    """Takes news in; repetitions change nothing."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        gateway: PaymentGateway,
        payments: PaymentNewsDesk,
        signals: RefundSignals,
        real_now: Callable[[], datetime],
    ) -> None:
        self._transactions = transactions(engine)
        self._gateway = gateway
        self._payments = payments
        self._signals = signals
        self._real_now = real_now

    async def follow(self, gateway_refund_id: str) -> bool:
        """Whether the refund is of a payment of ours.

        Raises `Conflict` (`payment_unrecorded`) where that payment is not recorded yet; its
        workflow is told to look first, so that asking again later helps.
        """
        return await self._take_in(await self._gateway.read_refund(gateway_refund_id))

    async def follow_charge(self, charge_id: str) -> bool:
        """Whether any refund of the charge is of a payment of ours. Raises as `follow`."""
        found = await self._gateway.refunds_of_charge(charge_id)
        return any([await self._take_in(news) for news in found])

    async def _take_in(self, news: GatewayRefund) -> bool:
        if news.payment_id is None:
            return _foreign(news)
        try:
            async with self._transactions() as tx:
                attempt = await tx.attempts.by_payment(news.payment_id)
                if attempt is None:
                    return _foreign(news)
                refund = await take_in_refund(tx, attempt, news, real_now=self._real_now())
        except Conflict:
            await self._payments.follow(news.payment_id)
            raise
        await self._tell(refund, news)
        return True

    async def _tell(self, refund: Refund | None, news: GatewayRefund) -> None:
        if refund is None:
            _log.error("refund.unknown", gateway_refund_id=news.id, payment_id=news.payment_id)
            return
        await self._signals.refund_news(refund.id, fact=f"{news.id}:{news.status}")


def _foreign(news: GatewayRefund) -> bool:
    _log.info("refund.foreign", gateway_refund_id=news.id)
    return False
