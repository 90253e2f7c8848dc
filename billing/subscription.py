"""A subscription: its terms, its state and what may be done to it in each status.

Owns the one value that a subscription's workflow lives by, carries through continue-as-new, hands
to activities and answers queries with. Does not own how it changes (`billing.lifecycle`) nor what
is due next (`billing.agenda`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

from billing.catalog import MAX_QUANTITY, Trial
from billing.currency import CurrencyCode
from billing.decline import DeclineKind
from billing.dunning import DunningLadder
from billing.interval import Interval
from billing.message import Message
from billing.money import Money
from billing.period import Period
from billing.value import Instant, Value


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


ENDED_STATUSES: Final = frozenset(
    {SubscriptionStatus.INCOMPLETE_EXPIRED, SubscriptionStatus.CANCELED}
)
"""Nothing leads out of these."""


class CommandName(StrEnum):
    """What callers may ask of a running subscription."""

    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    CANCEL_NOW = "cancel_now"
    UNDO_CANCEL = "undo_cancel"
    EXTEND_TRIAL = "extend_trial"


LEGAL_COMMANDS: Final[Mapping[SubscriptionStatus, frozenset[CommandName]]] = MappingProxyType(
    {
        SubscriptionStatus.INCOMPLETE: frozenset({CommandName.CANCEL_NOW}),
        SubscriptionStatus.TRIALING: frozenset(CommandName),
        SubscriptionStatus.ACTIVE: frozenset(
            {
                CommandName.CANCEL_AT_PERIOD_END,
                CommandName.CANCEL_NOW,
                CommandName.UNDO_CANCEL,
            }
        ),
        SubscriptionStatus.PAST_DUE: frozenset({CommandName.CANCEL_NOW}),
        SubscriptionStatus.UNPAID: frozenset({CommandName.CANCEL_NOW}),
        SubscriptionStatus.PAUSED: frozenset({CommandName.CANCEL_NOW}),
        SubscriptionStatus.INCOMPLETE_EXPIRED: frozenset(),
        SubscriptionStatus.CANCELED: frozenset(),
    }
)
"""Statuses that a command is legal in; a command's own conditions come on top."""


class EndReason(StrEnum):
    """Why a subscription ended."""

    REQUESTED = "requested"
    NO_PAYMENT_METHOD = "no_payment_method"
    PAYMENT_FAILED = "payment_failed"
    CHECKOUT_EXPIRED = "checkout_expired"
    FAMILY_TAKEN = "family_taken"
    TRIAL_USED = "trial_used"


class Terms(Value):
    """What was sold; a running subscription keeps it until it is changed (policy P33)."""

    product_id: str
    product_name: str
    family: str
    price_id: str
    price_version: int
    currency: CurrencyCode
    interval: Interval
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    period_amount: Money
    """What one whole period costs: for people and previews; invoices compute it anew."""
    trial: Trial | None = None
    dunning: DunningLadder = DunningLadder()


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


class OpenInvoice(Value):
    """A finalised invoice that is not paid, and where collecting it stands."""

    invoice_id: str
    amount: Money
    due_at: Instant
    attempts_made: int = 0
    """Payments tried, by whatever cause; numbers the next one."""
    rungs_used: int = 0
    """Attempts of the dunning ladder used up; a new method consumes none (policy P19)."""
    next_attempt_at: Instant | None
    """None while only the customer can help: a new method, an authentication, a bank's answer."""
    is_extra_attempt: bool = False
    """The next attempt was caused by the customer and stands outside of the ladder."""
    in_processing: bool = False
    decline_kind: DeclineKind | None = None
    last_decline: str | None = None
    action_url: str | None = None

    @property
    def attempt_number(self) -> int:
        """The attempt to make next: the unfinished one again, or a new one."""
        unfinished = self.in_processing or self.action_url is not None
        return self.attempts_made if unfinished else self.attempts_made + 1


class AppliedCommand(Value):
    """A command that took effect, remembered so that a repetition gets the same answer."""

    command_id: str
    applied_at: Instant
    revision: int


class SubscriptionState(Value):
    """Everything a subscription is, at one moment."""

    subscription_id: str
    customer_id: str
    terms: Terms
    clock: Clock = Clock()
    revision: int = 0
    """Grows with every change; storage keeps the highest it has seen."""
    status: SubscriptionStatus = SubscriptionStatus.INCOMPLETE
    created_at: Instant
    checkout_expires_at: Instant
    checkout_completed_at: Instant | None = None
    """When the customer was ready to pay; the subscription activates at once."""
    activation_refused: bool = False
    """The first payment was refused: another method may still complete the checkout."""
    trial: Period | None = None
    trial_notice_at: Instant | None = None
    """None once the notice is sent, and where no trial is."""
    anchor_at: Instant | None = None
    period_number: int | None = None
    period: Period | None = None
    """The running period: the trial while trialing, afterwards the last one billed."""
    cancellation: Cancellation | None = None
    ended_at: Instant | None = None
    end_reason: EndReason | None = None
    open_invoices: tuple[OpenInvoice, ...] = ()
    last_invoice_id: str | None = None
    messages: tuple[Message, ...] = ()
    """Not yet handed over for delivery."""
    applied: tuple[AppliedCommand, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether no further period can come."""
        return self.status in ENDED_STATUSES

    @property
    def is_finished(self) -> bool:
        """Whether nothing at all is left to do."""
        return self.has_ended and not self.open_invoices and not self.messages

    def open_invoice(self, invoice_id: str) -> OpenInvoice | None:
        """The open invoice of that id, if it is still open."""
        return next((i for i in self.open_invoices if i.invoice_id == invoice_id), None)

    def applied_command(self, command_id: str) -> AppliedCommand | None:
        """What a repeated command must be answered with."""
        return next((c for c in self.applied if c.command_id == command_id), None)
