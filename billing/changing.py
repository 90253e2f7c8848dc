"""What changes of what is sold do to a subscription (policy P11, P12, P15).

Owns the transitions: a change in force at once, one that is being paid for, one that waits for the
period's end, and the ways out of each. Does not own what a change costs (`billing.change`).
"""

from datetime import datetime, timedelta
from typing import Final, assert_never

from billing import accrual, lifecycle, messages, migrating, sending
from billing.change import PlannedChange, classify
from billing.discount import after_uses
from billing.errors import Conflict
from billing.first_period import anchor_for, first_number, first_period
from billing.invoice import InvoiceRecord
from billing.migration import SkipReason
from billing.money import Money
from billing.payment import (
    ActionRequired,
    AlreadyClosed,
    CollectionOutcome,
    Declined,
    NoPaymentMethod,
    NotAuthenticated,
    Paid,
    Processing,
    Superseded,
)
from billing.subscription import (
    AppliedCommand,
    ChangeResult,
    ChangeUnderWay,
    OpenInvoice,
    PendingChange,
    SubscriptionState,
    SubscriptionStatus,
    Terms,
)
from billing.write_off import write_offs_of

PATIENCE: Final = timedelta(hours=24)
"""How long a customer may take to complete the payment of a change (policy P11)."""


def change_scheduled(
    state: SubscriptionState, plan: PlannedChange, change_id: str, now: datetime
) -> SubscriptionState:
    """A decrease waits for the period's end (policy P12)."""
    pending = PendingChange(
        change_id=change_id,
        target=plan.target,
        at=plan.at,
        requested_at=now,
        migrates_to=plan.migrates_to,
    )
    message = messages.change_scheduled(state, pending, now)
    return state.changed(pending_change=pending, messages=(*state.messages, message))


def begun_before(
    state: SubscriptionState, stored: SubscriptionState, change_id: str, at: datetime
) -> PlannedChange | None:
    """The plan of a change without an invoice that has made `stored` of the state; None of another.

    Tried again, it is not planned again: what is on sale may have changed in between.
    """
    pending = stored.pending_change
    if pending is not None and pending.change_id == change_id:
        target, when, migrates_to = pending.target, pending.at, pending.migrates_to
    elif any(messages.tells_of_change(each, change_id) for each in stored.messages):
        waiting = stored.waiting_migration
        target, when = stored.terms, max(at, state.running_period.start)
        migrates_to = None if waiting is None else waiting.target
    else:
        return None
    return PlannedChange(
        kind=classify(state.terms, target),
        target=target,
        at=when,
        period=stored.running_period,
        starts_period=stored.period_number != state.period_number,
        total=Money.zero(target.currency),
        migrates_to=migrates_to,
    )


def change_undone(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """What waits is forgotten, for the period's end or at a bank's challenge.

    Raises `Conflict` (`no_pending_change`).
    """
    return set_aside(state) if waits_for_customer(state) else decrease_undone(state, now)


def decrease_undone(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """What waits for the period's end is forgotten. Raises `Conflict` (`no_pending_change`)."""
    if state.pending_change is None:
        raise Conflict("no_pending_change", "no change is pending")
    message = messages.change_undone(state, now)
    return state.changed(pending_change=None, messages=(*state.messages, message))


def change_paid_first(
    state: SubscriptionState,
    plan: PlannedChange,
    invoice: InvoiceRecord,
    change_id: str,
    now: datetime,
) -> SubscriptionState:
    """An increase is in force at once where nothing is to pay, else when its invoice is paid.

    Who has net terms pays later: it is in force at once, and its invoice is sent (policy P22).
    """
    if invoice.amount_due.amount_minor == 0:
        return change_in_force(state.changed(last_invoice_id=invoice.id), plan, change_id, now)
    if invoice.net_days is not None:
        return change_in_force(_sent(state, invoice), plan, change_id, now, invoice_id=invoice.id)
    under_way = ChangeUnderWay(
        change_id=change_id,
        target=plan.target,
        invoice_id=invoice.id,
        period=plan.period,
        starts_period=plan.starts_period,
        requested_at=now,
        expires_at=min(now + PATIENCE, state.running_period.end),
        carried=plan.carried,
        migrates_to=plan.migrates_to,
        uses=plan.uses,
        gives_back_of=tuple(
            dict.fromkeys(line.credits.invoice_id for line in plan.lines if line.credits)
        ),
        at=plan.at,
    )
    open_invoice = OpenInvoice(
        invoice_id=invoice.id,
        amount=invoice.amount_due,
        due_at=now,
        next_attempt_at=now,
        for_change=change_id,
        customer_present=True,
    )
    return state.changed(
        change=under_way,
        open_invoices=(*state.open_invoices, open_invoice),
        last_invoice_id=invoice.id,
    )


def _sent(state: SubscriptionState, invoice: InvoiceRecord) -> SubscriptionState:
    opened = sending.opened(
        invoice_id=invoice.id,
        amount=invoice.amount_due,
        due_at=invoice.due_at,
        net_days=invoice.net_days,
    )
    is_known = state.open_invoice(invoice.id) is not None
    invoices = state.open_invoices if is_known else (*state.open_invoices, opened)
    return state.changed(
        open_invoices=invoices,
        last_invoice_id=invoice.id,
        messages=(*state.messages, *sending.news_of(state, invoices)),
    )


def change_in_force(
    state: SubscriptionState,
    plan: PlannedChange,
    change_id: str,
    now: datetime,
    *,
    invoice_id: str = "",
) -> SubscriptionState:
    """What is sold is replaced; what was pending is replaced with it (policy P12)."""
    under_way = ChangeUnderWay(
        change_id=change_id,
        target=plan.target,
        invoice_id=invoice_id,
        period=plan.period,
        starts_period=plan.starts_period,
        requested_at=now,
        expires_at=now,
        carried=plan.carried,
        migrates_to=plan.migrates_to,
        uses=plan.uses,
        at=plan.at,
    )
    return _in_force(state, under_way)


def change_collected(
    state: SubscriptionState, invoice: OpenInvoice, outcome: CollectionOutcome
) -> SubscriptionState:
    """What an attempt to collect the invoice of a change means; `invoice` counts it already."""
    match outcome:
        case Paid():
            return change_resolved(_without(state, invoice), _id(invoice), is_paid=True)
        case Declined():
            refused = change_resolved(_without(state, invoice), _id(invoice), is_paid=False)
            return _noted(
                refused, _id(invoice), ChangeResult.DECLINED, decline=outcome.decline.reason
            )
        case NoPaymentMethod():
            refused = change_resolved(_without(state, invoice), _id(invoice), is_paid=False)
            return _noted(refused, _id(invoice), ChangeResult.DECLINED, decline="no_payment_method")
        case AlreadyClosed() | Superseded() | NotAuthenticated():
            return change_resolved(_without(state, invoice), _id(invoice), is_paid=False)
        case ActionRequired():
            waiting = invoice.model_copy(update={"action_url": outcome.url})
        case Processing():
            waiting = invoice.model_copy(update={"in_processing": True})
        case _:
            assert_never(outcome)
    others = (o for o in state.open_invoices if o.invoice_id != invoice.invoice_id)
    return state.changed(open_invoices=(*others, waiting))


def change_resolved(
    state: SubscriptionState, change_id: str, *, is_paid: bool
) -> SubscriptionState:
    """Paid: in force, where it still can be. Else nothing has changed."""
    change = state.change
    if change is None or change.change_id != change_id:
        return _noted(state, change_id, ChangeResult.ABANDONED)
    if is_paid and still_applies(state):
        return _in_force(state, change)
    return _noted(state.changed(change=None), change_id, ChangeResult.ABANDONED)


def waits_for_customer(state: SubscriptionState) -> bool:
    """Whether a change waits for its customer at the bank's challenge; nothing is on its way."""
    invoice = None if state.change is None else state.open_invoice(state.change.invoice_id)
    return invoice is not None and invoice.action_url is not None and not invoice.in_processing


def set_aside(state: SubscriptionState) -> SubscriptionState:
    """The customer wants something else: such a change is abandoned now, and its payment stopped.

    Where it turns out to be paid all the same, the money is the customer's (policy P11).
    """
    change = state.change
    if change is None or not waits_for_customer(state):
        return state
    given_up = {"given_up": True, "next_attempt_at": None, "action_url": None}
    invoices = tuple(
        invoice.model_copy(update=given_up) if invoice.for_change == change.change_id else invoice
        for invoice in state.open_invoices
    )
    left = state.changed(change=None, open_invoices=invoices)
    return _noted(left, change.change_id, ChangeResult.ABANDONED)


def without_disputed_credit(state: SubscriptionState, invoice_id: str | None) -> SubscriptionState:
    """The payment of an invoice is disputed: nothing of it is given back, by no change either.

    One that waits at a challenge would be refused if it were asked for now, and is set aside.
    """
    change = state.change
    is_credited = change is not None and invoice_id in change.gives_back_of
    return set_aside(state) if is_credited else state


def is_being_closed(state: SubscriptionState) -> bool:
    """Whether the invoice of a change that was given up is not voided yet."""
    return any(invoice.for_change and invoice.given_up for invoice in state.open_invoices)


def is_being_voided(state: SubscriptionState) -> bool:
    """Whether it will be at once: no bank has its payment."""
    given_up = (i for i in state.open_invoices if i.for_change and i.given_up)
    return is_being_closed(state) and not any(i.in_processing for i in given_up)


def still_applies(state: SubscriptionState) -> bool:
    """Whether the change that is being paid can come into force: in the period it was made for."""
    change = state.change
    return (
        change is not None
        and not state.has_ended
        and state.status in {SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE}
        and change.requested_at in state.running_period
    )


def is_abandoned(state: SubscriptionState, invoice: OpenInvoice, now: datetime) -> bool:
    """Whether the customer took too long, or the change is gone."""
    change = state.change
    if change is None or change.change_id != invoice.for_change:
        return True
    return change.expires_at <= now


def downgraded(state: SubscriptionState, fallback: Terms, now: datetime) -> SubscriptionState:
    """Dunning ends with the free plan: it begins now, and what was not paid is not owed (P18).

    But for what was had in arrears: that is a bad debt where it was invoiced, and not billed where
    it was not. What was sent has its own patience (policy P22), and stays past due where it is.
    Who has the free plan, and did not pay for something besides, keeps it as it runs.
    """
    left = tuple(
        invoice if invoice.is_sent else lifecycle.given_up(invoice)
        for invoice in state.open_invoices
    )
    is_overdue = any(invoice.is_overdue and not invoice.given_up for invoice in left)
    status = SubscriptionStatus.PAST_DUE if is_overdue else SubscriptionStatus.ACTIVE
    if state.terms.price_id == fallback.price_id:
        return state.changed(status=status, grace_until=None, open_invoices=left)
    number = (state.period_number or 0) + 1
    message = messages.subscription_downgraded(state, fallback, now)
    return state.changed(
        status=status,
        terms=fallback,
        anchor_at=anchor_for(fallback, now),
        anchor_number=number - first_number(fallback, now),
        period_number=number,
        period=first_period(fallback, now),
        extension=timedelta(0),
        accrued=(),
        accrues_from=accrual.begins(fallback, now),
        pending_change=None,
        cancellation=None,
        change=None,
        migration=migrating.dropped(state.migration, SkipReason.PAST_DUE, now),
        grace_until=None,
        carried=(),
        written_off=(
            *state.written_off,
            *write_offs_of(
                state.carried,
                subscription_id=state.subscription_id,
                cause=f"downgraded:{number}",
                invoice_id=state.last_invoice_id,
                now=now,
            ),
        ),
        messages=(*state.messages, message),
        open_invoices=left,
    )


def _in_force(state: SubscriptionState, change: ChangeUnderWay) -> SubscriptionState:
    number = (state.period_number or 0) + (1 if change.starts_period else 0)
    changes: dict[str, object] = {
        "terms": change.target,
        "discounts": after_uses(state.discounts, change.uses, period_number=number),
        "carried": (*state.carried, *change.carried),
        "change": None,
        "pending_change": None,
        "cancellation": None,
    }
    if state.status is SubscriptionStatus.TRIALING:
        changes["cancellation"] = state.cancellation
    if state.migration is not None:
        changes["migration"] = migrating.followed(
            state.migration, change.migrates_to, change.requested_at
        )
    if change.starts_period:
        changes |= {
            "anchor_at": anchor_for(change.target, change.period.start),
            "anchor_number": number - first_number(change.target, change.period.start),
            "period_number": number,
            "period": change.period,
            "extension": timedelta(0),
            "accrued": (),
            "accrues_from": accrual.begins(change.target, change.period.start),
        }
    else:
        changes |= accrual.replaced_at(state, change.target, change.at or change.requested_at)
    told = messages.plan_changed(state, change)
    after = state.changed(**changes, messages=(*state.messages, told))
    return _noted(after, change.change_id, ChangeResult.APPLIED)


def _noted(
    state: SubscriptionState,
    change_id: str,
    result: ChangeResult,
    *,
    decline: str | None = None,
) -> SubscriptionState:
    """The command that asked for it is answered with the result from now on."""

    def noted(command: AppliedCommand) -> AppliedCommand:
        if command.command_id != change_id:
            return command
        return command.model_copy(update={"result": result, "decline": decline})

    return state.model_copy(update={"applied": tuple(noted(c) for c in state.applied)})


def _without(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    others = tuple(o for o in state.open_invoices if o.invoice_id != invoice.invoice_id)
    return state.changed(open_invoices=others)


def _id(invoice: OpenInvoice) -> str:
    return invoice.for_change or ""
