"""Domain events: what happened, for timelines, webhooks and other systems.

Owns the event value. Events are written in the transaction that made them true, once per key, and
never change. Does not own delivery.
"""

from collections.abc import Mapping

from billing.value import Instant, Value


class DomainEvent(Value):
    """`type` is `noun.verb_in_past`; `details` are plain facts without personal or card data."""

    key: str
    type: str
    at: Instant
    customer_id: str
    subscription_id: str | None = None
    details: Mapping[str, str | int | None] = {}
