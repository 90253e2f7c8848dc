"""Which facts each message to a customer carries, and the key it is sent once under.

Owns the construction of `Message` from a subscription's state. Does not own wording.
"""

from datetime import datetime

from billing.first_period import first_amount
from billing.ids import effect_key
from billing.message import Message, MessageKind
from billing.subscription import (
    ChangeUnderWay,
    OpenInvoice,
    Pause,
    PendingChange,
    PlannedMigration,
    SubscriptionState,
    SubscriptionStatus,
    Terms,
)


def trial_will_end(state: SubscriptionState, now: datetime) -> Message:
    """Sent once per end of trial; an extended trial is announced anew."""
    end = state.trial.end if state.trial is not None else now
    message = _message(state, MessageKind.TRIAL_WILL_END, now, f"{end:%Y%m%dT%H%M%S}")
    amount = first_amount(state.terms, end)
    return message.model_copy(update={"effective_at": end, "amount": amount})


def subscription_canceled(
    state: SubscriptionState, now: datetime, *, effective_at: datetime, reason: str | None = None
) -> Message:
    """Confirms a cancellation, or tells once of the end that the customer did not ask for."""
    message = _message(state, MessageKind.SUBSCRIPTION_CANCELED, now, reason or state.revision)
    is_owed = message.in_arrears and state.status is not SubscriptionStatus.TRIALING
    return message.model_copy(
        update={"effective_at": effective_at, "reason": reason, "in_arrears": is_owed}
    )


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


def plan_changed(state: SubscriptionState, change: ChangeUnderWay) -> Message:
    """What is sold now; sent once per change."""
    kind, at = MessageKind.PLAN_CHANGED, change.requested_at
    message = _message(state, kind, at, change.change_id)
    return message.model_copy(
        update={
            "effective_at": at,
            "amount": change.target.period_amount,
            "product_name": change.target.product_name,
            "invoice_id": change.invoice_id or None,
        }
    )


def tells_of_change(message: Message, change_id: str) -> bool:
    """Whether it says what the change has made of the plan, as it was stored with it."""
    kind = MessageKind.PLAN_CHANGED
    return message.key == effect_key(f"message.{kind}", message.subscription_id, change_id)


def change_scheduled(state: SubscriptionState, pending: PendingChange, now: datetime) -> Message:
    """What will be sold from the period's end on."""
    message = _message(state, MessageKind.CHANGE_SCHEDULED, now, pending.change_id)
    return message.model_copy(
        update={
            "effective_at": pending.at,
            "amount": pending.target.period_amount,
            "product_name": pending.target.product_name,
        }
    )


def change_undone(state: SubscriptionState, now: datetime) -> Message:
    """Everything stays as it is."""
    message = _message(state, MessageKind.CHANGE_UNDONE, now, state.revision)
    return message.model_copy(
        update={"effective_at": state.running_period.end, "amount": state.terms.period_amount}
    )


def subscription_paused(state: SubscriptionState, pause: Pause, now: datetime) -> Message:
    """Until when it rests; without an instant it waits for a payment method."""
    message = _message(
        state, MessageKind.SUBSCRIPTION_PAUSED, now, f"{pause.paused_at:%Y%m%dT%H%M%S}"
    )
    return message.model_copy(update={"effective_at": pause.resumes_at})


def subscription_resumed(state: SubscriptionState, at: datetime) -> Message:
    """It goes on."""
    message = _message(state, MessageKind.SUBSCRIPTION_RESUMED, at, f"{at:%Y%m%dT%H%M%S}")
    return message.model_copy(update={"effective_at": at, "amount": state.terms.period_amount})


def subscription_downgraded(state: SubscriptionState, fallback: Terms, now: datetime) -> Message:
    """What is sold instead of what was not paid; sent once per period that ends so."""
    number = state.period_number or 0
    message = _message(state, MessageKind.SUBSCRIPTION_DOWNGRADED, now, number)
    return message.model_copy(update={"effective_at": now, "product_name": fallback.product_name})


def subscription_unpaid(state: SubscriptionState, now: datetime) -> Message:
    """Nothing more is tried; the customer can still pay. Sent once per invoice it begins with."""
    oldest = next(iter(state.open_invoices), None)
    if oldest is None:
        return _message(state, MessageKind.SUBSCRIPTION_UNPAID, now)
    message = _message(state, MessageKind.SUBSCRIPTION_UNPAID, now, oldest.invoice_id)
    return message.model_copy(update={"amount": oldest.amount, "invoice_id": oldest.invoice_id})


def subscription_suspended(
    state: SubscriptionState, invoice: OpenInvoice, now: datetime
) -> Message:
    """The grace of an invoice that was sent is over; the customer can still pay (policy P22)."""
    message = _message(state, MessageKind.SUBSCRIPTION_UNPAID, now, invoice.invoice_id)
    return message.model_copy(
        update={
            "amount": invoice.amount,
            "invoice_id": invoice.invoice_id,
            "effective_at": invoice.due_at,
            "reason": "overdue",
        }
    )


def invoice_sent(state: SubscriptionState, invoice: OpenInvoice) -> Message:
    """The invoice of a customer with net terms, and by when it is to be paid; once each."""
    message = _message(state, MessageKind.INVOICE_SENT, invoice.sent_at, invoice.invoice_id)
    return _about(message, invoice)


def payment_reminder(
    state: SubscriptionState, invoice: OpenInvoice, *, day: int, now: datetime
) -> Message:
    """Once per invoice and day of the plan; its reason says on which side of the due date it is.

    By the day, as the customer reads it: a timer fires a moment after its instant.
    """
    message = _message(state, MessageKind.PAYMENT_REMINDER, now, invoice.invoice_id, day)
    today, due_on = now.date(), invoice.due_at.date()
    reason = "overdue" if today > due_on else "due" if today == due_on else "ahead"
    return _about(message, invoice).model_copy(update={"reason": reason})


def _about(message: Message, invoice: OpenInvoice) -> Message:
    return message.model_copy(
        update={
            "effective_at": invoice.due_at,
            "amount": invoice.amount,
            "invoice_id": invoice.invoice_id,
        }
    )


def purchase_given_up(state: SubscriptionState, now: datetime) -> tuple[Message, ...]:
    """Nothing more is tried; once per invoice. Its reason says whether it stays owed."""
    message = _message(state, MessageKind.PURCHASE_GIVEN_UP, now)
    return tuple(
        message.model_copy(
            update={
                "key": effect_key(message.key, invoice.invoice_id),
                "effective_at": now,
                "amount": invoice.amount,
                "invoice_id": invoice.invoice_id,
                "reason": "stays_owed" if invoice.stays_owed else "not_owed",
            }
        )
        for invoice in state.open_invoices
        if not invoice.given_up
    )


def price_will_change(
    state: SubscriptionState, plan: PlannedMigration, now: datetime, *, at: datetime | None
) -> Message:
    """The notice of a new price and of the renewal `at` which it begins; once per migration."""
    message = _message(state, MessageKind.PRICE_WILL_CHANGE, now, plan.migration_id)
    return message.model_copy(
        update={
            "effective_at": at or plan.not_before,
            "amount": plan.target.period_amount,
            "amount_before": state.terms.period_amount,
            "product_name": plan.target.product_name,
        }
    )


def price_change_withdrawn(
    state: SubscriptionState, plan: PlannedMigration, now: datetime
) -> Message:
    """The price that was announced does not come; once per migration."""
    message = _message(state, MessageKind.PRICE_CHANGE_WITHDRAWN, now, plan.migration_id)
    return message.model_copy(update={"amount": state.terms.period_amount})


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
        in_arrears=state.terms.is_in_arrears,
    )
