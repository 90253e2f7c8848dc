"""What the API says about a subscription.

Owns the public shape. Everything in it follows from the subscription's recorded state, so that it
says the same as the workflow. Does not own operations (`api.subscriptions`).
"""

from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel, Field

from api.answer import Answer
from api.money_view import MoneyView
from api.period_view import PeriodView
from billing.agenda import ActionKind, agenda
from billing.billing_mode import BillingMode
from billing.catalog import PauseMode
from billing.discount import RedeemedDiscount
from billing.interval import IntervalUnit
from billing.migrating import moves_at
from billing.period import Period
from billing.subscription import (
    ChangeUnderWay,
    EndReason,
    OpenInvoice,
    SubscriptionState,
    SubscriptionStatus,
    Terms,
)

CHANGE_ID: Final = "chg_4a1b9c0d2e3f4a1b9c0d2e3f"
"""As it looks in the OpenAPI document."""


class NextActionView(BaseModel):
    """What will happen unless something else happens first."""

    kind: ActionKind
    at: datetime
    reason: str
    invoice: str | None = None


class OpenInvoiceView(BaseModel):
    """An invoice that is not paid yet, and where collecting it stands."""

    id: str
    amount: MoneyView = Field(description="What is still to pay")
    received: MoneyView | None = Field(
        description="What came of it outside the gateway so far; null where nothing did"
    )
    due_at: datetime
    attempts_made: int
    next_attempt_at: datetime | None
    last_decline: str | None
    action_url: str | None = Field(description="Where the customer authenticates the payment")
    processing: bool
    net_days: int | None = Field(description="Of one that was sent: it is never charged by itself")

    @classmethod
    def of(cls, invoice: OpenInvoice) -> Self:
        """Without what only the workflow needs."""
        return cls(
            id=invoice.invoice_id,
            amount=MoneyView.of(invoice.amount),
            received=None if invoice.received is None else MoneyView.of(invoice.received),
            due_at=invoice.due_at,
            attempts_made=invoice.attempts_made,
            next_attempt_at=invoice.next_attempt_at,
            last_decline=invoice.last_decline,
            action_url=invoice.action_url,
            processing=invoice.in_processing,
            net_days=invoice.net_days,
        )


class TermsView(BaseModel):
    """What is sold, and for how much."""

    product: str
    product_name: str
    price: str
    price_version: int
    quantity: int
    currency: str
    dimensions: dict[str, str] = Field(description="Of a matrix; empty for other prices")
    base_amount_minor: int | None = Field(description="What a percentage is taken of")
    interval: IntervalUnit
    interval_count: int
    billing: BillingMode = Field(
        description="Whether a period is billed at its beginning or at its end"
    )
    period_amount: MoneyView = Field(description="Before discounts and tax")

    @classmethod
    def of(cls, terms: Terms) -> Self:
        """The terms, without the product's rules."""
        return cls(
            product=terms.product_id,
            product_name=terms.product_name,
            price=terms.price_id,
            price_version=terms.price_version,
            quantity=terms.quantity,
            currency=terms.currency,
            dimensions=terms.configuration.dimensions,
            base_amount_minor=terms.configuration.base_amount_minor,
            interval=terms.require_interval().unit,
            interval_count=terms.require_interval().count,
            billing=terms.billing,
            period_amount=MoneyView.of(terms.period_amount),
        )


class PendingCancellation(BaseModel):
    """A cancellation that can be undone until it takes effect."""

    at: datetime
    requested_at: datetime


class PendingChangeView(BaseModel):
    """A decrease that can be undone until it takes effect."""

    id: str = Field(examples=[CHANGE_ID])
    at: datetime
    requested_at: datetime
    terms: TermsView


class PayingChangeView(BaseModel):
    """An increase that comes into force once its invoice is paid."""

    id: str = Field(examples=[CHANGE_ID])
    invoice: str
    action_url: str | None = Field(description="Where the customer authenticates the payment")
    requested_at: datetime
    expires_at: datetime = Field(description="When a payment that nobody completed is abandoned")
    terms: TermsView

    @classmethod
    def of(cls, change: ChangeUnderWay, invoice: OpenInvoice | None) -> Self:
        """The change, and where its payment stands."""
        return cls(
            id=change.change_id,
            invoice=change.invoice_id,
            action_url=None if invoice is None else invoice.action_url,
            requested_at=change.requested_at,
            expires_at=change.expires_at,
            terms=TermsView.of(change.target),
        )


class PlannedMigrationView(BaseModel):
    """A price that was announced and begins at a renewal (policy P33)."""

    id: str = Field(examples=["mig_4a1b9c0d2e3f4a1b9c0d2e3f"])
    not_before: datetime = Field(description="The migration's date or the end of the notice")
    at: datetime | None = Field(description="The renewal at which it begins")
    planned_at: datetime
    terms: TermsView


class RedeemedDiscountView(BaseModel):
    """A coupon that the subscription has redeemed."""

    coupon: str = Field(examples=["SPRING"])
    name: str = Field(examples=["Spring sale"])
    redeemed_at: datetime
    invoices: int = Field(description="How many it has discounted")
    used_up: bool = Field(description="Whether no further invoice is discounted")

    @classmethod
    def of(cls, discount: RedeemedDiscount) -> Self:
        """The discount; its terms are those of the day on which it was redeemed."""
        return cls(
            coupon=discount.coupon.id,
            name=discount.coupon.name,
            redeemed_at=discount.redeemed_at,
            invoices=discount.invoices,
            used_up=discount.is_used_up,
        )


class PauseView(BaseModel):
    """The subscription rests."""

    mode: PauseMode
    paused_at: datetime
    resumes_at: datetime | None = Field(
        description="null: it waits for a payment method, as the trial ended without one"
    )


class SubscriptionView(Answer):
    """A subscription as it is now, and what will happen to it."""

    id: str = Field(examples=["sub_4a1b9c0d2e3f4a1b9c0d2e3f"])
    customer: str
    status: SubscriptionStatus
    product: str
    product_name: str
    family: str
    price: str
    price_version: int
    quantity: int
    currency: str
    dimensions: dict[str, str] = Field(description="Of a matrix; empty for other prices")
    base_amount_minor: int | None = Field(description="What a percentage is taken of")
    interval: IntervalUnit
    interval_count: int
    billing: BillingMode = Field(
        description="Whether a period is billed at its beginning or at its end"
    )
    period_amount: MoneyView = Field(description="Before discounts and tax")
    created_at: datetime
    trial: PeriodView | None
    current_period: PeriodView | None
    billing_anchor_at: datetime | None
    parent: str | None = Field(
        description="Of an add-on: the subscription that it is sold beside, and ends with"
    )
    parent_ends_at: datetime | None = Field(
        description="Of an add-on: when its parent ends, and it with it; null while that goes on"
    )
    cancellation: PendingCancellation | None
    pending_change: PendingChangeView | None
    change: PayingChangeView | None = Field(description="A change that is being paid for")
    migration: PlannedMigrationView | None = Field(
        description="A price that was announced and begins at a renewal"
    )
    contract_until: datetime | None = Field(
        description="Until when the price is promised; null where it is not"
    )
    pause: PauseView | None
    grace_until: datetime | None = Field(
        description="Until when attempts to collect go on: an operator lets them, or a bank refused"
        " a debit too late for the ladder"
    )
    unbilled_from: datetime | None = Field(
        description="Since when service goes on in a period that is billed next"
    )
    discounts: list[RedeemedDiscountView] = Field(
        description="In the order in which they are applied"
    )
    open_disputes: list[str] = Field(examples=[["dp_1PqZ"]])
    ended_at: datetime | None
    end_reason: EndReason | None
    activation_refused: bool = Field(
        description="The first payment was refused; another method may still complete the checkout"
    )
    open_invoices: list[OpenInvoiceView]
    latest_invoice: str | None
    test_clock: str | None
    next_actions: list[NextActionView] = Field(
        description="What will happen, when and why, first things first"
    )
    version: int = Field(
        description="Grows when what is sold, until when or whether changes: see `If-Match`"
    )
    revision: int = Field(description="Grows with whatever happens to the subscription")

    @property
    def shown_version(self) -> int:
        """The one that commands can be based on."""
        return self.version

    @classmethod
    def of(cls, state: SubscriptionState, *, test_clock_id: str | None) -> Self:
        """The state, without what only the workflow needs."""
        terms = state.terms
        return cls(
            id=state.subscription_id,
            customer=state.customer_id,
            status=state.status,
            product=terms.product_id,
            product_name=terms.product_name,
            family=terms.family,
            price=terms.price_id,
            price_version=terms.price_version,
            quantity=terms.quantity,
            currency=terms.currency,
            dimensions=terms.configuration.dimensions,
            base_amount_minor=terms.configuration.base_amount_minor,
            interval=terms.require_interval().unit,
            interval_count=terms.require_interval().count,
            billing=terms.billing,
            period_amount=MoneyView.of(terms.period_amount),
            created_at=state.created_at,
            trial=_period(state.trial),
            current_period=_period(state.period),
            billing_anchor_at=state.anchor_at,
            parent=state.parent_id,
            parent_ends_at=None if state.parent_end is None else state.parent_end.at,
            cancellation=_cancellation(state),
            pending_change=_pending_change(state),
            change=_change(state),
            migration=_migration(state),
            contract_until=terms.contract_until,
            pause=_pause(state),
            grace_until=state.grace_until,
            unbilled_from=state.unbilled_from,
            discounts=[RedeemedDiscountView.of(each) for each in state.discounts],
            open_disputes=list(state.open_disputes),
            ended_at=state.ended_at,
            end_reason=state.end_reason,
            activation_refused=state.activation_refused,
            open_invoices=[OpenInvoiceView.of(invoice) for invoice in state.open_invoices],
            latest_invoice=state.last_invoice_id,
            test_clock=test_clock_id,
            next_actions=next_actions_of(state),
            version=state.version,
            revision=state.revision,
        )


def _period(period: Period | None) -> PeriodView | None:
    return None if period is None else PeriodView.of(period)


def _cancellation(state: SubscriptionState) -> PendingCancellation | None:
    pending = state.cancellation
    if pending is None:
        return None
    return PendingCancellation(at=pending.at, requested_at=pending.requested_at)


def _pending_change(state: SubscriptionState) -> PendingChangeView | None:
    pending = state.pending_change
    if pending is None:
        return None
    return PendingChangeView(
        id=pending.change_id,
        at=pending.at,
        requested_at=pending.requested_at,
        terms=TermsView.of(pending.target),
    )


def _change(state: SubscriptionState) -> PayingChangeView | None:
    change = state.change
    if change is None:
        return None
    return PayingChangeView.of(change, state.open_invoice(change.invoice_id))


def _migration(state: SubscriptionState) -> PlannedMigrationView | None:
    plan = state.waiting_migration
    if plan is None:
        return None
    return PlannedMigrationView(
        id=plan.migration_id,
        not_before=plan.not_before,
        at=moves_at(state, plan.not_before),
        planned_at=plan.planned_at,
        terms=TermsView.of(plan.target),
    )


def _pause(state: SubscriptionState) -> PauseView | None:
    pause = state.pause
    if pause is None:
        return None
    return PauseView(mode=pause.mode, paused_at=pause.paused_at, resumes_at=pause.resumes_at)


def next_actions_of(state: SubscriptionState) -> list[NextActionView]:
    """What will happen to it, first things first."""
    return [
        NextActionView(
            kind=action.kind, at=action.at, reason=action.reason, invoice=action.invoice_id
        )
        for action in agenda(state)
    ]
