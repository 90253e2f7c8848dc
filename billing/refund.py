"""Refunds: money on its way back to where it came from (policy P31).

Owns the refund's value, the order of its statuses and its events. Does not own the document that
it belongs to (`billing.credit_note`) nor the calls (`activities.refunding`).
"""

from datetime import datetime
from enum import StrEnum
from typing import assert_never

from billing.event import DomainEvent
from billing.ids import derived_id, effect_key
from billing.money import Money
from billing.ports.gateway import RefundStatus
from billing.value import Instant, Value


class RefundState(StrEnum):
    """Where a refund stands; it only moves forward, and a success may still fail."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    def may_become(self, other: "RefundState") -> bool:
        """Whether `other` is news."""
        order = list(RefundState)
        return order.index(other) > order.index(self)


class Refund(Value):
    """One refund to one payment's source."""

    id: str
    credit_note_id: str
    invoice_id: str
    customer_id: str
    subscription_id: str
    payment_id: str
    amount: Money
    state: RefundState = RefundState.PENDING
    gateway_refund_id: str | None = None
    failed_creations: int = 0
    """Creations that the gateway answered with 5xx; each needs a key of its own."""
    failure_reason: str | None = None
    is_external: bool = False
    """Made in the gateway's dashboard."""
    requested_at: Instant
    started_at: Instant | None = None
    """The machine's real time of the first try: idempotency keys age in real time."""


def refund_id(credit_note_id: str) -> str:
    """One refund per credit note."""
    return derived_id("re", credit_note_id)


def state_of(status: RefundStatus) -> RefundState:
    """What the gateway's status means: a canceled refund gave nothing back, as a failed one."""
    match status:
        case RefundStatus.PENDING | RefundStatus.REQUIRES_ACTION:
            return RefundState.PENDING
        case RefundStatus.SUCCEEDED:
            return RefundState.SUCCEEDED
        case RefundStatus.FAILED | RefundStatus.CANCELED:
            return RefundState.FAILED
        case _:
            assert_never(status)


def event_of(refund: Refund, happened: str, *, at: datetime) -> DomainEvent:
    """`refund.created`, `refund.succeeded` or `refund.failed`, each once per refund."""
    return DomainEvent(
        key=effect_key(happened, refund.id),
        type=happened,
        at=at,
        customer_id=refund.customer_id,
        subscription_id=refund.subscription_id,
        details={
            "refund_id": refund.id,
            "credit_note_id": refund.credit_note_id,
            "invoice_id": refund.invoice_id,
            "amount_minor": refund.amount.amount_minor,
            "currency": refund.amount.currency,
            "reason": refund.failure_reason,
        },
    )
