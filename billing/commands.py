"""Commands: whether one may be given now, and what the simplest of them do.

Owns legality and the commands about a subscription's end and trial. Does not own changes of what is
sold (`billing.changing`), pauses (`billing.pausing`) nor payments (`billing.settlement`).
"""

from datetime import datetime, timedelta
from typing import Final

from billing import changing, messages
from billing.credit_note import UnusedPart
from billing.discount import Coupon, check_not_redeemed, redeemed
from billing.errors import Conflict, InvalidInput
from billing.lifecycle import called_off, ended
from billing.period import Period
from billing.subscription import (
    Cancellation,
    CommandName,
    EndReason,
    PromisedBack,
    SubscriptionState,
    SubscriptionStatus,
)
from billing.trial import trial_notice_at

LONGEST_TRIAL: Final = timedelta(days=730)

_ENDS_AT_ONCE: Final = frozenset(
    {SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID, SubscriptionStatus.PAUSED}
)


def check_command(state: SubscriptionState, command: CommandName) -> None:
    """Raises `Conflict` where the command is not legal now; its code says why."""
    if command not in state.legal_commands:
        code = f"{state.noun}_ended" if state.has_ended else "command_not_allowed"
        raise Conflict(code, f"{command} is not possible while the {state.noun} is {state.status}")
    if command is CommandName.UNDO_CANCEL and state.cancellation is None:
        raise Conflict("no_pending_cancellation", "no cancellation is pending")
    if command is CommandName.CANCEL_AT_PERIOD_END and state.cancellation is not None:
        raise Conflict("cancellation_pending", "the subscription already ends at its period's end")


def check_version(state: SubscriptionState, expected: int | None) -> None:
    """Raises `Conflict` (`stale_version`) where a command is based on another version (P16)."""
    if expected is not None and expected != state.version:
        raise Conflict(
            "stale_version",
            f"the subscription is at version {state.version} by now: look at it again",
            version=state.version,
        )


def check_not_reused(state: SubscriptionState, command_id: str, content: str) -> None:
    """Raises `InvalidInput` (`command_id_reused`) where the id stands for another command (P32).

    The same content is a repetition, and is answered as the first time.
    """
    applied = state.applied_command(command_id)
    if applied is not None and applied.content not in {None, content}:
        raise InvalidInput(
            "command_id_reused",
            f"the command {command_id} took effect at {applied.applied_at:%Y-%m-%d %H:%M}Z with"
            " other content: give this one an id of its own",
        )


def cancel_at_period_end(
    state: SubscriptionState, now: datetime, *, promised_back: PromisedBack | None = None
) -> SubscriptionState:
    """The subscription ends with the running period; undoable until then (policy P12).

    While past due or unpaid it is immediate (policy P20); so it is in a pause, where no period runs
    that could be waited for (ADR 0015). It replaces a pending decrease, and a change that waits for
    its customer at a bank's challenge: who does not come back to one may leave all the same. What
    an immediate end promises of open invoices is `promised_back`. What of its add-ons is paid
    beyond the end becomes balance: nobody gave that up (policy P17). Raises `Conflict`
    (`change_in_progress`) where a payment is on its way.
    """
    if state.status not in _ENDS_AT_ONCE:
        check_command(state, CommandName.CANCEL_AT_PERIOD_END)
        state = changing.set_aside(state)
    return cancel_between_changes(state, now, promised_back=promised_back)


def cancel_between_changes(
    state: SubscriptionState, now: datetime, *, promised_back: PromisedBack | None = None
) -> SubscriptionState:
    """The same, but refused (`change_in_progress`) while any change waits for its payment.

    So it was for everybody, and is in histories from then.
    """
    if state.status in _ENDS_AT_ONCE:
        return cancel_now(state, now, promised_back=promised_back, unused=UnusedPart.CREDIT)
    check_command(state, CommandName.CANCEL_AT_PERIOD_END)
    if state.change is not None:
        raise Conflict("change_in_progress", "a change of the subscription is being paid for")
    cancellation = Cancellation(
        at=state.running_period.end, requested_at=now, unused_of_addons=UnusedPart.CREDIT
    )
    message = messages.subscription_canceled(state, now, effective_at=cancellation.at)
    return state.changed(
        cancellation=cancellation, pending_change=None, messages=(*state.messages, message)
    )


def cancel_undone(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The pending cancellation is forgotten."""
    check_command(state, CommandName.UNDO_CANCEL)
    message = messages.cancellation_undone(state, now)
    return state.changed(cancellation=None, messages=(*state.messages, message))


def cancel_now(
    state: SubscriptionState,
    now: datetime,
    *,
    gives_back: bool = False,
    promised_back: PromisedBack | None = None,
    unused: UnusedPart = UnusedPart.NONE,
) -> SubscriptionState:
    """The subscription ends at once; open invoices are voided (policy P17, P20).

    What is unused of paid ones is given back before, where `gives_back` asks for it; of one that
    turns out to be paid, what is `promised_back`. Raises `Conflict` (`change_in_progress`) where
    that cannot be said yet: what a change gives back of them is only certain once it is paid or
    voided.
    """
    check_command(state, CommandName.CANCEL_NOW)
    if state.purchase is not None:
        return called_off(state, now)
    if gives_back and (changing.still_applies(state) or changing.is_being_closed(state)):
        raise Conflict("change_in_progress", "a change of the subscription is being paid for")
    if state.status is SubscriptionStatus.INCOMPLETE:
        return ended(state, EndReason.REQUESTED, now, promised_back=promised_back)
    message = messages.subscription_canceled(state, now, effective_at=now)
    told = state.model_copy(update={"messages": (*state.messages, message)})
    return ended(told, EndReason.REQUESTED, now, promised_back=promised_back, unused=unused)


def coupon_redeemed(
    state: SubscriptionState, coupon_id: str, coupon: Coupon | None, now: datetime
) -> SubscriptionState:
    """The next invoice that the coupon is for is discounted by it, after the others (policy P3).

    Without a `coupon`, whether it may be redeemed at all. Raises `Conflict`
    (`coupon_redeemed_already`, `too_many_discounts`).
    """
    check_command(state, CommandName.REDEEM_COUPON)
    check_not_redeemed(state.discounts, coupon_id)
    if coupon is None:
        return state
    return state.changed(discounts=redeemed(state.discounts, coupon, now))


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
    return state.changed(
        trial=trial,
        period=trial,
        trial_notice_at=max(now, trial_notice_at(trial)),
        messages=(*state.messages, message),
    )
