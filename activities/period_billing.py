"""Billing a period: the invoice, its journal entry and the new state, in one transaction.

Owns what is written when a period is billed and when a subscription may go live. Does not own
which period is due (`billing.agenda`) nor collecting the money (`activities.collection`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, assert_never

from pydantic import Field
from temporalio import activity

from activities.overtaking import recorded_before
from activities.writing_off import write_off
from billing import ledger, lifecycle
from billing.catalog import WithoutPaymentMethod
from billing.discount import DiscountUse
from billing.event import DomainEvent
from billing.first_period import anchor_for, first_number
from billing.ids import effect_key
from billing.invoice import InvoiceDraft, InvoiceLine, InvoiceRecord, invoice_id
from billing.invoice_item import InvoiceItem
from billing.money import Money
from billing.parent import ParentEnd
from billing.period import Period
from billing.ports.storage import Claim, Transaction, UnitOfWork
from billing.ports.tax import NoTaxRates, TaxRates
from billing.price import Price
from billing.subscription import (
    AccruedPart,
    EndReason,
    PlannedMigration,
    PromisedBack,
    SubscriptionState,
    SubscriptionStatus,
)
from billing.tax import UNTAXED, Taxation
from billing.upcoming import drafted, first_items, is_free
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
    anchor_number: int = 0
    invoice_id: str | None
    """None where there was nothing to charge: what begins is billed in arrears."""
    amount_due: Money
    due_at: Instant
    carried: tuple[InvoiceLine, ...] = ()
    uses: tuple[DiscountUse, ...] = ()
    for_the_past: bool = False
    """It is for what was had until then."""
    net_days: int | None = None
    """It was sent, and is due so many days later (policy P22)."""
    is_last: bool = False
    """Nothing begins: the subscription is over."""
    stored_revision: int


class NotBilled(Value):
    """Nothing was invoiced and nothing may be charged."""

    kind: Literal["not_billed"] = "not_billed"
    reason: Literal[
        "no_payment_method",
        "rests_without_method",
        "family_taken",
        "trial_used",
        "has_ended",
        "parent_ended",
    ]
    ended_at: Instant | None = None
    """With `has_ended`: when, as it was recorded."""
    end_reason: EndReason | None = None
    """With `has_ended`: why, as it was recorded."""
    promised_back: PromisedBack | None = None
    """With `has_ended`: of invoices that are paid all the same."""
    parent_end: ParentEnd | None = None
    """With `parent_ended`: when that was, and how."""
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

    def __init__(self, *, open_transaction: UnitOfWork, taxes: TaxRates | None = None) -> None:
        """Without `taxes`, none are charged."""
        self._open_transaction = open_transaction
        self._taxes = taxes or NoTaxRates()

    @activity.defn
    async def start_trial(self, request: StartTrial) -> TrialOutcome:
        """Takes the customer's one trial of the family and begins it (policy P10, P16)."""
        async with self._open_transaction() as tx:
            recorded = await recorded_before(tx, request.state)
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
        """Invoices the next period once, however often it is asked to (policy P32).

        It is taxed as of its beginning, however late it is billed (policy P9); what was had in
        arrears so too, as its supply ends then. Of one that has ended, that is billed alone.
        Raises `Overtaken`, as all of these do.
        """
        following = lifecycle.next_billing(request.state, request.now)
        if is_free(request.state, following):
            try:
                return await self._billed(request, None)
            except _Taxable:
                pass  # what waits for the invoice is no longer unknown: ask, and bill again
        begins_at = following.billed.start
        taxation = await self._taxes.taxation(request.state.customer_id, begins_at)
        return await self._billed(request, taxation)

    async def _billed(self, request: BillPeriod, taxation: Taxation | None) -> BillingOutcome:
        async with self._open_transaction() as tx:
            recorded = await recorded_before(tx, request.state)
            is_last = request.state.has_ended
            refusal = None if is_last else await _refusal(tx, request.state, recorded)
            if refusal is not None:
                return refusal
            return await _bill(tx, request.state, taxation, request.now)


async def _refusal(
    tx: Transaction, state: SubscriptionState, recorded: SubscriptionState | None
) -> NotBilled | None:
    if recorded is not None and recorded.has_ended:
        return _ended(recorded)
    if state.parent_id is not None:
        parent = await tx.subscriptions.recorded(state.parent_id)
        if parent is not None and parent.has_ended:
            return NotBilled(reason="parent_ended", parent_end=parent.end_for_addons)
    if state.status is SubscriptionStatus.INCOMPLETE:
        claim = await tx.subscriptions.claim(state, with_trial=False)
        return None if claim is Claim.GRANTED else NotBilled(reason=claim.value)
    costs = state.terms.period_amount.amount_minor > 0
    if state.status is SubscriptionStatus.TRIALING and costs:
        customer = await tx.customers.get(state.customer_id)
        if not customer.can_be_billed:
            return _without_method(state)
    return None


def _without_method(state: SubscriptionState) -> NotBilled | None:
    """What the product says about a trial that ends without a payment method (policy P10)."""
    trial = state.terms.trial
    rule = WithoutPaymentMethod.CANCEL if trial is None else trial.without_payment_method
    match rule:
        case WithoutPaymentMethod.CANCEL:
            return NotBilled(reason="no_payment_method")
        case WithoutPaymentMethod.PAUSE:
            return NotBilled(reason="rests_without_method")
        case WithoutPaymentMethod.INVOICE:
            return None
        case _:
            assert_never(rule)


def _ended(recorded: SubscriptionState) -> NotBilled:
    """No reset leads out of the end (`ENDED_STATUSES`): nothing is charged after it."""
    return NotBilled(
        reason="has_ended",
        ended_at=recorded.ended_at,
        end_reason=recorded.end_reason,
        promised_back=recorded.promised_back,
    )


class _Taxable(Exception):
    """Something waits for an invoice that would cost nothing, and nobody was asked for its tax."""


async def _bill(
    tx: Transaction, state: SubscriptionState, taxation: Taxation | None, now: datetime
) -> Billed:
    """Without a taxation where nothing costs anything. Raises `_Taxable` where something does."""
    following = lifecycle.next_billing(state, now)
    terms = following.terms
    price = await tx.prices.of(terms)
    accrued_prices = await prices_of(tx, following.accrued)
    items = await _items(tx, state, invoice_id(state.subscription_id, following.number), now)
    if taxation is None and not is_free(state, following, items):
        raise _Taxable
    draft = drafted(
        state,
        following,
        price=price,
        accrued_prices=accrued_prices,
        items=items,
        taxation=taxation or UNTAXED,
        now=now,
    )
    invoice = await _finalized(tx, draft)
    period, anchor_at = following.period, following.anchor_at
    anchor_number = following.anchor_number
    if following.number == 0 and invoice is not None:
        # After a reset the invoice is there already, and its period is what counts.
        period, anchor_at = invoice.period, anchor_for(terms, invoice.period.start)
        anchor_number = -first_number(terms, invoice.period.start)
    billed = Billed(
        number=following.number,
        period=period,
        anchor_at=anchor_at,
        anchor_number=anchor_number,
        invoice_id=None if invoice is None else invoice.id,
        amount_due=draft.total if invoice is None else invoice.amount_due,
        due_at=draft.due_at if invoice is None else invoice.due_at,
        carried=draft.carried,
        uses=draft.uses,
        for_the_past=bool(following.accrued),
        net_days=None if invoice is None else invoice.net_days,
        is_last=state.has_ended,
        stored_revision=0,
    )
    after = after_billing(state, billed)
    stored = await tx.subscriptions.save(after)
    if billed.is_last:
        await write_off(tx, after, stored_revision=stored)
    await tx.events.append(*_billing_events(state, after, invoice, now))
    return billed.model_copy(update={"stored_revision": stored})


async def prices_of(tx: Transaction, parts: Sequence[AccruedPart]) -> tuple[Price, ...]:
    """What each part was sold at."""
    return tuple([await tx.prices.of(part.terms) for part in parts])


async def _finalized(tx: Transaction, draft: InvoiceDraft) -> InvoiceRecord | None:
    """None where there is nothing to charge."""
    if not draft.lines:
        return None
    invoice = await tx.invoices.finalize(draft)
    entry = ledger.invoice_finalized(draft, from_balance=invoice.from_balance)
    if entry is not None:
        await tx.ledger.post(entry)
    return invoice


async def _items(
    tx: Transaction, state: SubscriptionState, invoice_id: str, now: datetime
) -> tuple[InvoiceItem, ...]:
    """What waits for the invoice, and is its own from now on, as is what was bought with it."""
    taken = await tx.items.take(state.subscription_id, invoice_id=invoice_id, at=now)
    bought = first_items(state)
    for item in bought:
        await tx.items.add_invoiced(item, invoice_id=invoice_id, at=now)
    own = {item.id for item in bought}
    return tuple(item for item in taken if item.id not in own)


def after_billing(state: SubscriptionState, billed: Billed) -> SubscriptionState:
    """The state that a billed period leads to: stored here, and followed by the workflow."""
    if billed.is_last:
        return lifecycle.last_billed(
            state,
            invoice_id=billed.invoice_id,
            amount_due=billed.amount_due,
            due_at=billed.due_at,
            carried=billed.carried,
            uses=billed.uses,
            net_days=billed.net_days,
        )
    return lifecycle.period_billed(
        state,
        number=billed.number,
        period=billed.period,
        anchor_at=billed.anchor_at,
        anchor_number=billed.anchor_number,
        invoice_id=billed.invoice_id,
        amount_due=billed.amount_due,
        due_at=billed.due_at,
        carried=billed.carried,
        uses=billed.uses,
        for_the_past=billed.for_the_past,
        net_days=billed.net_days,
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
    before: SubscriptionState,
    after: SubscriptionState,
    invoice: InvoiceRecord | None,
    now: datetime,
) -> list[DomainEvent]:
    subject = {"customer_id": after.customer_id, "subscription_id": after.subscription_id}
    number = after.period_number or 0
    period = {
        "period_start": after.period.start.isoformat() if after.period else None,
        "period_end": after.period.end.isoformat() if after.period else None,
    }
    events = [_finalized_event(invoice, now, subject, period)] if invoice is not None else []
    if before.has_ended or before.purchase is not None:
        return events
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
    if before.waiting_migration is not None and after.waiting_migration is None:
        events.append(_migration_event(before, after, before.waiting_migration, now))
    return events


def _finalized_event(
    invoice: InvoiceRecord,
    now: datetime,
    subject: dict[str, str],
    period: dict[str, str | None],
) -> DomainEvent:
    return DomainEvent(
        key=effect_key("invoice.finalized", invoice.id),
        type="invoice.finalized",
        at=now,
        customer_id=subject["customer_id"],
        subscription_id=subject["subscription_id"],
        details={
            "invoice_id": invoice.id,
            "number": invoice.number,
            "amount_minor": invoice.total.amount_minor,
            "currency": invoice.total.currency,
            **period,
        },
    )


def _migration_event(
    before: SubscriptionState, after: SubscriptionState, plan: PlannedMigration, now: datetime
) -> DomainEvent:
    """It moved to the price that was announced, or did not, and why (policy P33)."""
    settled = plan if after.migration is None else after.migration
    kind = f"subscription.migration_{settled.progress}"
    return DomainEvent(
        key=effect_key(kind, after.subscription_id, plan.migration_id),
        type=kind,
        at=now,
        customer_id=after.customer_id,
        subscription_id=after.subscription_id,
        details={
            "migration_id": plan.migration_id,
            "from_price": before.terms.price_id,
            "from_version": before.terms.price_version,
            "to_price": plan.target.price_id,
            "to_version": plan.target.price_version,
            "reason": None if settled.reason is None else settled.reason.value,
        },
    )
