"""What ties an add-on to the subscription that it is sold beside: their parent.

Owns the values that each keeps of the other. Does not own what they lead to (`billing.addon`).
"""

from billing.credit_note import UnusedPart
from billing.value import Instant, Value


class ParentEnd(Value):
    """When the parent ends or has ended, and what its end gives back of unused time (P17)."""

    at: Instant
    unused: UnusedPart = UnusedPart.NONE


class Addon(Value):
    """An add-on of a subscription, as its parent knows it."""

    subscription_id: str
    told: ParentEnd | None = None
    """What it knows of the parent's end."""
