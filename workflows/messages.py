"""Everything that is said to and by a subscription's workflow.

Owns the contract of its start, signals, updates and query, and the workflow's id. Callers need
nothing else of this package, and nothing of the workflow's code is loaded with it.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Self

from pydantic import StringConstraints

from billing.actor import Actor
from billing.agenda import NextAction
from billing.change import ChangeRequest
from billing.credit_note import UnusedPart
from billing.currency import CurrencyCode
from billing.dispute import DisputeState
from billing.invoice_item import InvoiceItem
from billing.migration import MigrationCounts, MigrationPhase, MigrationPlan
from billing.money import Money
from billing.parent import ParentEnd
from billing.purchase import is_purchase_id
from billing.quote import Quote
from billing.received_payment import ReceivedBy, Reference, ReportedPayment
from billing.refund import Refund
from billing.subscription import ChangeResult, SubscriptionState, SubscriptionStatus, Terms
from billing.value import Instant, Value

SUBSCRIPTION_WORKFLOW: Final = "SubscriptionWorkflow"
SUBSCRIPTION_TASK_QUEUE: Final = "subscriptions"
TEST_CLOCK_WORKFLOW: Final = "TestClockWorkflow"
RECONCILIATION_WORKFLOW: Final = "ReconciliationWorkflow"
REFUND_WORKFLOW: Final = "RefundWorkflow"
CATALOG_MIGRATION_WORKFLOW: Final = "CatalogMigrationWorkflow"

CHECKOUT_PRIORITY: Final = 1
RENEWAL_PRIORITY: Final = 5

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
CommandId = Annotated[str, StringConstraints(min_length=1, max_length=120)]


def subscription_workflow_id(subscription_id: str) -> str:
    """The id to find a subscription's workflow by, or a purchase's."""
    kind = "purchase" if is_purchase_id(subscription_id) else "subscription"
    return f"{kind}/{subscription_id}"


def test_clock_workflow_id(test_clock_id: str) -> str:
    """The id of the workflow that moves a test clock; one move at a time by its uniqueness."""
    return f"test-clock/{test_clock_id}"


def refund_workflow_id(refund_id: str) -> str:
    """The id of the workflow that brings one refund to its end."""
    return f"refund/{refund_id}"


def migration_workflow_id(migration_id: str) -> str:
    """The id of the workflow that carries out one migration."""
    return f"migration/{migration_id}"


class SubscriptionStart(Value):
    """Where a run begins: a new subscription, or one carried on from an earlier run."""

    state: SubscriptionState
    bills_at_once: bool = False
    """Said by runs of December 2026: periods are billed where the workflow runs (ADR 0033). Those
    that begin now say so, and more, in their history (ADR 0035)."""

    @classmethod
    def of(cls, state: SubscriptionState) -> Self:
        """As today's code begins a run."""
        return cls(state=state)


class CheckoutCompleted(Value):
    """Signal `checkout_completed`: the customer's payment method is saved as their default."""

    checkout_session_id: str


class PaymentNews(Value):
    """Signal `payment_news`: the gateway knows more about the payment of an invoice."""

    invoice_id: str


class ClockMoved(Value):
    """Signal `clock_moved`: the customer's test clock may run up to `frozen_at`."""

    frozen_at: Instant


class DisputeNews(Value):
    """Signal `dispute_news`: a bank opened or decided a dispute of one of its payments."""

    dispute_id: str
    state: DisputeState
    invoice_id: str | None = None
    """What the disputed payment paid."""


class AddonStarted(Value):
    """Signal `addon_started`: something is sold beside it, and is told when it ends."""

    subscription_id: str


class ParentNews(Value):
    """Signal `parent_news`: when the subscription ends that it is sold beside; None: it goes on."""

    end: ParentEnd | None


class CancelMode(StrEnum):
    """When a cancellation takes effect (policy P17)."""

    AT_PERIOD_END = "at_period_end"
    NOW = "now"


class Command(Value):
    """What every command says: an id that makes it take effect once, who asks, and why."""

    command_id: CommandId
    actor: Actor
    reason: Reason | None = None
    expected_version: int | None = None
    """The version of the subscription that it is based on; another one refuses it (P16)."""

    unsaid: ClassVar[frozenset[str]] = frozenset()
    """Fields that are no part of what is asked for: they are made anew for a repetition."""

    @property
    def content(self) -> str:
        """A hash of what is asked for, whoever asks and however the reason is worded (P32).

        Defaults do not count, so that a field which is added later changes no hash.
        """
        signature = set(Command.model_fields)
        said = self.model_dump_json(exclude=signature | self.unsaid, exclude_defaults=True)
        return hashlib.sha256(f"{type(self).__name__}:{said}".encode()).hexdigest()[:32]


class Cancel(Command):
    """Update `cancel`; `unused` is what becomes of the unused part when it is `now` (P17)."""

    mode: CancelMode = CancelMode.AT_PERIOD_END
    unused: UnusedPart = UnusedPart.NONE


class UndoCancel(Command):
    """Update `undo_cancel`."""


class ExtendTrial(Command):
    """Update `extend_trial`."""

    trial_end: Instant


class ChangeSubscription(Command):
    """Update `change`: what is asked for, or the quote of a preview to execute (P14)."""

    request: ChangeRequest = ChangeRequest()
    quote: Quote | None = None


class ChargeOnce(Command):
    """Update `charge`: something is charged at once, by an invoice of its own."""

    item: InvoiceItem

    unsaid: ClassVar[frozenset[str]] = frozenset({"item"})
    """It has the instant of the request; the API compares requests themselves."""


class UndoChange(Command):
    """Update `undo_change`: forgets a pending decrease."""


class PauseSubscription(Command):
    """Update `pause`; without an instant it goes on when the product's policy says."""

    resumes_at: Instant | None = None


class ResumeSubscription(Command):
    """Update `resume`."""


class PayNow(Command):
    """Update `pay_now`: everything open is tried once, now; answers with what came of it."""

    customer_present: bool = False
    """Somebody can authenticate in front of the screen."""
    invoice_id: str | None = None
    """Only this one of what is open."""
    with_another_method: bool = False
    """The customer has chosen it for this: no challenge of the one before is waited for."""


class ExtendGrace(Command):
    """Update `extend_grace`: dunning goes on until then before its final action."""

    until: Instant


class WaiveInvoice(Command):
    """Update `waive_invoice`: an open invoice is voided and no longer owed."""

    invoice_id: str


class PlanMigration(Command):
    """Update `plan_migration`: the price changes at a renewal after notice (policy P33)."""

    migration_id: str
    target: Terms
    migrates_at: Instant
    notice_days: int

    unsaid: ClassVar[frozenset[str]] = frozenset({"target", "migrates_at", "notice_days"})
    """They follow from the migration and from what the subscription has by now."""


class UndoMigration(Command):
    """Update `undo_migration`: it stays at its price."""

    migration_id: str


class MarkUncollectible(Command):
    """Update `mark_uncollectible`: an open invoice is a bad debt; it stays owed, and is a loss."""

    invoice_id: str


class RecordPayment(Command):
    """Update `record_payment`: money came outside the gateway (policy P22).

    For an open invoice, or for one that was written off.
    """

    invoice_id: str
    amount_minor: int
    currency: CurrencyCode
    received_at: Instant
    method: ReceivedBy
    reference: Reference

    @property
    def reported(self) -> ReportedPayment:
        """What is recorded."""
        return ReportedPayment(
            amount=Money(amount_minor=self.amount_minor, currency=self.currency),
            received_at=self.received_at,
            method=self.method,
            reference=self.reference,
        )


class RedeemCoupon(Command):
    """Update `redeem_coupon`: invoices from now on are discounted by it (policy P3)."""

    coupon_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Retry(Command):
    """Update `retry_now`: an operator mended what was wrong."""


AnyCommand = (
    Cancel
    | UndoCancel
    | ExtendTrial
    | ChangeSubscription
    | ChargeOnce
    | UndoChange
    | PauseSubscription
    | ResumeSubscription
    | PayNow
    | ExtendGrace
    | WaiveInvoice
    | PlanMigration
    | UndoMigration
    | MarkUncollectible
    | RecordPayment
    | RedeemCoupon
    | Retry
)

UPDATES: Final[Mapping[type[AnyCommand], str]] = MappingProxyType(
    {
        Cancel: "cancel",
        UndoCancel: "undo_cancel",
        ExtendTrial: "extend_trial",
        ChangeSubscription: "change",
        ChargeOnce: "charge",
        UndoChange: "undo_change",
        PauseSubscription: "pause",
        ResumeSubscription: "resume",
        PayNow: "pay_now",
        ExtendGrace: "extend_grace",
        WaiveInvoice: "waive_invoice",
        PlanMigration: "plan_migration",
        UndoMigration: "undo_migration",
        MarkUncollectible: "mark_uncollectible",
        RecordPayment: "record_payment",
        RedeemCoupon: "redeem_coupon",
        Retry: "retry_now",
    }
)
"""By which update each command is given."""


class CommandReceipt(Value):
    """The answer to a command; a repetition gets the same one, but for `state_revision`."""

    command_id: str
    subscription_id: str
    applied_at: Instant
    revision: int
    change: ChangeResult | None = None
    """Of a change: what became of it so far. Its id is the command's."""
    invoice_id: str | None = None
    """The invoice that pays for the change."""
    action_url: str | None = None
    """Where the customer authenticates the payment, while it waits for that."""
    decline: str | None = None
    """Why the payment was refused."""
    state_revision: int = 0
    """Of the state that this answer tells of: storage has it in a moment."""


class ActivationReport(Value):
    """Answer of the update `wait_for_activation`: what became of the attempt to go live."""

    status: SubscriptionStatus
    refused: bool
    revision: int


class SubscriptionReport(Value):
    """Answer of the query `status`."""

    state: SubscriptionState
    is_idle: bool
    """Whether everything due on the subscription's clock is done."""
    next_actions: tuple[NextAction, ...]
    problem: str | None
    """What an operator must look at, if anything."""
    waits_for_operator: bool = False
    """Whether nothing happens until one does; not while it is tried again."""


class RefundStart(Value):
    """Start of `RefundWorkflow`."""

    refund_id: str


class RefundReport(Value):
    """Answer of a refund's query `status`, and the workflow's result."""

    refund_id: str
    refund: Refund | None
    """None until it was looked at."""
    problem: str | None
    """What an operator must look at, if anything."""


class MigrationStart(Value):
    """Start of `CatalogMigrationWorkflow`, or where an earlier run left off."""

    plan: MigrationPlan
    migrates: int
    """How many were to be told when it began."""
    phase: MigrationPhase = MigrationPhase.TELLING
    is_watched: bool = False
    """The first ones were watched long enough: the others are told."""
    watched_since: Instant | None = None
    """Since when the others wait for what becomes of them."""
    after: str = ""
    """The last subscription that was looked at."""


class PauseMigration(Command):
    """Update `pause`: nobody else is told until it is resumed."""


class ResumeMigration(Command):
    """Update `resume`."""


class ContinueMigration(Command):
    """Update `continue`: the first ones were watched long enough."""


class RollBackMigration(Command):
    """Update `rollback`: whoever has not renewed at the new price stays at the old one."""


AnyMigrationCommand = PauseMigration | ResumeMigration | ContinueMigration | RollBackMigration

MIGRATION_UPDATES: Final[Mapping[type[AnyMigrationCommand], str]] = MappingProxyType(
    {
        PauseMigration: "pause",
        ResumeMigration: "resume",
        ContinueMigration: "continue",
        RollBackMigration: "rollback",
    }
)
"""By which update each command to a migration is given."""


class MigrationReport(Value):
    """Answer of a migration's query `progress` and of its updates, and the workflow's result."""

    migration_id: str
    phase: MigrationPhase
    counts: MigrationCounts
    next_move_at: Instant | None
    """When the first of those who were told renews."""
    problem: str | None
    """What an operator must look at, if anything."""


class TestClockMove(Value):
    """Start of `TestClockWorkflow`: move every subscription on the clock up to `target_at`."""

    __test__ = False
    """Not a test class, whatever its name looks like to a test collector."""

    test_clock_id: str
    target_at: Instant
