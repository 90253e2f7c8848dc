"""An invoice as the one who is to pay it sees it.

Owns the reading of an invoice with everything that its page says of it, and the stage that paying
it has reached. Does not own the page (`invoice_page`) nor what paying does (`workflows`).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from adapters.db.engine import snapshot
from adapters.db.queries import customers, invoices, subscriptions
from adapters.db.queries.customers import Customer, SavedPaymentMethod
from adapters.db.queries.invoices import Invoice
from adapters.locale_format import LocaleFormat
from api.dependencies import Dependencies
from api.present import present_on
from billing.decline import DeclineKind
from billing.invoice import InvoiceStatus
from billing.money import Money
from billing.payment import Declined
from billing.subscription import (
    CommandName,
    OpenInvoice,
    SubscriptionState,
    SubscriptionStatus,
)


class Stage(StrEnum):
    """Everything that an invoice's page can be about."""

    PAID = "paid"
    NOT_OWED = "not_owed"
    """Voided, or about to be."""
    WRITTEN_OFF = "written_off"
    """Still owed, and no longer collected."""
    CHANGE_NOT_PAID = "change_not_paid"
    """It was to pay for a change, which was dropped when its payment was refused."""
    PROCESSING = "processing"
    CONFIRM = "confirm"
    WORKING = "working"
    OWED = "owed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """One invoice, its subscription, and what would be charged."""

    invoice: Invoice
    customer: Customer
    state: SubscriptionState
    method: SavedPaymentMethod | None
    """The default, where its details are known."""
    now: datetime
    """The customer's present."""

    @property
    def written(self) -> LocaleFormat:
        """How the customer reads amounts and days."""
        return LocaleFormat(self.customer.locale)

    @property
    def opened(self) -> OpenInvoice | None:
        """Where collecting it stands; None once it is over."""
        return self.state.open_invoice(self.invoice.record.id)

    @property
    def stage(self) -> Stage:
        """What there is to say about it."""
        match self.invoice.record.status:
            case InvoiceStatus.PAID:
                return Stage.PAID
            case InvoiceStatus.VOID:
                record = self.invoice.record
                was_to_be_paid_first = record.change_id is not None and record.net_days is None
                return Stage.CHANGE_NOT_PAID if was_to_be_paid_first else Stage.NOT_OWED
            case InvoiceStatus.UNCOLLECTIBLE:
                return Stage.WRITTEN_OFF
            case InvoiceStatus.OPEN:
                return self._open_stage()

    @property
    def last_decline(self) -> str | None:
        """Why the last attempt was refused, as a code."""
        if self.opened is not None:
            return self.opened.last_decline
        outcomes = [attempt.outcome for attempt in self.invoice.attempts]
        last = outcomes[-1] if outcomes else None
        return last.decline.reason if isinstance(last, Declined) else None

    @property
    def card_is_useless(self) -> bool:
        """Whether the card will not be tried again: only another one helps (policy P19)."""
        return self.opened is not None and self.opened.decline_kind is DeclineKind.HARD

    @property
    def has_method(self) -> bool:
        """Whether there is anything to charge."""
        return self.customer.default_payment_method_id is not None

    @property
    def is_chargeable(self) -> bool:
        """Whether a card can pay what is left; a transfer may have left too little (policy P5)."""
        return self.opened is None or self.opened.is_chargeable

    @property
    def last_tried(self) -> Money:
        """What the last attempt was over; a transfer may have paid a part of it since."""
        record, attempts = self.invoice.record, self.invoice.attempts
        return attempts[-1].amount if attempts else record.total - record.from_balance

    @property
    def may_be_paid_now(self) -> bool:
        """Whether a customer who asks for it is charged at once."""
        return (
            self.stage is Stage.OWED
            and self.has_method
            and self.is_chargeable
            and CommandName.PAY_NOW in self.state.legal_commands
        )

    @property
    def is_first_payment(self) -> bool:
        """Whether the subscription has not begun: its checkout takes the payment."""
        return self.state.status is SubscriptionStatus.INCOMPLETE

    def _open_stage(self) -> Stage:
        opened = self.opened
        if opened is None:
            return Stage.NOT_OWED if self.state.has_ended else Stage.WORKING
        if opened.in_processing:
            return Stage.PROCESSING
        if opened.is_bad_debt:
            return Stage.WRITTEN_OFF
        if opened.given_up or (self.state.has_ended and not opened.stays_owed):
            return Stage.NOT_OWED
        if opened.action_url is not None:
            return Stage.CONFIRM
        attempts = self.invoice.attempts
        is_under_way = bool(attempts) and attempts[-1].outcome is None
        return Stage.WORKING if is_under_way else Stage.OWED


async def read_payable(deps: Dependencies, invoice_id: str) -> Payable | None:
    """The invoice; None where there is none, or its customer is gone.

    Raises `Conflict` (`test_clock_advancing`).
    """
    async with snapshot(deps.engine) as connection:
        invoice = await invoices.get(connection, invoice_id)
        if invoice is None:
            return None
        state = await subscriptions.state_of(connection, invoice.record.subscription_id)
        customer = await customers.get(connection, invoice.record.customer_id)
        if state is None or customer is None:
            return None
        method = None
        if customer.default_payment_method_id is not None:
            method = await customers.payment_method(connection, customer.default_payment_method_id)
        present = await present_on(connection, customer.test_clock_id)
    return Payable(invoice=invoice, customer=customer, state=state, method=method, now=present.now)
