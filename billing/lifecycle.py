"""How a subscription changes: pure transitions from one state to the next.

Owns every change of `SubscriptionState`. Each function returns the new state with its revision
raised by one; none reads a clock or has an effect. What is due when stands in `billing.agenda`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from billing import anchor, messages
from billing.decline import Decline, DeclineKind
from billing.errors import BooksBroken, Conflict, InvalidInput
from billing.money import Money
from billing.payment import (
    ActionRequired,
    AlreadyClosed,
    CollectionOutcome,
    Declined,
    NoPaymentMethod,
    Paid,
    Processing,
    Superseded,
)
from billing.period import Period
from billing.subscription import (
    LEGAL_COMMANDS,
    AppliedCommand,
    Cancellation,
    CommandName,
    EndReason,
    OpenInvoice,
    SubscriptionState,
    SubscriptionStatus,
)
from billing.trial import trial_notice_at, trial_period

REMEMBERED_COMMANDS: Final = 50
LONGEST_TRIAL: Final = timedelta(days=730)


def checkout_completed(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The customer is ready to pay: the subscription activates at once."""
    if state.status is not SubscriptionStatus.INCOMPLETE:
        return state
    return _next(state, checkout_completed_at=now, activation_refused=False)


def first_trial(state: SubscriptionState, now: datetime) -> Period:
    """The free first period: it runs from the moment when the customer was ready (policy P10)."""
    if state.terms.trial is None:
        raise BooksBroken("no_trial", "these terms have no trial")
    return trial_period(state.checkout_completed_at or now, state.terms.trial.days)


def trial_started(state: SubscriptionState, trial: Period) -> SubscriptionState:
    """The trial runs; nothing is owed."""
    return _next(
        state,
        status=SubscriptionStatus.TRIALING,
        trial=trial,
        trial_notice_at=trial_notice_at(trial),
        period=trial,
        checkout_completed_at=None,
    )


def next_billing(state: SubscriptionState, now: datetime) -> tuple[int, Period, datetime]:
    """The number and extent of the next period to bill, and the anchor it is counted from.

    The first period begins at the trial's end, or when the customer was ready to pay; every later
    one where the anchor says (policy P8), however late it is billed (policy P9).
    """
    if state.anchor_at is None or state.period_number is None:
        ready_at = state.checkout_completed_at or now
        anchor_at = state.trial.end if state.trial is not None else ready_at
        number = 0
    else:
        anchor_at = state.anchor_at
        number = state.period_number + 1
    return number, anchor.period(anchor_at, state.terms.interval, number), anchor_at


def period_billed(
    state: SubscriptionState,
    *,
    number: int,
    period: Period,
    anchor_at: datetime,
    invoice_id: str,
    amount_due: Money,
    due_at: datetime,
) -> SubscriptionState:
    """The period is invoiced. What is to be collected is tried at its due time (policy P18)."""
    invoices = state.open_invoices
    if amount_due.amount_minor > 0 and state.open_invoice(invoice_id) is None:
        invoices += (
            OpenInvoice(
                invoice_id=invoice_id, amount=amount_due, due_at=due_at, next_attempt_at=due_at
            ),
        )
    must_pay_first = state.status is SubscriptionStatus.INCOMPLETE and bool(invoices)
    stays = must_pay_first or state.status is SubscriptionStatus.PAST_DUE
    return _next(
        state,
        status=state.status if stays else SubscriptionStatus.ACTIVE,
        anchor_at=anchor_at,
        period_number=number,
        period=period,
        trial_notice_at=None,
        open_invoices=invoices,
        last_invoice_id=invoice_id,
        checkout_completed_at=state.checkout_completed_at if must_pay_first else None,
    )


def collected(
    state: SubscriptionState, invoice_id: str, outcome: CollectionOutcome, now: datetime
) -> SubscriptionState:
    """What an attempt to collect an invoice means for the subscription (policy P18-P21)."""
    invoice = state.open_invoice(invoice_id)
    if invoice is None:
        return state
    match outcome:
        case Paid():
            return _paid(state, invoice)
        case Processing():
            return _in_processing(state, invoice)
        case Declined() | ActionRequired() | NoPaymentMethod():
            return _not_paid(state, invoice, outcome, now)
        case AlreadyClosed():
            return _recovered(_without(state, invoice))
        case Superseded():
            return state if state.has_ended else ended(state, EndReason.FAMILY_TAKEN, now)
        case _:
            assert_never(outcome)


def payment_method_changed(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """A new method is tried at once on everything open, outside of the ladder (policy P19)."""
    if state.has_ended or not any(_may_try_now(invoice) for invoice in state.open_invoices):
        return state
    invoices = tuple(
        invoice.model_copy(
            update={"next_attempt_at": now, "is_extra_attempt": True, "action_url": None}
        )
        if _may_try_now(invoice)
        else invoice
        for invoice in state.open_invoices
    )
    return _next(state, open_invoices=invoices)


def payment_news(state: SubscriptionState, invoice_id: str, now: datetime) -> SubscriptionState:
    """The gateway has news of an unfinished payment: it is looked at again at once."""
    invoice = state.open_invoice(invoice_id)
    if invoice is None or not (invoice.in_processing or invoice.action_url is not None):
        return state
    if state.status is SubscriptionStatus.INCOMPLETE:
        return checkout_completed(state, now)
    return _with_invoice(
        state, invoice.model_copy(update={"next_attempt_at": now, "is_extra_attempt": True})
    )


def trial_end_noticed(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The customer is told that the trial ends soon (policy P10)."""
    return _next(
        state, trial_notice_at=None, messages=(*state.messages, messages.trial_will_end(state, now))
    )


def check_command(state: SubscriptionState, command: CommandName) -> None:
    """Raises `Conflict` where the command is not legal now; its code says why."""
    if command not in LEGAL_COMMANDS[state.status]:
        code = "subscription_ended" if state.has_ended else "command_not_allowed"
        raise Conflict(code, f"{command} is not possible while the subscription is {state.status}")
    if command is CommandName.UNDO_CANCEL and state.cancellation is None:
        raise Conflict("no_pending_cancellation", "no cancellation is pending")
    if command is CommandName.CANCEL_AT_PERIOD_END and state.cancellation is not None:
        raise Conflict("cancellation_pending", "the subscription already ends at its period's end")


def cancel_at_period_end(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The subscription ends with the running period; undoable until then (policy P12).

    While past due, cancelling is immediate (policy P20).
    """
    if state.status is SubscriptionStatus.PAST_DUE:
        return cancel_now(state, now)
    check_command(state, CommandName.CANCEL_AT_PERIOD_END)
    if state.period is None:
        raise BooksBroken("no_period", "a live subscription has a period")
    cancellation = Cancellation(at=state.period.end, requested_at=now)
    message = messages.subscription_canceled(state, now, effective_at=cancellation.at)
    return _next(state, cancellation=cancellation, messages=(*state.messages, message))


def cancel_undone(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The pending cancellation is forgotten."""
    check_command(state, CommandName.UNDO_CANCEL)
    message = messages.cancellation_undone(state, now)
    return _next(state, cancellation=None, messages=(*state.messages, message))


def cancel_now(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The subscription ends at once, without credit; open invoices are voided (policy P17, P20)."""
    check_command(state, CommandName.CANCEL_NOW)
    if state.status is SubscriptionStatus.INCOMPLETE:
        return ended(state, EndReason.REQUESTED, now)
    message = messages.subscription_canceled(state, now, effective_at=now)
    told = state.model_copy(update={"messages": (*state.messages, message)})
    return ended(told, EndReason.REQUESTED, now)


def trial_extended(
    state: SubscriptionState, trial_end: datetime, now: datetime
) -> SubscriptionState:
    """The trial, and with it the first charge, moves to a later `trial_end`."""
    check_command(state, CommandName.EXTEND_TRIAL)
    if state.trial is None or state.cancellation is not None:
        raise Conflict("cancellation_pending", "undo the cancellation before extending the trial")
    if not state.trial.end < trial_end <= state.trial.start + LONGEST_TRIAL:
        raise InvalidInput(
            "trial_end_out_of_range",
            "a trial is extended to a later instant, at most 730 days after it began",
        )
    trial = Period(start=state.trial.start, end=trial_end)
    message = messages.trial_extended(state, now, trial_end=trial_end)
    return _next(
        state,
        trial=trial,
        period=trial,
        trial_notice_at=max(now, trial_notice_at(trial)),
        messages=(*state.messages, message),
    )


def ended(state: SubscriptionState, reason: EndReason, now: datetime) -> SubscriptionState:
    """Nothing will be billed again."""
    status = (
        SubscriptionStatus.INCOMPLETE_EXPIRED
        if state.status is SubscriptionStatus.INCOMPLETE
        else SubscriptionStatus.CANCELED
    )
    return _next(
        state,
        status=status,
        ended_at=now,
        end_reason=reason,
        cancellation=None,
        trial_notice_at=None,
        checkout_completed_at=None,
    )


def ended_with_message(
    state: SubscriptionState, reason: EndReason, now: datetime
) -> SubscriptionState:
    """Ended by the system: the customer has not asked for it and is told."""
    message = messages.subscription_canceled(state, now, effective_at=now, reason=reason)
    return ended(state.model_copy(update={"messages": (*state.messages, message)}), reason, now)


def invoices_closed(
    state: SubscriptionState, *, closed: Sequence[str], processing: Sequence[str]
) -> SubscriptionState:
    """`closed` invoices owe nothing any more; `processing` ones await their bank's answer.

    A payment that is processing was an attempt, even where this state has not heard of it: it is
    counted, so that looking at it again finds it and does not make another.
    """
    return _next(
        state,
        open_invoices=tuple(
            _with_its_bank(invoice) if invoice.invoice_id in processing else invoice
            for invoice in state.open_invoices
            if invoice.invoice_id not in closed
        ),
    )


def message_handed_over(state: SubscriptionState, key: str) -> SubscriptionState:
    """Delivery is taken care of. Not a change that storage must see: the revision stays."""
    waiting = tuple(message for message in state.messages if message.key != key)
    return state.model_copy(update={"messages": waiting})


def command_applied(state: SubscriptionState, command_id: str, now: datetime) -> SubscriptionState:
    """Remembers a command's effect, so that its repetition is answered and not repeated."""
    applied = AppliedCommand(command_id=command_id, applied_at=now, revision=state.revision)
    return state.model_copy(update={"applied": (*state.applied, applied)[-REMEMBERED_COMMANDS:]})


def clock_moved(state: SubscriptionState, frozen_at: datetime) -> SubscriptionState:
    """The test clock may run up to `frozen_at`; it never goes back."""
    if state.clock.frozen_at is None or frozen_at <= state.clock.frozen_at:
        return state
    clock = state.clock.model_copy(update={"frozen_at": frozen_at})
    return state.model_copy(update={"clock": clock})


def created(state: SubscriptionState) -> SubscriptionState:
    """The first state worth recording."""
    return _next(state)


def reserved(state: SubscriptionState) -> SubscriptionState:
    """The same, one revision on: the number between is left for an effect that is under way."""
    return _next(state)


def revised(state: SubscriptionState, stored_revision: int) -> SubscriptionState:
    """Raised above what storage has seen, after a reset or an interleaved command."""
    return state.model_copy(update={"revision": max(state.revision, stored_revision) + 1})


def _next(state: SubscriptionState, **changes: object) -> SubscriptionState:
    return state.model_copy(update={"revision": state.revision + 1, **changes})


def _with_invoice(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    invoices = tuple(
        invoice if other.invoice_id == invoice.invoice_id else other
        for other in state.open_invoices
    )
    return _next(state, open_invoices=invoices)


def _without(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    invoices = tuple(i for i in state.open_invoices if i.invoice_id != invoice.invoice_id)
    return _next(state, open_invoices=invoices)


def _paid(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    after = _without(state, invoice)
    if after.status is not SubscriptionStatus.INCOMPLETE:
        return _recovered(after)
    return after.model_copy(
        update={
            "status": SubscriptionStatus.ACTIVE,
            "checkout_completed_at": None,
            "activation_refused": False,
        }
    )


def _recovered(state: SubscriptionState) -> SubscriptionState:
    """No longer past due once nothing refused is owed; what a bank looks at is not (policy P21)."""
    owes = any(other.attempts_made and not other.in_processing for other in state.open_invoices)
    if state.status is not SubscriptionStatus.PAST_DUE or owes:
        return state
    return state.model_copy(update={"status": SubscriptionStatus.ACTIVE})


def _in_processing(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    after = _with_invoice(state, _with_its_bank(invoice))
    return after.model_copy(update={"checkout_completed_at": None})


def _with_its_bank(invoice: OpenInvoice) -> OpenInvoice:
    return _tried(invoice).model_copy(update={"in_processing": True})


def _tried(invoice: OpenInvoice) -> OpenInvoice:
    """The attempt is counted, and nothing is planned after it yet."""
    is_new = invoice.attempt_number > invoice.attempts_made
    on_ladder = is_new and not invoice.is_extra_attempt
    return invoice.model_copy(
        update={
            "attempts_made": invoice.attempt_number,
            "rungs_used": invoice.rungs_used + 1 if on_ladder else invoice.rungs_used,
            "is_extra_attempt": False,
            "in_processing": False,
            "action_url": None,
            "next_attempt_at": None,
        }
    )


def _not_paid(
    state: SubscriptionState,
    invoice: OpenInvoice,
    outcome: Declined | ActionRequired | NoPaymentMethod,
    now: datetime,
) -> SubscriptionState:
    tried = _tried(invoice)
    match outcome:
        case Declined():
            refused = _after_decline(state, tried, outcome.decline, now)
        case ActionRequired():
            refused = tried.model_copy(
                update={
                    "decline_kind": DeclineKind.AUTHENTICATION,
                    "last_decline": "authentication_required",
                    "action_url": outcome.url,
                }
            )
        case NoPaymentMethod():
            refused = tried.model_copy(
                update={"decline_kind": DeclineKind.HARD, "last_decline": "no_payment_method"}
            )
        case _:
            assert_never(outcome)
    after = _with_invoice(state, refused)
    if state.has_ended:
        return after
    if state.status is SubscriptionStatus.INCOMPLETE:
        return _activation_refused(after, refused)
    told = (*after.messages, messages.payment_failed(after, refused, now))
    return after.model_copy(update={"status": SubscriptionStatus.PAST_DUE, "messages": told})


def _after_decline(
    state: SubscriptionState, invoice: OpenInvoice, decline: Decline, now: datetime
) -> OpenInvoice:
    return invoice.model_copy(
        update={
            "decline_kind": decline.kind,
            "last_decline": decline.reason,
            "next_attempt_at": state.terms.dunning.next_attempt_at(
                invoice.due_at, rungs_used=max(invoice.rungs_used, 1), decline=decline, now=now
            ),
        }
    )


def _activation_refused(state: SubscriptionState, invoice: OpenInvoice) -> SubscriptionState:
    """Before activation there is no ladder: the customer is at the checkout and tries again."""
    waiting = invoice.model_copy(update={"next_attempt_at": None})
    invoices = tuple(
        waiting if other.invoice_id == waiting.invoice_id else other
        for other in state.open_invoices
    )
    return state.model_copy(
        update={
            "open_invoices": invoices,
            "checkout_completed_at": None,
            "activation_refused": True,
        }
    )


def _may_try_now(invoice: OpenInvoice) -> bool:
    return not invoice.in_processing and invoice.attempts_made > 0
