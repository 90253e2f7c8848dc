"""What the billing system needs of its database.

Owns the port: one `Transaction` is one database transaction, with a repository per concern. All
writes are idempotent by the business keys of what they write. Does not own reading for the API,
which queries the database directly (`adapters/db`).
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.actor import Actor
from billing.balance import BalanceMovement
from billing.credit_note import CreditNoteDraft, Settled
from billing.discount import Coupon
from billing.dispute import Dispute
from billing.event import DomainEvent
from billing.invoice import InvoiceDraft, InvoiceRecord
from billing.invoice_item import InvoiceItem
from billing.ledger import JournalEntry
from billing.lineage import Lineage
from billing.locale import DEFAULT_LOCALE
from billing.message import Message
from billing.migration import (
    MigrationCounts,
    MigrationPhase,
    MigrationProgress,
    PriceVersion,
    SkipReason,
)
from billing.migration_account import Candidate, Decision, RecordedMigration
from billing.money import Money
from billing.offer import Offer
from billing.payment import CollectionOutcome
from billing.price import Price
from billing.proration import Debit
from billing.refund import Refund
from billing.replacement import Retirement
from billing.subscription import SubscriptionState, Terms
from billing.task import OperatorTask
from billing.value import Instant, Value


class CustomerRecord(Value):
    """A customer, as activities need it."""

    id: str
    email: str
    name: str | None
    gateway_customer_id: str | None
    default_payment_method_id: str | None
    locale: str = DEFAULT_LOCALE
    segment: str | None = None
    """Which dunning ladder of a product is meant for the customer (policy P18)."""


class PaymentAttempt(Value):
    """One try to collect one invoice: the intent, the gateway's id and what came of it."""

    invoice_id: str
    number: int
    payment_method_id: str
    amount: Money
    started_at: Instant
    """The machine's real time: idempotency keys age in real time."""
    attempted_at: Instant
    """The subscription's time: the card networks' limits count in it."""
    payment_id: str | None = None
    failed_creations: int = 0
    """Creations that the gateway answered with 5xx; each needs a key of its own."""
    failed_confirmations: int = 0
    """Confirmations and cancellations answered with 5xx; each needs a key of its own."""
    outcome: CollectionOutcome | None = None


class OwedInvoice(Value):
    """An invoice that somebody wants to collect, with what has to be known before."""

    invoice: InvoiceRecord
    customer: CustomerRecord
    recorded_revision: int
    """Of its subscription, with the run that recorded it."""
    recorded_lineage: Lineage | None


class EarlierAttempts(Value):
    """What was tried before an attempt is made."""

    of_invoice: tuple[PaymentAttempt, ...]
    """In the order of their numbers."""
    declined: tuple[PaymentAttempt, ...]
    """The customer's over the same amount; latest first. The card networks count those (P19)."""
    last_of_method: PaymentAttempt | None
    """The latest that came to an outcome, whatever it was for."""


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

    async def of(self, terms: Terms) -> Price:
        """What was sold, as it is in the currency of the terms.

        Raises `NotFound` (`price_not_found`).
        """
        ...

    async def version_offered(self, price_id: str, version: int) -> Offer:
        """A version with its product, on sale or not, in every currency that it has.

        Raises `NotFound` (`price_not_found`).
        """
        ...

    async def offer(self, price_id: str, *, now: datetime | None = None) -> Offer:
        """What is on sale under the id at `now`, or really now where that is later.

        In every currency that it has. Raises `InvalidInput` (`price_not_found`, `price_retired`).
        """
        ...

    async def retirements(self, now: datetime) -> tuple[Retirement, ...]:
        """What the catalog that is in force at `now` asks to be moved."""
        ...


class Subscriptions(Protocol):
    """The recorded state of every subscription, and who may have one."""

    async def save(self, state: SubscriptionState) -> int:
        """Stores the state unless a higher revision is stored; returns the highest known.

        What it gives its customer is stored with it, and told as `entitlements.changed`.

        It returns the state's own revision only where that very state is stored: another one of the
        same revision, left by a run before a reset, counts as a higher one.
        """
        ...

    async def recorded(self, subscription_id: str) -> SubscriptionState | None:
        """The stored state, whatever a workflow that was reset remembers."""
        ...

    async def clock_stands_at(self, subscription_id: str) -> datetime | None:
        """Where its customer's test clock has arrived; None for live customers."""
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
        """Numbers and stores the invoice, once per draft id.

        The customer's balance pays what it can; an invoice of which nothing is left to collect is
        paid at once, and a negative one goes to the balance. Both move in this transaction.
        """
        ...

    async def debits(self, subscription_id: str, *, ending_after: datetime) -> tuple[Debit, ...]:
        """The positive lines of paid invoices whose period ends later, with what was given back.

        Without what was charged once: no time of it is unused. Given back by credit lines of
        invoices that are not void and by credit notes. In the order of invoice number and position.
        """
        ...

    async def debits_of(self, invoice_id: str) -> tuple[Debit, ...]:
        """All positive lines of one invoice, with what was given back of each."""
        ...

    async def settled(self, invoice_id: str) -> Settled:
        """How a paid invoice was paid and what of it went back. Locks the invoice.

        Raises `NotFound` (`invoice_not_found`).
        """
        ...

    async def get(self, invoice_id: str) -> InvoiceRecord | None:
        """The invoice, locked until the transaction ends."""
        ...

    async def to_collect(self, invoice_id: str) -> OwedInvoice:
        """The invoice of a subscription, locked until the transaction ends.

        Raises `NotFound` (`invoice_not_found`).
        """
        ...

    async def mark_paid(self, invoice_id: str, *, paid_at: datetime) -> bool:
        """Open to paid; whether it was open."""
        ...

    async def mark_void(self, invoice_id: str, *, voided_at: datetime) -> None:
        """Open to void; what the balance had paid of it goes back there."""
        ...

    async def mark_uncollectible(self, invoice_id: str, *, at: datetime) -> None:
        """Open to uncollectible: a bad debt."""
        ...


class InvoiceItems(Protocol):
    """One-off charges that wait for an invoice. Those of a subscription that ends lapse with it."""

    async def add_invoiced(self, item: InvoiceItem, *, invoice_id: str, at: datetime) -> None:
        """An item that an invoice has from the beginning; once per id."""
        ...

    async def pending(self, subscription_id: str) -> tuple[InvoiceItem, ...]:
        """Those that wait, in the order in which they were added."""
        ...

    async def take(
        self, subscription_id: str, *, invoice_id: str, at: datetime
    ) -> tuple[InvoiceItem, ...]:
        """The pending items, from now on the invoice's; in the order in which they were added.

        Where the invoice is finalised already: those that it took.
        """
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

    async def by_payment(self, payment_id: str) -> PaymentAttempt | None:
        """The attempt that made a payment at the gateway."""
        ...

    async def start_payment(self, attempt: PaymentAttempt) -> bool:
        """Records the gateway's payment of an attempt, where it is still to be made.

        False where the invoice is not open any more, or where somebody else went on with the
        attempt: made another payment of it, or began another request.
        """
        ...

    async def earlier(
        self, invoice: InvoiceRecord, *, payment_method_id: str | None, since: datetime
    ) -> EarlierAttempts:
        """What was tried of the invoice, and what speaks against a method; declines since then."""
        ...


class Balances(Protocol):
    """What customers have in their favour."""

    async def move(self, movement: BalanceMovement) -> None:
        """Once per source key. Raises `BooksBroken` (`balance_negative`)."""
        ...

    async def of(self, customer_id: str, currency: str) -> Money:
        """The balance now; zero where there never was one."""
        ...


class CreditNotes(Protocol):
    """Issued credit notes; their numbers have no gaps."""

    async def issue(self, draft: CreditNoteDraft) -> str:
        """Numbers and stores the note once per id, moves the balance, and returns its number."""
        ...

    async def of_source(self, subscription_id: str, source: str) -> tuple[CreditNoteDraft, ...]:
        """What a cause has led to so far."""
        ...


class Coupons(Protocol):
    """Coupons, and how often they were redeemed."""

    async def redeem(
        self,
        coupon_id: str,
        *,
        subscription_id: str,
        product_ids: Collection[str],
        currency: str,
        at: datetime,
    ) -> Coupon:
        """Takes one redemption of the coupon, once per subscription (policy P3).

        Raises `InvalidInput` (`coupon_not_found`, `coupon_not_applicable`) and `Conflict`
        (`coupon_expired`, `coupon_exhausted`).
        """
        ...

    async def release(self, subscription_id: str) -> None:
        """Gives back what a subscription holds that never went live."""
        ...


class Refunds(Protocol):
    """Refunds and where they stand."""

    async def get(self, refund_id: str) -> Refund | None:
        """One refund, locked until the transaction ends."""
        ...

    async def by_gateway_id(self, gateway_refund_id: str) -> Refund | None:
        """The refund that the gateway knows under its own id, locked."""
        ...

    async def put(self, refund: Refund) -> None:
        """Stores or replaces by id."""
        ...

    async def unfinished(self) -> tuple[str, ...]:
        """Ids of refunds that are pending."""
        ...


class Disputes(Protocol):
    """Disputes of payments of ours."""

    async def get(self, dispute_id: str) -> Dispute | None:
        """One dispute, locked until the transaction ends."""
        ...

    async def put(self, dispute: Dispute) -> None:
        """Stores or replaces by id."""
        ...


class Migrations(Protocol):
    """Moves of running subscriptions to other prices (policy P33)."""

    async def wait_for_others(self) -> None:
        """Until this transaction ends, no other migration begins."""
        ...

    async def create(self, migration: RecordedMigration) -> bool:
        """Once per id; False where it exists."""
        ...

    async def get(self, migration_id: str) -> RecordedMigration | None:
        """One migration."""
        ...

    async def unfinished(self) -> tuple[RecordedMigration, ...]:
        """Those with something left to do."""
        ...

    async def versions_of(self, price_id: str) -> tuple[PriceVersion, ...]:
        """Every version of a price, sold or not."""
        ...

    def candidates(
        self, migration_id: str, sources: Sequence[PriceVersion]
    ) -> AsyncIterator[tuple[Candidate, ...]]:
        """Pages of the subscriptions at these prices that have not ended, in the order of ids."""
        ...

    async def candidates_of(
        self, migration_id: str, subscription_ids: Sequence[str]
    ) -> tuple[Candidate, ...]:
        """These as they are now, whatever their price, in the order of ids."""
        ...

    async def enrol(
        self, migration_id: str, decisions: Sequence[Decision], *, now: datetime
    ) -> None:
        """Remembers what is to become of each, once."""
        ...

    async def next_in(
        self, migration_id: str, state: MigrationProgress, *, after: str, limit: int
    ) -> tuple[str, ...]:
        """Up to so many subscriptions in a state, in the order of ids."""
        ...

    async def settle(
        self,
        migration_id: str,
        subscription_id: str,
        state: MigrationProgress,
        *,
        reason: SkipReason | None,
        now: datetime,
    ) -> None:
        """A subscription that was not told stays; one that is settled keeps what it came to."""
        ...

    async def settle_untold(self, migration_id: str, *, now: datetime) -> None:
        """Nobody else is told: whoever is pending is rolled back."""
        ...

    async def counts(self, migration_id: str) -> MigrationCounts:
        """How many stand where."""
        ...

    async def next_move_at(self, migration_id: str) -> datetime | None:
        """When the first of those who were told renews; None where nobody waits."""
        ...

    async def enter(self, migration_id: str, phase: MigrationPhase, *, now: datetime) -> None:
        """Where it stands from now on; a finished one stays finished."""
        ...


class OperatorTasks(Protocol):
    """What waits for an operator."""

    async def add(self, task: OperatorTask) -> None:
        """Once per key; a task that was closed is not opened again."""
        ...

    async def settle(self, key: str, *, at: datetime) -> None:
        """What it asked for has come about by itself; nothing where no such task is open."""
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


class Entitlements(Protocol):
    """What customers may do. What subscriptions give is stored with their states."""

    async def end_expired_grants(self, *, limit: int) -> int:
        """Tells of up to `limit` grants whose time has passed, once each; returns how many."""
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
    def items(self) -> InvoiceItems:
        """One-off charges."""
        ...

    @property
    def attempts(self) -> PaymentAttempts:
        """Payment attempts."""
        ...

    @property
    def balances(self) -> Balances:
        """Customers' balances."""
        ...

    @property
    def credit_notes(self) -> CreditNotes:
        """Credit notes."""
        ...

    @property
    def coupons(self) -> Coupons:
        """Coupons and their redemptions."""
        ...

    @property
    def refunds(self) -> Refunds:
        """Refunds."""
        ...

    @property
    def disputes(self) -> Disputes:
        """Disputes."""
        ...

    @property
    def migrations(self) -> Migrations:
        """Moves of running subscriptions to other prices."""
        ...

    @property
    def tasks(self) -> OperatorTasks:
        """What waits for an operator."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The journal."""
        ...

    @property
    def entitlements(self) -> Entitlements:
        """What customers may do."""
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
