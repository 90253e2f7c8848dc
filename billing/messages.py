"""Which facts each message to a customer carries, and the key it is sent once under.

Owns the construction of `Message` from a subscription's state. Does not own wording.
"""

from datetime import datetime

from billing.ids import effect_key
from billing.message import Message, MessageKind
from billing.subscription import OpenInvoice, SubscriptionState


def trial_will_end(state: SubscriptionState, now: datetime) -> Message:
    """Sent once per end of trial; an extended trial is announced anew."""
    end = state.trial.end if state.trial is not None else now
    message = _message(state, MessageKind.TRIAL_WILL_END, now, f"{end:%Y%m%dT%H%M%S}")
    return message.model_copy(update={"effective_at": end, "amount": state.terms.period_amount})


def subscription_canceled(
    state: SubscriptionState, now: datetime, *, effective_at: datetime, reason: str | None = None
) -> Message:
    """Confirms a cancellation, or tells of one that the customer did not ask for."""
    message = _message(state, MessageKind.SUBSCRIPTION_CANCELED, now, state.revision)
    return message.model_copy(update={"effective_at": effective_at, "reason": reason})


def cancellation_undone(state: SubscriptionState, now: datetime) -> Message:
    """The subscription goes on; it renews at the period's end."""
    message = _message(state, MessageKind.CANCELLATION_UNDONE, now, state.revision)
    renews_at = state.period.end if state.period is not None else None
    return message.model_copy(
        update={"effective_at": renews_at, "amount": state.terms.period_amount}
    )


def trial_extended(state: SubscriptionState, now: datetime, *, trial_end: datetime) -> Message:
    """The trial ends later."""
    message = _message(state, MessageKind.TRIAL_EXTENDED, now, state.revision)
    return message.model_copy(update={"effective_at": trial_end})


def payment_failed(state: SubscriptionState, invoice: OpenInvoice, now: datetime) -> Message:
    """One per attempt (policy P20); says when it is tried again, or what the customer must do."""
    kind = (
        MessageKind.PAYMENT_ACTION_REQUIRED
        if invoice.action_url is not None
        else MessageKind.PAYMENT_FAILED
    )
    message = _message(state, kind, now, invoice.invoice_id, invoice.attempts_made)
    return message.model_copy(
        update={
            "effective_at": invoice.next_attempt_at,
            "amount": invoice.amount,
            "invoice_id": invoice.invoice_id,
            "url": invoice.action_url,
            "reason": invoice.last_decline,
        }
    )


def _message(
    state: SubscriptionState, kind: MessageKind, now: datetime, *details: str | int
) -> Message:
    return Message(
        key=effect_key(f"message.{kind}", state.subscription_id, *details),
        kind=kind,
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        product_name=state.terms.product_name,
        at=now,
    )
