"""What the billing system needs of its database.

Owns the port: one `Transaction` is one database transaction, with a repository per concern. All
writes are idempotent by the business keys of what they write. Does not own reading for the API,
which queries the database directly (`adapters/db`).
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.actor import Actor
from billing.catalog import Price
from billing.event import DomainEvent
from billing.invoice import InvoiceDraft, InvoiceStatus
from billing.ledger import JournalEntry
from billing.message import Message
from billing.money import Money
from billing.payment import CollectionOutcome
from billing.period import Period
from billing.subscription import SubscriptionState
from billing.value import Instant, Value


class CustomerRecord(Value):
    """A customer, as activities need it."""

    id: str
    email: str
    name: str | None
    gateway_customer_id: str | None
    default_payment_method_id: str | None


class InvoiceRecord(Value):
    """A finalised invoice and what was paid on it."""

    id: str
    number: str
    status: InvoiceStatus
    customer_id: str
    subscription_id: str
    total: Money
    paid: Money
    period: Period
    due_at: Instant

    @property
    def amount_due(self) -> Money:
        """What is still to be collected; zero once paid or void."""
        if self.status is not InvoiceStatus.OPEN:
            return Money.zero(self.total.currency)
        return self.total - self.paid


class PaymentAttempt(Value):
    """One try to collect one invoice: the intent, the gateway's id and what came of it."""

    invoice_id: str
    number: int
    payment_method_id: str
    amount: Money
    started_at: Instant
    """The machine's real time: idempotency keys age in real time."""
    payment_id: str | None = None
    failed_creations: int = 0
    """Creations that the gateway answered with 5xx; each needs a key of its own."""
    failed_confirmations: int = 0
    """Confirmations and cancellations answered with 5xx; each needs a key of its own."""
    outcome: CollectionOutcome | None = None


class Claim(StrEnum):
    """Whether a subscription may go live for its customer and product family."""

    GRANTED = "granted"
    FAMILY_TAKEN = "family_taken"
    TRIAL_USED = "trial_used"


class Customers(Protocol):
    """Customers and their saved payment methods."""

    async def get(self, customer_id: str) -> CustomerRecord:
        """Raises `NotFound` (`customer_not_found`)."""
        ...

    async def set_default_payment_method(self, customer_id: str, payment_method_id: str) -> None:
        """What later charges use."""
        ...


class Prices(Protocol):
    """Immutable price versions."""

    async def get(self, price_id: str, version: int) -> Price:
        """Raises `NotFound` (`price_not_found`)."""
        ...


class Subscriptions(Protocol):
    """The recorded state of every subscription, and who may have one."""

    async def save(self, state: SubscriptionState) -> int:
        """Stores the state unless a higher revision is stored; returns the highest known.

        It returns the state's own revision only where that very state is stored: another one of the
        same revision, left by a run before a reset, counts as a higher one.
        """
        ...

    async def recorded(self, subscription_id: str) -> SubscriptionState | None:
        """The stored state, whatever a workflow that was reset remembers."""
        ...

    async def claim(self, state: SubscriptionState, *, with_trial: bool) -> Claim:
        """Takes the one live place per customer and family, and the one trial (policy P10, P16).

        A subscription that holds its claim already is granted it again.
        """
        ...

    async def release(self, subscription_id: str) -> None:
        """Gives the live place back; a used trial stays used."""
        ...


class Invoices(Protocol):
    """Finalised invoices; their numbers have no gaps (policy P29)."""

    async def finalize(self, draft: InvoiceDraft) -> InvoiceRecord:
        """Numbers and stores the invoice, paid at once where it is zero; once per draft id."""
        ...

    async def get(self, invoice_id: str) -> InvoiceRecord | None:
        """The invoice, locked until the transaction ends."""
        ...

    async def mark_paid(self, invoice_id: str, *, paid_at: datetime) -> None:
        """Open to paid."""
        ...

    async def mark_void(self, invoice_id: str, *, voided_at: datetime) -> None:
        """Open to void."""
        ...


class PaymentAttempts(Protocol):
    """Every try to collect, kept for ever."""

    async def get(self, invoice_id: str, number: int) -> PaymentAttempt | None:
        """One attempt."""
        ...

    async def unfinished(self, invoice_id: str) -> tuple[PaymentAttempt, ...]:
        """Attempts that might still take money, oldest first."""
        ...

    async def put(self, attempt: PaymentAttempt) -> None:
        """Stores or replaces by invoice and number; an outcome that is final never changes."""
        ...


class Ledger(Protocol):
    """The journal."""

    async def post(self, entry: JournalEntry) -> None:
        """Once per source key."""
        ...


class Events(Protocol):
    """The outbox of domain events."""

    async def append(self, *events: DomainEvent) -> None:
        """Each once per key."""
        ...


class MessageLog(Protocol):
    """Which messages were sent."""

    async def begin(self, message: Message) -> bool:
        """Records the intent to send; False where it was sent already."""
        ...

    async def sent(self, key: str) -> None:
        """Records the delivery."""
        ...


class AuditLog(Protocol):
    """Who did what, and why; append-only (policy P34)."""

    async def append(
        self,
        *,
        command_id: str,
        command: str,
        subject: str,
        actor: Actor,
        reason: str | None,
        at: datetime,
    ) -> None:
        """Once per command id."""
        ...


class Transaction(Protocol):
    """One database transaction; committed when its block ends without an exception."""

    @property
    def customers(self) -> Customers:
        """Customers and their payment methods."""
        ...

    @property
    def prices(self) -> Prices:
        """Price versions."""
        ...

    @property
    def subscriptions(self) -> Subscriptions:
        """Subscriptions and their claims."""
        ...

    @property
    def invoices(self) -> Invoices:
        """Finalised invoices."""
        ...

    @property
    def attempts(self) -> PaymentAttempts:
        """Payment attempts."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The journal."""
        ...

    @property
    def events(self) -> Events:
        """The outbox of domain events."""
        ...

    @property
    def messages(self) -> MessageLog:
        """The log of messages."""
        ...

    @property
    def audit(self) -> AuditLog:
        """The audit log."""
        ...


UnitOfWork = Callable[[], AbstractAsyncContextManager[Transaction]]
"""Opens a transaction."""
