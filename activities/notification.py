"""Telling customers: once per message key, whatever is retried.

Owns the order intent → delivery → outcome, the page where a customer can pay what a message says is
owed, and the amount of a charge that a message announces. Does not own wording or transport
(`adapters/mail`) nor the page (`api/hosted`).
"""

from collections.abc import Callable
from typing import Final

import structlog
from temporalio import activity

from activities.foreseeing import foreseen
from billing.errors import InvalidInput
from billing.invoice import InvoiceStatus
from billing.message import Message, MessageKind
from billing.money import Money
from billing.ports.post import Post
from billing.ports.storage import UnitOfWork
from billing.ports.tax import NoTaxRates, TaxRates

_log = structlog.get_logger("activities")
_ANNOUNCING: Final = frozenset(
    {MessageKind.TRIAL_WILL_END, MessageKind.CANCELLATION_UNDONE, MessageKind.CHANGE_UNDONE}
)
"""They say what will be charged, not what the plan costs."""
_OWING: Final = frozenset(
    {
        MessageKind.PAYMENT_FAILED,
        MessageKind.SUBSCRIPTION_UNPAID,
        MessageKind.INVOICE_SENT,
        MessageKind.PAYMENT_REMINDER,
    }
)


class Notification:
    """Sends messages to customers."""

    def __init__(
        self,
        *,
        open_transaction: UnitOfWork,
        post: Post,
        taxes: TaxRates | None = None,
        payment_page: Callable[[str], str] | None = None,
    ) -> None:
        """`payment_page` is where an invoice of that id is paid; None where there are no pages."""
        self._open_transaction = open_transaction
        self._post = post
        self._taxes = taxes or NoTaxRates()
        self._payment_page = payment_page

    @activity.defn
    async def notify(self, message: Message) -> None:
        """Delivers the message unless it was delivered before (policy P32).

        A crash between delivery and its record delivers again: mail has no idempotency keys. The
        message's key is its Message-ID, so that mail systems can drop the double.
        """
        if not await self._is_still_true(message):
            return
        if message.kind in _ANNOUNCING:
            message = message.model_copy(update={"amount": await self._announced(message)})
        async with self._open_transaction() as tx:
            if not await tx.messages.begin(message):
                return
            customer = await tx.customers.get(message.customer_id)
        await self._post.deliver(self._with_page(message), to=customer)
        async with self._open_transaction() as tx:
            await tx.messages.sent(message.key)

    async def _is_still_true(self, message: Message) -> bool:
        """Nobody is reminded of what was paid while mail waited to be delivered (policy P22)."""
        if message.kind is not MessageKind.PAYMENT_REMINDER or message.invoice_id is None:
            return True
        async with self._open_transaction() as tx:
            invoice = await tx.invoices.get(message.invoice_id)
        return invoice is not None and invoice.status is InvoiceStatus.OPEN

    async def _announced(self, message: Message) -> Money | None:
        """With discounts, tax and balance; None where nothing will be charged, or nobody knows."""
        try:
            upcoming = await foreseen(self._open_transaction, self._taxes, message.subscription_id)
        except InvalidInput as unknown:
            # The renewal itself will wait for an operator; the customer is told without an amount.
            _log.warning("message.amount_unknown", key=message.key, code=unknown.code)
            return None
        return None if upcoming is None else upcoming.amount_due

    def _with_page(self, message: Message) -> Message:
        """A message about something owed leads to the page where it is paid."""
        if self._payment_page is None or message.invoice_id is None or message.url is not None:
            return message
        if message.kind not in _OWING:
            return message
        return message.model_copy(update={"url": self._payment_page(message.invoice_id)})
