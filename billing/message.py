"""Messages to customers: which there are and what each must say.

Owns the kinds and their facts. Does not own wording's delivery (`adapters/mail`); one message is
sent once per key, however often it is asked for (policy P32).
"""

from enum import StrEnum

from billing.money import Money
from billing.value import Instant, Value


class MessageKind(StrEnum):
    """Reasons to write to a customer."""

    TRIAL_WILL_END = "trial_will_end"
    SUBSCRIPTION_CANCELED = "subscription_canceled"
    CANCELLATION_UNDONE = "cancellation_undone"
    TRIAL_EXTENDED = "trial_extended"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_ACTION_REQUIRED = "payment_action_required"
    PLAN_CHANGED = "plan_changed"
    CHANGE_SCHEDULED = "change_scheduled"
    CHANGE_UNDONE = "change_undone"
    SUBSCRIPTION_PAUSED = "subscription_paused"
    SUBSCRIPTION_RESUMED = "subscription_resumed"
    SUBSCRIPTION_DOWNGRADED = "subscription_downgraded"
    SUBSCRIPTION_UNPAID = "subscription_unpaid"
    PURCHASE_GIVEN_UP = "purchase_given_up"
    INVOICE_SENT = "invoice_sent"
    PAYMENT_REMINDER = "payment_reminder"
    PRICE_WILL_CHANGE = "price_will_change"
    PRICE_CHANGE_WITHDRAWN = "price_change_withdrawn"


class Message(Value):
    """One message; its facts are what the text may use."""

    key: str
    kind: MessageKind
    customer_id: str
    subscription_id: str
    product_name: str
    at: Instant
    """The business instant that the message is about, not when it was delivered."""
    effective_at: Instant | None = None
    """When what the message announces takes effect: the trial's end, the last day, the retry."""
    amount: Money | None = None
    amount_before: Money | None = None
    """Of a price that changes: what a period costs until then."""
    invoice_id: str | None = None
    url: str | None = None
    """Where the customer can act."""
    in_arrears: bool = False
    """What it is about is billed once it was had: an end leaves something to be charged."""
    reason: str | None = None
