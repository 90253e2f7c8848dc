"""Disputes: a cardholder's bank takes a payment back, for now or for good (policy P31).

Owns the dispute's value, the order of its statuses and its events. Does not own the ledger's
entries (`billing.ledger`) nor what a lost one does to a subscription (`billing.settlement`).
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from billing.event import DomainEvent
from billing.ids import effect_key
from billing.money import Money
from billing.ports.gateway import DisputeStatus
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

    def may_become(self, other: "DisputeState") -> bool:
        """Whether `other` is news; what the bank decided stays decided."""
        order = list(DisputeState)
        return not self.is_closed and order.index(other) > order.index(self)


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


def state_of(status: DisputeStatus) -> DisputeState:
    """What the gateway's status means for the money.

    An appeal is open as long as it is not decided. A dispute that was prevented was given in to by
    a rule agreed with the network: the money is gone as if it were lost.
    Source: https://docs.stripe.com/disputes/how-disputes-work
    """
    match status:
        case (
            DisputeStatus.WARNING_NEEDS_RESPONSE
            | DisputeStatus.WARNING_UNDER_REVIEW
            | DisputeStatus.WARNING_CLOSED
        ):
            return DisputeState.INQUIRY
        case (
            DisputeStatus.NEEDS_RESPONSE
            | DisputeStatus.UNDER_REVIEW
            | DisputeStatus.APPEAL_NEEDS_RESPONSE
            | DisputeStatus.APPEAL_UNDER_REVIEW
        ):
            return DisputeState.OPEN
        case DisputeStatus.WON:
            return DisputeState.WON
        case DisputeStatus.LOST | DisputeStatus.PREVENTED:
            return DisputeState.LOST
        case _:
            assert_never(status)


def events_between(
    before: DisputeState | None, dispute: Dispute, *, at: datetime
) -> Iterator[DomainEvent]:
    """What happened to the dispute since `before`: what was skipped is told as well."""
    if dispute.state is DisputeState.INQUIRY:
        yield _event(dispute, "dispute.inquiry_opened", dispute.opened_at)
        return
    if before in {None, DisputeState.INQUIRY}:
        yield _event(dispute, "dispute.opened", dispute.opened_at)
    if dispute.state.is_closed:
        yield _event(dispute, f"dispute.{dispute.state}", at)


def _event(dispute: Dispute, happened: str, at: datetime) -> DomainEvent:
    return DomainEvent(
        key=effect_key(happened, dispute.id),
        type=happened,
        at=at,
        customer_id=dispute.customer_id,
        subscription_id=dispute.subscription_id,
        details={
            "dispute_id": dispute.id,
            "invoice_id": dispute.invoice_id,
            "amount_minor": dispute.amount.amount_minor,
            "currency": dispute.amount.currency,
            "reason": dispute.reason,
        },
    )
