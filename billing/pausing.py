"""Pauses: a subscription rests, and goes on by itself (policy P17).

Owns who may pause for how long, and what is running afterwards. Does not own what is given back
(`billing.credit_note`) nor billing what began meanwhile (`billing.lifecycle`).
"""

from datetime import datetime, timedelta
from typing import Final, assert_never

from billing import accrual, anchor, messages
from billing.catalog import PauseMode
from billing.commands import check_command
from billing.credit_note import UnusedPart
from billing.errors import BooksBroken, Conflict, InvalidInput
from billing.invoice import InvoiceLine
from billing.money import Money
from billing.period import Period
from billing.subscription import (
    CommandName,
    Pause,
    PromisedBack,
    SubscriptionState,
    SubscriptionStatus,
)

_INSTANT: Final = timedelta(microseconds=1)
_INDEBTED: Final = frozenset({SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID})


def paused(
    state: SubscriptionState, resumes_at: datetime | None, now: datetime
) -> SubscriptionState:
    """Rests from now on, at the latest until the product's policy says.

    Raises `Conflict` (`pause_not_supported`, `pending_change_exists`, `payment_pending`,
    `change_in_progress`, `too_many_changes`) and `InvalidInput` (`resumes_at_out_of_range`).
    """
    check_command(state, CommandName.PAUSE)
    policy = state.terms.pause
    if policy is None:
        raise Conflict("pause_not_supported", f"{state.terms.product_name} cannot be paused")
    if state.change is not None:
        raise Conflict("change_in_progress", "a change of the subscription is being paid for")
    if state.pending_change is not None or state.cancellation is not None:
        raise Conflict("pending_change_exists", "undo the pending change first")
    if not all(invoice.is_left_over for invoice in state.open_invoices):
        raise Conflict("payment_pending", "an invoice is being collected: try again later")
    accrual.check_room(state)
    latest = now + timedelta(days=policy.max_days)
    until = latest if resumes_at is None else resumes_at
    if not now < until <= latest:
        raise InvalidInput(
            "resumes_at_out_of_range", f"a pause lasts at most {policy.max_days} days from now"
        )
    pause = Pause(mode=policy.mode, paused_at=now, resumes_at=until)
    message = messages.subscription_paused(state, pause, now)
    return state.changed(
        status=SubscriptionStatus.PAUSED,
        pause=pause,
        messages=(*state.messages, message),
        **accrual.ended_at(state, now),
    )


def trial_paused(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """A trial ended without a payment method: it rests until there is one (policy P10)."""
    pause = Pause(mode=PauseMode.VOID, paused_at=now, resumes_at=None)
    message = messages.subscription_paused(state, pause, now)
    return state.changed(
        status=SubscriptionStatus.PAUSED,
        pause=pause,
        trial_notice_at=None,
        messages=(*state.messages, message),
    )


def resumed(state: SubscriptionState, at: datetime) -> SubscriptionState:
    """Goes on from `at`: the pause's own end, or when somebody asked for it.

    Raises `Conflict` (`payment_method_required`) for a trial that rests until there is a method.
    """
    pause = state.pause
    if pause is None:
        raise BooksBroken("not_paused", "only a paused subscription goes on")
    if state.anchor_at is None or state.period_number is None:
        raise Conflict(
            "payment_method_required", "it goes on by itself once a payment method is saved"
        )
    message = messages.subscription_resumed(state, at)
    going_on = state.changed(
        status=SubscriptionStatus.ACTIVE,
        pause=None,
        accrues_from=accrual.begins(state.terms, at),
        messages=(*state.messages, message),
    )
    match pause.mode:
        case PauseMode.VOID:
            return _in_the_running_period(going_on, state.anchor_at, at)
        case PauseMode.KEEP_ANCHOR:
            is_over = at >= state.running_period.end
            return going_on.model_copy(update={"unbilled_from": at if is_over else None})
        case PauseMode.EXTEND:
            return _extended(going_on, at - pause.paused_at)
        case _:
            assert_never(pause.mode)


def paused_part(state: SubscriptionState, at: datetime) -> Period | None:
    """The paid time that passed in the pause and is given back; None where none is."""
    pause = state.pause
    if pause is None or pause.mode is not PauseMode.KEEP_ANCHOR or at <= pause.paused_at:
        return None
    return Period(start=pause.paused_at, end=at)


def carried_less(state: SubscriptionState, not_paid_yet: Money) -> SubscriptionState:
    """What was carried of the paused time is not owed: the next invoice asks for that much less.

    Only what is paid is given back by a credit note (policy P13); the rest was never collected.
    `not_paid_yet` is with its tax, as every carried line is: none is taxed again.
    """
    left_minor, carried = not_paid_yet.amount_minor, list[InvoiceLine]()
    for line in reversed(state.carried):
        taken = min(left_minor, line.amount.amount_minor)
        left_minor -= taken
        rest = line.amount.model_copy(update={"amount_minor": line.amount.amount_minor - taken})
        if rest.amount_minor:
            carried.insert(0, line.model_copy(update={"amount": rest}))
    if tuple(carried) == state.carried:
        return state
    return state.changed(carried=tuple(carried))


def unused_part(state: SubscriptionState, now: datetime) -> Period | None:
    """The paid time that is left if the subscription ends now; None where none is.

    A pause that would have given its time back, or delivered it later, is all unused.
    """
    pause = state.pause
    since = now if pause is None or pause.mode is PauseMode.VOID else pause.paused_at
    if state.period is None or since >= state.period.end:
        return None
    return Period(start=since, end=state.period.end)


def promised_back(
    state: SubscriptionState, now: datetime, *, cause: str, unused: UnusedPart
) -> PromisedBack | None:
    """What an end now promises of the invoices that are open, should one be paid all the same.

    A charge may be under way, a bank at work, a customer at a challenge (policy P17). Who gives up
    what is unused gives up what they pay for; of a debt that dunning was after, the end forgives
    the rest, and money that comes for it is theirs (policy P20). What was sent on terms stays owed,
    and of that too what is unused is theirs once it is paid (policy P22).
    """
    part = unused_part(state, now)
    if unused is UnusedPart.NONE and state.status in _INDEBTED:
        unused = UnusedPart.CREDIT
    is_ahead = any(not i.stays_owed or i.is_sent for i in state.open_invoices)
    if unused is UnusedPart.NONE or part is None or not is_ahead:
        return None
    return PromisedBack(cause=cause, unused=unused, part=part)


def _in_the_running_period(
    state: SubscriptionState, anchor_at: datetime, at: datetime
) -> SubscriptionState:
    """Periods that began in the pause are not billed; the one that is running is for nothing.

    A period that begins at `at` begins after the pause (policy P7): it is due to be billed.
    """
    if at <= state.running_period.end:
        return state
    interval = state.terms.require_interval()
    index = anchor.period_number(anchor_at, interval, at - _INSTANT)
    return state.model_copy(
        update={
            "period_number": state.anchor_number + index,
            "period": anchor.period(anchor_at, interval, index),
            "extension": timedelta(0),
        }
    )


def _extended(state: SubscriptionState, by: timedelta) -> SubscriptionState:
    running = state.running_period
    end = running.end + by
    return state.model_copy(
        update={
            "period": Period(start=running.start, end=end),
            "extension": state.extension + by,
            "anchor_at": end,
            "anchor_number": (state.period_number or 0) + 1,
        }
    )
