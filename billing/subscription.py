"""A subscription: its terms, its state and what may be done to it in each status.

Owns the one value that a subscription's workflow lives by, carries through continue-as-new, hands
to activities and answers queries with. Does not own how it changes (`billing.lifecycle`) nor what
is due next (`billing.agenda`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import Field

from billing.billing_mode import BillingMode
from billing.catalog import AnchorKind, DisputeLost, PauseMode, PausePolicy, ProrationMode, Trial
from billing.configuration import PLAIN, Configuration
from billing.credit_note import UnusedPart
from billing.currency import CurrencyCode, largest_charge_minor, minimum_charge_minor
from billing.decline import DeclineKind
from billing.discount import DiscountUse, RedeemedDiscount
from billing.dunning import DunningLadder
from billing.entitlement import Entitlement
from billing.errors import BooksBroken
from billing.interval import Interval
from billing.invoice import InvoiceLine
from billing.invoice_item import InvoiceItem
from billing.lineage import Lineage
from billing.message import Message
from billing.migration import MigrationProgress, SkipReason
from billing.money import Money
from billing.net_terms import NetDays
from billing.parent import Addon, ParentEnd
from billing.period import Period
from billing.price import MAX_QUANTITY
from billing.value import Instant, Value
from billing.write_off import WriteOff


class SubscriptionStatus(StrEnum):
    """Stripe's statuses (https://docs.stripe.com/billing/subscriptions/overview)."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"
    COMPLETED = "completed"
    """Of a purchase: nothing is owed for it any more. This one is ours."""


ENDED_STATUSES: Final = frozenset(
    {
        SubscriptionStatus.INCOMPLETE_EXPIRED,
        SubscriptionStatus.COMPLETED,
        SubscriptionStatus.CANCELED,
    }
)
"""Nothing leads out of these."""

ENTITLED_STATUSES: Final = frozenset(
    {SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE}
)
"""In which the customer has what was sold; while past due dunning still gives them time."""


class CommandName(StrEnum):
    """What callers may ask of a running subscription."""

    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    CANCEL_NOW = "cancel_now"
    UNDO_CANCEL = "undo_cancel"
    EXTEND_TRIAL = "extend_trial"
    CHANGE = "change"
    CHARGE = "charge"
    UNDO_CHANGE = "undo_change"
    PAUSE = "pause"
    RESUME = "resume"
    PAY_NOW = "pay_now"
    EXTEND_GRACE = "extend_grace"
    WAIVE_INVOICE = "waive_invoice"
    PLAN_MIGRATION = "plan_migration"
    UNDO_MIGRATION = "undo_migration"
    MARK_UNCOLLECTIBLE = "mark_uncollectible"
    RECORD_PAYMENT = "record_payment"
    REDEEM_COUPON = "redeem_coupon"
    RETRY = "retry"


_ALWAYS: Final = frozenset({CommandName.CANCEL_NOW, CommandName.RETRY})
_OWING: Final = frozenset(
    {
        CommandName.PAY_NOW,
        CommandName.RECORD_PAYMENT,
        CommandName.WAIVE_INVOICE,
        CommandName.MARK_UNCOLLECTIBLE,
    }
)
_MOVING: Final = frozenset({CommandName.UNDO_MIGRATION})
_OF_PURCHASES: Final = _ALWAYS | _OWING | {CommandName.EXTEND_GRACE}


LEGAL_COMMANDS: Final[Mapping[SubscriptionStatus, frozenset[CommandName]]] = MappingProxyType(
    {
        SubscriptionStatus.INCOMPLETE: _ALWAYS | {CommandName.RECORD_PAYMENT},
        SubscriptionStatus.TRIALING: _ALWAYS
        | {
            CommandName.CANCEL_AT_PERIOD_END,
            CommandName.UNDO_CANCEL,
            CommandName.EXTEND_TRIAL,
            CommandName.CHANGE,
            CommandName.REDEEM_COUPON,
        },
        SubscriptionStatus.ACTIVE: _ALWAYS
        | _OWING
        | _MOVING
        | {
            CommandName.PLAN_MIGRATION,
            CommandName.REDEEM_COUPON,
            CommandName.CANCEL_AT_PERIOD_END,
            CommandName.UNDO_CANCEL,
            CommandName.CHANGE,
            CommandName.UNDO_CHANGE,
            CommandName.CHARGE,
            CommandName.PAUSE,
        },
        SubscriptionStatus.PAST_DUE: _ALWAYS
        | _OWING
        | _MOVING
        | {
            CommandName.UNDO_CANCEL,
            CommandName.CHANGE,
            CommandName.UNDO_CHANGE,
            CommandName.EXTEND_GRACE,
            CommandName.REDEEM_COUPON,
        },
        SubscriptionStatus.UNPAID: _ALWAYS
        | _OWING
        | _MOVING
        | {CommandName.UNDO_CANCEL, CommandName.UNDO_CHANGE},
        SubscriptionStatus.PAUSED: _ALWAYS
        | _MOVING
        | {CommandName.RESUME, CommandName.REDEEM_COUPON, CommandName.RECORD_PAYMENT},
        SubscriptionStatus.INCOMPLETE_EXPIRED: frozenset(),
        SubscriptionStatus.COMPLETED: frozenset(),
        SubscriptionStatus.CANCELED: frozenset(),
    }
)
"""Statuses that a command is legal in: see `SubscriptionState.legal_commands`."""


class EndReason(StrEnum):
    """Why a subscription ended."""

    REQUESTED = "requested"
    NO_PAYMENT_METHOD = "no_payment_method"
    PAYMENT_FAILED = "payment_failed"
    CHECKOUT_EXPIRED = "checkout_expired"
    FAMILY_TAKEN = "family_taken"
    TRIAL_USED = "trial_used"
    DISPUTE_LOST = "dispute_lost"
    PARENT_ENDED = "parent_ended"
    """Of an add-on: the subscription that it was sold beside is over."""
    COMPLETED = "completed"
    """Of a purchase: nothing is owed for it any more."""


class PurchaseKind(StrEnum):
    """How a purchase is paid for."""

    CHECKOUT = "checkout"
    """At the checkout, where the money is in before anything is sold (ADR 0010)."""
    INVOICE = "invoice"
    """By an invoice that is charged at once and dunned: it is sold, and owed."""


class Terms(Value):
    """What was sold; a running subscription keeps it until it is changed (policy P33)."""

    product_id: str
    product_name: str
    family: str
    price_id: str
    price_version: int
    currency: CurrencyCode
    interval: Interval | None
    """None of what is sold once."""
    billing: BillingMode = BillingMode.IN_ADVANCE
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    configuration: Configuration = PLAIN
    """What was chosen of a matrix or a percentage."""
    period_amount: Money
    """What one whole period costs before discounts and tax: for people; invoices compute it anew.
    """
    trial: Trial | None = None
    dunning: DunningLadder = DunningLadder()
    proration: ProrationMode = ProrationMode.BY_SECOND
    anchor: AnchorKind = AnchorKind.ANNIVERSARY
    pause: PausePolicy | None = None
    """None where the product cannot be paused (policy P17)."""
    shorter_interval: bool = False
    """Whether a change to a shorter interval is allowed, at the period's end (policy P12)."""
    free_fallback_price_id: str | None = None
    """What is sold instead when dunning ends with `downgrade_to_free` (policy P18)."""
    dispute_lost: DisputeLost = DisputeLost.CANCEL
    tax_category: str | None = None
    """Which of the customer's tax rates is for it (policy P4)."""
    contract_until: Instant | None = None
    """Until then the price is promised: no migration moves it before (policy P33)."""
    entitlements: tuple[Entitlement, ...] = ()
    """What it gives its customer while it runs, per unit where they say so."""
    anchored_at: Instant | None = None
    """Of an add-on: its parent's anchor, which its boundaries follow from whenever it begins."""

    @property
    def is_in_arrears(self) -> bool:
        """Whether a period is billed once it is over."""
        return self.billing is BillingMode.IN_ARREARS

    def require_interval(self) -> Interval:
        """How often it recurs. Raises `BooksBroken` (`no_interval`) for what is sold once."""
        if self.interval is None:
            raise BooksBroken("no_interval", f"{self.price_id} is sold once")
        return self.interval

    @property
    def costs(self) -> bool:
        """Whether a whole period is charged for at all."""
        return self.period_amount.amount_minor > 0


class AccruedPart(Value):
    """Time that was had at a price in arrears and is on no invoice yet."""

    terms: Terms
    """As they were then."""
    used: Period
    whole: Period
    """The whole interval that the price is for."""


class Clock(Value):
    """How the subscription's time follows from the workflow's time.

    A live customer's clock is the workflow's own. A test clock stands `offset` away from it and
    does not pass `frozen_at` until it is moved there.
    """

    offset: timedelta = timedelta(0)
    frozen_at: Instant | None = None

    def read(self, workflow_now: datetime) -> datetime:
        """The subscription's present."""
        ticking = workflow_now + self.offset
        return ticking if self.frozen_at is None else min(ticking, self.frozen_at)

    @property
    def is_test(self) -> bool:
        """Whether a test clock moves this subscription."""
        return self.frozen_at is not None


class Cancellation(Value):
    """A cancellation that waits for the end of the period; undoable until then (policy P12)."""

    at: Instant
    requested_at: Instant
    unused_of_addons: UnusedPart = UnusedPart.NONE
    """What of add-ons is paid beyond it becomes of (policy P17); none in states from before that
    was decided."""


class PendingChange(Value):
    """A decrease that waits for the end of the period; undoable until then (policy P12)."""

    change_id: str
    target: Terms
    at: Instant
    requested_at: Instant
    migrates_to: Terms | None = None
    """What a planned migration moves to once this is in force."""


class ChangeUnderWay(Value):
    """An increase that is in force once its invoice is paid, and not before (policy P11)."""

    change_id: str
    target: Terms
    invoice_id: str
    period: Period
    """What will be running then."""
    starts_period: bool
    requested_at: Instant
    at: Instant | None = None
    """What its price was computed for: a quote's instant is before the request."""
    expires_at: Instant
    """A payment that the customer has not completed by then is abandoned."""
    carried: tuple[InvoiceLine, ...] = ()
    """What its invoice does not collect: on the next one, once the change is in force."""
    uses: tuple[DiscountUse, ...] = ()
    """What its invoice uses of the discounts, once the change is in force."""
    gives_back_of: tuple[str, ...] = ()
    """Invoices whose unused time its own invoice gives back; none where it was not noted yet."""
    migrates_to: Terms | None = None
    """What a planned migration moves to once this is in force."""


class PlannedMigration(Value):
    """A move to another price version that waits for a renewal, or what became of it (P33).

    It stays after it is settled, so that storage can tell what became of it.
    """

    migration_id: str
    target: Terms
    not_before: Instant
    """The migration's date or the end of the notice, whichever is later."""
    planned_at: Instant
    progress: MigrationProgress = MigrationProgress.SCHEDULED
    reason: SkipReason | None = None
    """Of one that is skipped."""
    settled_at: Instant | None = None
    replaced: Terms | None = None
    """Of one that moved: what would have been billed instead."""

    @property
    def is_waiting(self) -> bool:
        """Whether it may still move."""
        return self.progress is MigrationProgress.SCHEDULED


class ChangeResult(StrEnum):
    """What became of a change."""

    APPLIED = "applied"
    SCHEDULED = "scheduled"
    PAYING = "paying"
    DECLINED = "declined"
    ABANDONED = "abandoned"


class Pause(Value):
    """The subscription rests; it goes on by itself at `resumes_at` (policy P17)."""

    mode: PauseMode
    paused_at: Instant
    resumes_at: Instant | None
    """None for a trial that ended without a payment method: it waits for one (policy P10)."""


class OpenInvoice(Value):
    """A finalised invoice that is not paid, and where collecting it stands."""

    invoice_id: str
    amount: Money
    """What is still to pay."""
    received: Money | None = None
    """What came of it outside the gateway so far (policy P22); None where nothing did."""
    due_at: Instant
    attempts_made: int = 0
    """Payments tried, by whatever cause; numbers the next one."""
    rungs_used: int = 0
    """Attempts of the dunning ladder used up; a new method consumes none (policy P19)."""
    next_attempt_at: Instant | None
    """None while only the customer can help: a new method, an authentication, a bank's answer."""
    is_extra_attempt: bool = False
    """Somebody or some news asked for the next attempt, or for another look at the last one.

    Histories have it under one name, so four things follow from it: it uses up no rung
    (`settlement`), the final action waits for it (`agenda`), a card that refused for good is asked
    again where it is a new attempt (`activities.card_limits`), and `pay_now` is answered after it.
    """
    in_processing: bool = False
    decline_kind: DeclineKind | None = None
    last_decline: str | None = None
    action_url: str | None = None
    for_change: str | None = None
    """The change that it pays; such an invoice is never dunned."""
    stays_owed: bool = False
    """For time that was had, or on credit: the end does not take it back (policy P17, P22)."""
    customer_present: bool = False
    """The next attempt is made in front of the customer, who can authenticate at once."""
    given_up: bool = False
    """To be voided: waived, abandoned, or left behind by a downgrade."""
    is_bad_debt: bool = False
    """With `given_up`: it stays owed and is written off instead of voided."""
    net_days: NetDays | None = None
    """Of one that was sent and is never charged by itself (policy P22): days until it is due."""
    reminded_at: Instant | None = None
    """Of one that was sent: the day of the last reminder, whether it was sent or passed over."""
    is_overdue: bool = False
    """Of one that was sent: its due date came and it was not paid."""

    @property
    def is_sent(self) -> bool:
        """Whether it was sent, and is paid when the customer does something about it."""
        return self.net_days is not None

    @property
    def sent_at(self) -> datetime:
        """When it was finalised: its terms count from then. Of one that was sent."""
        return self.due_at - timedelta(days=self.net_days or 0)

    @property
    def is_refused(self) -> bool:
        """Whether it is not paid although it was tried, or, of one that was sent, was due."""
        return self.is_overdue if self.is_sent else self.attempts_made > 0

    @property
    def is_owed_after_the_end(self) -> bool:
        """Whether it is collected although the subscription is over."""
        return self.stays_owed and not self.given_up

    @property
    def is_untried(self) -> bool:
        """Whether it is to be paid for the first time, by itself, and nobody waits for that.

        Workflows choose their commands by it: histories hang on what it answers.
        """
        is_asked_for = self.for_change is not None or self.is_extra_attempt or self.customer_present
        return not self.attempts_made and not is_asked_for and not self.given_up

    @property
    def is_too_little(self) -> bool:
        """Whether what is left is less than can be collected: nobody is dunned for it (P5)."""
        return self.amount.amount_minor < minimum_charge_minor(self.amount.currency)

    @property
    def is_left_over(self) -> bool:
        """Whether it is what a received payment left, and too little (policy P5).

        It is lost, never void, and as good as paid: it keeps nobody from a change or a pause, and
        of what was received there is something to give back.
        """
        return self.received is not None and self.is_too_little and self.for_change is None

    @property
    def outlasts_the_end(self) -> bool:
        """Whether the subscription's end leaves it open."""
        return self.stays_owed and not self.is_left_over

    @property
    def is_chargeable(self) -> bool:
        """Whether a card can pay exactly what is left (policy P5, P6)."""
        minor = self.amount.amount_minor
        return largest_charge_minor(minor, self.amount.currency) == minor

    @property
    def attempt_number(self) -> int:
        """The attempt to make next: the unfinished one again, or a new one."""
        unfinished = self.in_processing or self.action_url is not None
        return self.attempts_made if unfinished else self.attempts_made + 1


class PromisedBack(Value):
    """What the end promised of invoices that turn out to be paid after it (policy P17)."""

    cause: str
    """The cancellation's command, or the final action of dunning."""
    unused: UnusedPart
    part: Period
    """The time that will not be used."""
    paid: tuple[str, ...] = ()
    """Invoices that were paid since, and of which nothing was given back yet."""


_VERSIONED: Final = frozenset(
    {
        "terms",
        "period",
        "pending_change",
        "change",
        "cancellation",
        "pause",
        "ended_at",
        "trial",
        "discounts",
        "parent_end",
    }
)


class AppliedCommand(Value):
    """A command that took effect, remembered so that a repetition gets the same answer."""

    command_id: str
    applied_at: Instant
    revision: int
    result: ChangeResult | None = None
    """Of a change; a change under way moves on."""
    invoice_id: str | None = None
    decline: str | None = None
    content: str | None = None
    """A hash of what was asked for; None of one from before that was remembered."""


class SubscriptionState(Value):
    """Everything a subscription is, at one moment."""

    subscription_id: str
    customer_id: str
    terms: Terms
    clock: Clock = Clock()
    revision: int = 0
    """Grows with every change; storage keeps the highest it has seen."""
    version: int = 0
    """Grows when what is sold, until when or whether changes: what a caller's change is based on
    (policy P16)."""
    status: SubscriptionStatus = SubscriptionStatus.INCOMPLETE
    created_at: Instant
    checkout_expires_at: Instant
    purchase: PurchaseKind | None = None
    """Of what is bought without a subscription: one invoice, of `first_items`, and no period after
    it (ADR 0036)."""
    buyer_present: bool = False
    """Of a purchase by invoice: its first payment is made in front of the customer, who can
    authenticate at once."""
    first_items: tuple[InvoiceItem, ...] = ()
    """What was bought once with it: on its first invoice, which a trial puts off."""
    checkout_completed_at: Instant | None = None
    """When the customer was ready to pay; the subscription activates at once."""
    activation_refused: bool = False
    """The first payment was refused: another method may still complete the checkout."""
    trial: Period | None = None
    trial_notice_at: Instant | None = None
    """None once the notice is sent, and where no trial is."""
    anchor_at: Instant | None = None
    anchor_number: int = 0
    """The number of the period that begins at the anchor."""
    period_number: int | None = None
    period: Period | None = None
    """The running period: the trial while trialing, afterwards the last one billed."""
    extension: timedelta = timedelta(0)
    """By how much pauses have lengthened the running period."""
    unbilled_from: Instant | None = None
    """Service goes on from then, in a period that is not billed yet: after a pause or unpaid."""
    accrued: tuple[AccruedPart, ...] = ()
    """What the next invoice bills of what was sold before the present terms, or before a rest; once
    it has ended, all that is not billed. In arrears alone."""
    accrues_from: Instant | None = None
    """Since when the present terms accrue in arrears; None where they do not."""
    cancellation: Cancellation | None = None
    pending_change: PendingChange | None = None
    change: ChangeUnderWay | None = None
    migration: PlannedMigration | None = None
    """The last one that it was told of."""
    pause: Pause | None = None
    grace_until: Instant | None = None
    """Dunning goes on until then: an operator lets it, or a bank said no too late."""
    open_disputes: tuple[str, ...] = ()
    ended_at: Instant | None = None
    end_reason: EndReason | None = None
    open_invoices: tuple[OpenInvoice, ...] = ()
    lost_invoices: tuple[str, ...] = ()
    """Written off while it was unpaid: it stays so, whatever else is paid (ADR 0016)."""
    carried: tuple[InvoiceLine, ...] = ()
    """Too little to collect: on the next invoice (policy P5)."""
    discounts: tuple[RedeemedDiscount, ...] = ()
    """In the order in which they are applied; those that are used up included (policy P3)."""
    written_off: tuple[WriteOff, ...] = ()
    """What was carried to invoices that never came."""
    promised_back: PromisedBack | None = None
    unused_at_end: UnusedPart = UnusedPart.NONE
    """What the cancellation that ended it gave back of unused time."""
    parent_id: str | None = None
    """Of an add-on: the subscription that it is sold beside."""
    parent_end: ParentEnd | None = None
    """Of an add-on: when its parent ends, as far as it is known."""
    addons: tuple[Addon, ...] = ()
    """What is sold beside it."""
    last_invoice_id: str | None = None
    messages: tuple[Message, ...] = ()
    """Not yet handed over for delivery."""
    applied: tuple[AppliedCommand, ...] = ()
    lineage: Lineage | None = None
    """Set on what is handed to an effect and stored; None in the workflow itself."""

    @property
    def noun(self) -> str:
        """What events and pages call it."""
        return "subscription" if self.purchase is None else "purchase"

    @property
    def is_settled(self) -> bool:
        """Of a purchase: it is sold, nothing is to be paid any more, and it is completed next.

        What a received payment has left and no card can pay does not keep it (policy P5).
        """
        is_over = self.has_ended or self.status is SubscriptionStatus.INCOMPLETE
        is_sold = self.purchase is not None and self.period is not None and not is_over
        return is_sold and all(invoice.is_left_over for invoice in self.open_invoices)

    @property
    def running_period(self) -> Period:
        """The period of a subscription that went live."""
        if self.period is None:
            raise BooksBroken("no_period", "a live subscription has a period")
        return self.period

    @property
    def product_ids(self) -> tuple[str, ...]:
        """What coupons may discount on its next invoice: what is subscribed, and what is bought."""
        bought = self.first_items if self.period_number is None else ()
        sold = (item.sold for item in bought if item.discountable)
        others = (each.product_id for each in sold if each is not None)
        subscribed = () if self.purchase is not None else (self.terms.product_id,)
        return tuple(dict.fromkeys((*subscribed, *others)))

    def changed(self, **changes: object) -> Self:
        """The next revision; and the next version where a caller's change would see it."""
        versioned = any(
            name in _VERSIONED and getattr(self, name) != value for name, value in changes.items()
        )
        version = self.version + 1 if versioned else self.version
        return self.model_copy(
            update={"revision": self.revision + 1, "version": version, **changes}
        )

    @property
    def waiting_migration(self) -> PlannedMigration | None:
        """The migration that will move it at a renewal."""
        planned = self.migration
        return planned if planned is not None and planned.is_waiting else None

    @property
    def entitlements(self) -> tuple[Entitlement, ...]:
        """What it gives its customer now; a change counts once it is in force (policy P11, P12)."""
        if self.status not in ENTITLED_STATUSES:
            return ()
        quantity = self.terms.quantity
        return tuple(entitlement.times(quantity) for entitlement in self.terms.entitlements)

    @property
    def legal_commands(self) -> frozenset[CommandName]:
        """What may be asked of it now; a command's own conditions come on top.

        After the end, what is still collected may be paid, waived and given up; once it was
        refused, it may be given more time. A purchase has no time that could end, rest or change.
        """
        legal = LEGAL_COMMANDS[self.status]
        if self.purchase is not None:
            legal &= _OF_PURCHASES
        owed = [invoice for invoice in self.open_invoices if invoice.is_owed_after_the_end]
        if not self.has_ended or not owed:
            return legal
        is_refused = any(invoice.is_refused for invoice in owed)
        return legal | _OWING | ({CommandName.EXTEND_GRACE} if is_refused else frozenset())

    @property
    def rests_for_a_method(self) -> bool:
        """Whether it is a trial that ended with nothing to charge, and waits for that (P10)."""
        return self.pause is not None and self.pause.resumes_at is None and self.trial is not None

    @property
    def has_ended(self) -> bool:
        """Whether no further period can come."""
        return self.status in ENDED_STATUSES

    @property
    def is_finished(self) -> bool:
        """Whether nothing at all is left to do."""
        return self.is_closed and not self.messages

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to do but to deliver messages.

        Of a recorded state no more can be said: a message that was sent stays in it.
        """
        owes = bool(self.open_invoices) or bool(self.paid_too_late)
        return self.has_ended and not owes and not self.addons_to_tell and not self.accrued

    def ends_by(self, at: datetime) -> bool:
        """Whether its own cancellation or its parent's end comes at `at` or before."""
        ends = (self.cancellation, self.parent_end)
        return any(each is not None and each.at <= at for each in ends)

    @property
    def end_for_addons(self) -> ParentEnd | None:
        """What its add-ons are to know of its end."""
        if self.ended_at is not None:
            return ParentEnd(at=self.ended_at, unused=self.unused_at_end)
        if self.cancellation is None:
            return None
        return ParentEnd(at=self.cancellation.at, unused=self.cancellation.unused_of_addons)

    @property
    def addons_to_tell(self) -> tuple[str, ...]:
        """The add-ons that know something else of its end than what is so."""
        end = self.end_for_addons if self.addons else None
        return tuple(addon.subscription_id for addon in self.addons if addon.told != end)

    @property
    def paid_too_late(self) -> tuple[str, ...]:
        """Invoices paid after the end, of which something may have to be given back."""
        return () if self.promised_back is None else self.promised_back.paid

    def open_invoice(self, invoice_id: str) -> OpenInvoice | None:
        """The open invoice of that id, if it is still open."""
        return next((i for i in self.open_invoices if i.invoice_id == invoice_id), None)

    def applied_command(self, command_id: str) -> AppliedCommand | None:
        """What a repeated command must be answered with."""
        return next((c for c in self.applied if c.command_id == command_id), None)
