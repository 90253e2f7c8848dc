"""The customer's balance: what we owe a customer, to be set against later invoices.

Owns the values of its movements. It never becomes negative; it is applied to an invoice before
anything is collected. Does not own storage (`adapters/db`).
"""

from enum import StrEnum

from billing.currency import smallest_charge_minor
from billing.money import Money
from billing.value import Instant, Value


class BalanceCause(StrEnum):
    """Why a balance moves."""

    CREDIT_NOTE = "credit_note"
    NEGATIVE_INVOICE = "negative_invoice"
    APPLIED = "applied"
    """Used up by an invoice."""
    RESTORED = "restored"
    """That invoice was voided, or one that was paid in part outside the gateway."""
    REFUND_FAILED = "refund_failed"
    OVERPAID = "overpaid"
    """More came outside the gateway than was owed."""


class BalanceMovement(Value):
    """One movement, once per `source_key`; a positive amount is in the customer's favour."""

    source_key: str
    customer_id: str
    cause: BalanceCause
    amount: Money
    at: Instant
    invoice_id: str | None = None
    credit_note_id: str | None = None


def applicable(balance: Money, total: Money) -> Money:
    """How much of the balance an invoice of `total` uses up.

    It leaves nothing to collect, or what can be collected (policy P5, P6).
    """
    minor = max(0, min(balance.amount_minor, total.amount_minor))
    left = total.amount_minor - minor
    if left > 0:
        charged = smallest_charge_minor(left, total.currency)
        minor = total.amount_minor - min(charged, total.amount_minor)
    return total.model_copy(update={"amount_minor": minor})
