"""Telling customers: once per message key, whatever is retried.

Owns the order intent → delivery → outcome. Does not own wording or transport (`adapters/mail`).
"""

from temporalio import activity

from billing.message import Message
from billing.ports.post import Post
from billing.ports.storage import UnitOfWork


class Notification:
    """Sends messages to customers."""

    def __init__(self, *, open_transaction: UnitOfWork, post: Post) -> None:
        self._open_transaction = open_transaction
        self._post = post

    @activity.defn
    async def notify(self, message: Message) -> None:
        """Delivers the message unless it was delivered before (policy P32).

        A crash between delivery and its record delivers again: mail has no idempotency keys. The
        message's key is its Message-ID, so that mail systems can drop the double.
        """
        async with self._open_transaction() as tx:
            if not await tx.messages.begin(message):
                return
            customer = await tx.customers.get(message.customer_id)
        await self._post.deliver(message, to=customer)
        async with self._open_transaction() as tx:
            await tx.messages.sent(message.key)
