"""Tasks for an operator: what the system cannot decide by itself and does not forget.

Owns the task's value and kinds. Does not own who may close one (`cli`).
"""

from collections.abc import Mapping
from enum import StrEnum

from billing.value import Instant, Value


class TaskKind(StrEnum):
    """Why somebody has to look."""

    REFUND_FAILED = "refund_failed"
    DISPUTE_OPENED = "dispute_opened"
    UNKNOWN_REFUND = "unknown_refund"
    """The gateway refunded what our books cannot give back."""
    ITEMS_LAPSED = "items_lapsed"
    """A subscription ended before an invoice could take what was to be charged once."""


class OperatorTask(Value):
    """One thing to look at; the same key is one task, however often it is reported."""

    key: str
    kind: TaskKind
    subject: str
    """The refund, dispute or payment."""
    customer_id: str
    subscription_id: str | None
    created_at: Instant
    details: Mapping[str, str | int | None] = {}
