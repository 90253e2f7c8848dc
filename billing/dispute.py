"""Disputes: a cardholder's bank takes a payment back, for now or for good (policy P31).

Owns the dispute's value and the order of its statuses. Does not own the ledger's entries
(`billing.ledger`) nor what a lost one does to a subscription (`billing.lifecycle`).
"""

from enum import StrEnum

from billing.money import Money
from billing.value import Instant, Value


class DisputeState(StrEnum):
    """What a dispute means for the money; it only moves forward."""

    INQUIRY = "inquiry"
    """The bank asks; nothing was withdrawn."""
    OPEN = "open"
    WON = "won"
    LOST = "lost"

    @property
    def is_closed(self) -> bool:
        """Whether the bank has decided."""
        return self in {DisputeState.WON, DisputeState.LOST}


class Dispute(Value):
    """A dispute of a payment of ours."""

    id: str
    """The gateway's."""
    payment_id: str
    invoice_id: str
    customer_id: str
    subscription_id: str
    amount: Money
    state: DisputeState
    reason: str
    opened_at: Instant
    closed_at: Instant | None = None
