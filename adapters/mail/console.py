"""Messages as log events: which were delivered, never to whom by name or address."""

import structlog

from billing.message import Message
from billing.ports.customers import CustomerRecord


class ConsolePost:
    """`Post` that writes `message.delivered`; the text itself is not logged."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("mail")

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        """Never fails."""
        await self._log.ainfo(
            "message.delivered",
            key=message.key,
            kind=message.kind.value,
            customer_id=to.id,
            subscription_id=message.subscription_id,
        )
