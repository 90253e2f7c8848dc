"""Telling customers: once per message key, whatever is retried.

Owns the order intent → delivery → outcome, and the page where a customer can pay what a message
says is owed. Does not own wording or transport (`adapters/mail`) nor the page (`api/hosted`).
"""

from collections.abc import Callable
from typing import Final

from temporalio import activity

from billing.message import Message, MessageKind
from billing.ports.post import Post
from billing.ports.storage import UnitOfWork

_OWING: Final = frozenset({MessageKind.PAYMENT_FAILED, MessageKind.SUBSCRIPTION_UNPAID})


class Notification:
    """Sends messages to customers."""

    def __init__(
        self,
        *,
        open_transaction: UnitOfWork,
        post: Post,
        payment_page: Callable[[str], str] | None = None,
    ) -> None:
        """`payment_page` is where an invoice of that id is paid; None where there are no pages."""
        self._open_transaction = open_transaction
        self._post = post
        self._payment_page = payment_page

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
        await self._post.deliver(self._with_page(message), to=customer)
        async with self._open_transaction() as tx:
            await tx.messages.sent(message.key)

    def _with_page(self, message: Message) -> Message:
        """A message about something owed leads to the page where it is paid."""
        if self._payment_page is None or message.invoice_id is None or message.url is not None:
            return message
        if message.kind not in _OWING:
            return message
        return message.model_copy(update={"url": self._payment_page(message.invoice_id)})
