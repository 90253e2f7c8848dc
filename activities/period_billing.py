"""Billing a period: the invoice, its journal entry and the new state, in one transaction.

Owns what is written when a period is billed and when a subscription may go live. Does not own
which period is due (`billing.agenda`) nor collecting the money (`activities.collection`).
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from temporalio import activity

from billing import ledger, lifecycle
from billing.event import DomainEvent
from billing.ids import effect_key
from billing.invoice import InvoiceRecord, draft_for_period
from billing.money import Money
from billing.period import Period
from billing.ports.storage import Claim, Transaction, UnitOfWork
from billing.subscription import EndReason, SubscriptionState, SubscriptionStatus
from billing.value import Instant, Value


class BillPeriod(Value):
    """Bill what follows in `state`; `now` is the subscription's present."""

    state: SubscriptionState
    now: Instant


class Billed(Value):
    """The period has its invoice."""

    kind: Literal["billed"] = "billed"
    number: int
    period: Period
    anchor_at: Instant
    invoice_id: str
    amount_due: Money
    due_at: Instant
    stored_revision: int


class NotBilled(Value):
    """Nothing was invoiced and nothing may be charged."""

    kind: Literal["not_billed"] = "not_billed"
    reason: Literal["no_payment_method", "family_taken", "trial_used", "has_ended"]
    ended_at: Instant | None = None
    """With `has_ended`: when, as it was recorded."""
    end_reason: EndReason | None = None
    """With `has_ended`: why, as it was recorded."""
    stored_revision: None = None


class StartTrial(Value):
    """Begin the trial of `state` at `now`."""

    state: SubscriptionState
    now: Instant


class TrialStarted(Value):
    """The trial runs."""

    kind: Literal["trial_started"] = "trial_started"
    trial: Period
    stored_revision: int


BillingOutcome = Annotated[Billed | NotBilled, Field(discriminator="kind")]
TrialOutcome = Annotated[TrialStarted | NotBilled, Field(discriminator="kind")]


class PeriodBilling:
    """Activities that make a subscription owe, each in one database transaction."""

    def __init__(self, *, open_transaction: UnitOfWork) -> None:
        self._open_transaction = open_transaction

    @activity.defn
    async def start_trial(self, request: StartTrial) -> TrialOutcome:
        """Takes the customer's one trial of the family and begins it (policy P10, P16)."""
        async with self._open_transaction() as tx:
            recorded = await tx.subscriptions.recorded(request.state.subscription_id)
            if recorded is not None and recorded.has_ended:
                return _ended(recorded)
            claim = await tx.subscriptions.claim(request.state, with_trial=True)
            if claim is not Claim.GRANTED:
                return NotBilled(reason=claim.value)
            # After a reset the trial is the one that was started before, not a later one.
            before = None if recorded is None else recorded.trial
            trial = before or lifecycle.first_trial(request.state, request.now)
            after = lifecycle.trial_started(request.state, trial)
            stored = await tx.subscriptions.save(after)
            await tx.events.append(_trial_event(after, request.now))
            return TrialStarted(trial=trial, stored_revision=stored)

    @activity.defn
    async def bill_period(self, request: BillPeriod) -> BillingOutcome:
        """Invoices the next period once, however often it is asked to (policy P32)."""
        async with self._open_transaction() as tx:
            refusal = await _refusal(tx, request.state)
            if refusal is not None:
                return refusal
            return await _bill(tx, request.state, request.now)


async def _refusal(tx: Transaction, state: SubscriptionState) -> NotBilled | None:
    recorded = await tx.subscriptions.recorded(state.subscription_id)
    if recorded is not None and recorded.has_ended:
        return _ended(recorded)
    if state.status is SubscriptionStatus.INCOMPLETE:
        claim = await tx.subscriptions.claim(state, with_trial=False)
        return None if claim is Claim.GRANTED else NotBilled(reason=claim.value)
    costs = state.terms.period_amount.amount_minor > 0
    if state.status is SubscriptionStatus.TRIALING and costs:
        customer = await tx.customers.get(state.customer_id)
        if customer.default_payment_method_id is None:
            return NotBilled(reason="no_payment_method")
    return None


def _ended(recorded: SubscriptionState) -> NotBilled:
    """No reset leads out of the end (`ENDED_STATUSES`): nothing is charged after it."""
    return NotBilled(reason="has_ended", ended_at=recorded.ended_at, end_reason=recorded.end_reason)


async def _bill(tx: Transaction, state: SubscriptionState, now: datetime) -> Billed:
    number, period, anchor_at = lifecycle.next_billing(state, now)
    draft = draft_for_period(
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        price=await tx.prices.get(state.terms.price_id, state.terms.price_version),
        product_name=state.terms.product_name,
        quantity=state.terms.quantity,
        period=period,
        period_number=number,
        now=now,
    )
    invoice = await tx.invoices.finalize(draft)
    if number == 0:
        # After a reset the invoice is there already, and its period is what counts.
        period, anchor_at = invoice.period, invoice.period.start
    if draft.total.amount_minor:
        await tx.ledger.post(ledger.invoice_finalized(draft))
    after = lifecycle.period_billed(
        state,
        number=number,
        period=period,
        anchor_at=anchor_at,
        invoice_id=invoice.id,
        amount_due=invoice.amount_due,
        due_at=invoice.due_at,
    )
    stored = await tx.subscriptions.save(after)
    await tx.events.append(*_billing_events(state, after, invoice, now))
    return Billed(
        number=number,
        period=period,
        anchor_at=anchor_at,
        invoice_id=invoice.id,
        amount_due=invoice.amount_due,
        due_at=invoice.due_at,
        stored_revision=stored,
    )


def _trial_event(state: SubscriptionState, now: datetime) -> DomainEvent:
    trial_end = state.trial.end.isoformat() if state.trial is not None else None
    return DomainEvent(
        key=effect_key("subscription.trial_started", state.subscription_id),
        type="subscription.trial_started",
        at=now,
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        details={"trial_end": trial_end},
    )


def _billing_events(
    before: SubscriptionState, after: SubscriptionState, invoice: InvoiceRecord, now: datetime
) -> list[DomainEvent]:
    subject = {"customer_id": after.customer_id, "subscription_id": after.subscription_id}
    number = after.period_number or 0
    period = {
        "period_start": after.period.start.isoformat() if after.period else None,
        "period_end": after.period.end.isoformat() if after.period else None,
    }
    events = [
        DomainEvent(
            key=effect_key("invoice.finalized", invoice.id),
            type="invoice.finalized",
            at=now,
            details={
                "invoice_id": invoice.id,
                "number": invoice.number,
                "amount_minor": invoice.total.amount_minor,
                "currency": invoice.total.currency,
                **period,
            },
            **subject,
        )
    ]
    if before.status is not SubscriptionStatus.INCOMPLETE:
        happened = "trial_converted" if before.anchor_at is None else "renewed"
    elif after.status is SubscriptionStatus.ACTIVE:
        happened = "activated"
    else:
        return events
    events.append(
        DomainEvent(
            key=effect_key(f"subscription.{happened}", after.subscription_id, number),
            type=f"subscription.{happened}",
            at=now,
            details=period,
            **subject,
        )
    )
    return events
