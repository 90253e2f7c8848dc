"""The end of dunning's patience: a grace that puts it off, and the final action (policy P18).

Owns what each final action does to a subscription, and as what it is told. Does not own the ladder
(`billing.dunning`) nor what a refused payment means before (`billing.settlement`).
"""

from datetime import datetime, timedelta
from typing import Final, assert_never

from billing import accrual, changing, lifecycle, messages, pausing, sending, settlement
from billing.credit_note import UnusedPart
from billing.dunning import FinalAction
from billing.errors import InvalidInput
from billing.lifecycle import ended_with_message
from billing.message import Message
from billing.subscription import (
    EndReason,
    OpenInvoice,
    SubscriptionState,
    SubscriptionStatus,
    Terms,
)

LONGEST_GRACE: Final = timedelta(days=90)


def grace_extended(state: SubscriptionState, until: datetime, now: datetime) -> SubscriptionState:
    """Dunning goes on until then: one more attempt, and then the final action.

    Raises `InvalidInput` (`grace_out_of_range`).
    """
    ends_at = min((settlement.gives_up_at(state, i) for i in settlement.unpaid(state)), default=now)
    if not max(ends_at, now) < until <= now + LONGEST_GRACE:
        raise InvalidInput(
            "grace_out_of_range",
            f"a grace ends after {ends_at:%Y-%m-%d %H:%M}Z and within 90 days from now",
        )
    ladder = state.terms.dunning
    invoices = tuple(
        invoice.model_copy(
            update={
                "next_attempt_at": ladder.next_attempt_at(
                    invoice.due_at,
                    rungs_used=max(invoice.rungs_used, 1),
                    kind=invoice.decline_kind,
                    now=now,
                    grace_until=until,
                )
            }
        )
        if invoice in settlement.unpaid(state)
        and invoice.next_attempt_at is None
        and invoice.decline_kind
        and not invoice.is_sent
        and invoice.is_chargeable
        else invoice
        for invoice in state.open_invoices
    )
    return state.changed(grace_until=until, open_invoices=invoices)


def gave_up(
    state: SubscriptionState, now: datetime, *, fallback: Terms | None
) -> SubscriptionState:
    """The final action of dunning (policy P18); without a `fallback` to sell, it is the end.

    After the end there is nothing left to end: what is owed for time that was had is a bad debt.
    A purchase that stays owed is one as well, any other is voided (ADR 0036).
    """
    if state.purchase is not None and not state.has_ended:
        return _purchase_given_up(state, now)
    if state.has_ended:
        return state.changed(
            open_invoices=tuple(
                lifecycle.given_up(invoice)
                if settlement.is_collected(state, invoice) and not invoice.is_sent
                else invoice
                for invoice in state.open_invoices
            )
        )
    match state.terms.dunning.final_action:
        case FinalAction.CANCEL:
            return _ended_unpaid(state, now)
        case FinalAction.UNPAID:
            return _unpaid(state, now, messages.subscription_unpaid(state, now))
        case FinalAction.DOWNGRADE_TO_FREE:
            if fallback is None:
                return _ended_unpaid(state, now)
            return changing.downgraded(state, fallback, now)
        case _:
            assert_never(state.terms.dunning.final_action)


def suspended(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The grace of what was sent is over (policy P22): unpaid, whatever the ladder would end in.

    Everything open is to be paid before it goes on (ADR 0016). After the end there is nothing to
    suspend, and of a purchase nothing either: what was sent is a bad debt by then.
    """
    if state.purchase is not None and not state.has_ended:
        return _purchase_given_up(state, now)
    over = [
        invoice
        for invoice in sending.waiting(state)
        if invoice.is_overdue and sending.suspends_at(state, invoice) <= now
    ]
    if state.has_ended:
        return state.changed(
            open_invoices=tuple(
                lifecycle.given_up(invoice) if invoice in over else invoice
                for invoice in state.open_invoices
            )
        )
    oldest = min(over, key=lambda invoice: invoice.due_at)
    return _unpaid(state, now, messages.subscription_suspended(state, oldest, now))


def _unpaid(state: SubscriptionState, now: datetime, message: Message) -> SubscriptionState:
    """Nothing more is tried by itself, and nothing new is billed."""
    return state.changed(
        status=SubscriptionStatus.UNPAID,
        grace_until=None,
        messages=(*state.messages, message),
        **accrual.ended_at(state, now),
        open_invoices=tuple(
            invoice
            if invoice.in_processing
            else invoice.model_copy(update={"next_attempt_at": None, "is_extra_attempt": False})
            for invoice in state.open_invoices
        ),
    )


def _purchase_given_up(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """What a bank pays all the same buys nothing any more, unless it is owed."""
    closing = state.model_copy(
        update={"open_invoices": tuple(lifecycle.given_up(i) for i in state.open_invoices)}
    )
    told = closing.model_copy(
        update={"messages": (*state.messages, *messages.purchase_given_up(state, now))}
    )
    return lifecycle.ended(told, EndReason.PAYMENT_FAILED, now)


def _ended_unpaid(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """A bank may still say yes: what that pays for and is not used becomes balance."""
    reason = EndReason.PAYMENT_FAILED
    promise = pausing.promised_back(state, now, cause=reason, unused=UnusedPart.CREDIT)
    return ended_with_message(state, reason, now, promised_back=promise, unused=UnusedPart.CREDIT)


def event_of(before: SubscriptionState, after: SubscriptionState) -> str:
    """What the final action is told as; who keeps what they have is not downgraded."""
    if after.terms.price_id == before.terms.price_id:
        return f"{after.noun}.{after.status}"
    return "subscription.downgraded"


def to_rule_out(state: SubscriptionState) -> OpenInvoice | None:
    """What a customer could still pay at a challenge while it ends unpaid (policy P18).

    Its payment is stopped first, or found to have succeeded. What stays owed may stay payable, but
    not of a purchase, which is closed.
    """
    is_kept = state.terms.dunning.final_action is FinalAction.UNPAID
    may_stay_payable = is_kept and state.purchase is None
    is_running = not state.has_ended and state.status is not SubscriptionStatus.INCOMPLETE
    if may_stay_payable and is_running:
        return None
    return next((i for i in settlement.unpaid(state) if i.action_url is not None), None)
