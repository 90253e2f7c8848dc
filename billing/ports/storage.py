"""What the billing system needs of its database.

Owns the port: one `Transaction` is one database transaction, with a repository per concern. All
writes are idempotent by the business keys of what they write. Does not own the repositories of
customers (`billing.ports.customers`), of documents and money (`billing.ports.books`) nor reading
for the API, which queries the database directly (`adapters/db`).
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.actor import Actor
from billing.discount import Coupon
from billing.event import DomainEvent
from billing.message import Message
from billing.migration import (
    MigrationCounts,
    MigrationPhase,
    MigrationProgress,
    PriceVersion,
    SkipReason,
)
from billing.migration_account import Candidate, Decision, RecordedMigration
from billing.offer import Offer
from billing.ports.books import (
    Balances,
    CreditNotes,
    Disputes,
    InvoiceItems,
    Invoices,
    Ledger,
    PaymentAttempts,
    ReceivedPayments,
    Refunds,
)
from billing.ports.customers import Customers
from billing.price import Price
from billing.replacement import Retirement
from billing.subscription import SubscriptionState, Terms
from billing.task import OperatorTask


class Claim(StrEnum):
    """Whether a subscription may go live for its customer and product family."""

    GRANTED = "granted"
    FAMILY_TAKEN = "family_taken"
    TRIAL_USED = "trial_used"


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

        A subscription that holds its claim already is granted it again; a purchase needs none.
        """
        ...

    async def release(self, subscription_id: str) -> None:
        """Gives the live place back; a used trial stays used."""
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
    def received(self) -> ReceivedPayments:
        """Payments that came outside the gateway."""
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
