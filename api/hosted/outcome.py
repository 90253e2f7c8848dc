"""What became of a customer's wish to subscribe or to pay, as far as a page must tell it.

Owns the reading of a subscription's state for that purpose. Does not own the state
(`billing.subscription`) nor the words (`api.hosted.notices`).
"""

from dataclasses import dataclass
from enum import StrEnum

from billing.subscription import EndReason, OpenInvoice, SubscriptionState, SubscriptionStatus


class OutcomeKind(StrEnum):
    """Everything that a customer can come back to."""

    LIVE = "live"
    WORKING = "working"
    PROCESSING = "processing"
    ACTION_REQUIRED = "action_required"
    REFUSED = "refused"
    FAMILY_TAKEN = "family_taken"
    TRIAL_USED = "trial_used"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`action_url` is where the customer authenticates; only with `ACTION_REQUIRED`."""

    kind: OutcomeKind
    action_url: str | None = None


_ENDS = {
    EndReason.FAMILY_TAKEN: OutcomeKind.FAMILY_TAKEN,
    EndReason.TRIAL_USED: OutcomeKind.TRIAL_USED,
}


def checkout_outcome(state: SubscriptionState) -> Outcome:
    """Whether the subscription that a checkout was for has begun, or the purchase is paid for."""
    if state.status is SubscriptionStatus.COMPLETED:
        return Outcome(kind=OutcomeKind.LIVE)
    if state.has_ended:
        ended = _ENDS.get(state.end_reason) if state.end_reason is not None else None
        return Outcome(kind=ended or OutcomeKind.ENDED)
    if state.status is not SubscriptionStatus.INCOMPLETE:
        return Outcome(kind=OutcomeKind.LIVE)
    if state.checkout_completed_at is not None:
        return Outcome(kind=OutcomeKind.WORKING)
    for invoice in state.open_invoices:
        waiting = _waiting(invoice)
        if waiting is not None:
            return waiting
    kind = OutcomeKind.REFUSED if state.activation_refused else OutcomeKind.WORKING
    return Outcome(kind=kind)


def payment_outcome(state: SubscriptionState, invoice_id: str) -> Outcome | None:
    """Where collecting an invoice stands; None once the state holds it no longer."""
    invoice = state.open_invoice(invoice_id)
    if invoice is None:
        return None
    waiting = _waiting(invoice)
    if waiting is not None:
        return waiting
    kind = OutcomeKind.WORKING if invoice.decline_kind is None else OutcomeKind.REFUSED
    return Outcome(kind=kind)


def _waiting(invoice: OpenInvoice) -> Outcome | None:
    if invoice.action_url is not None:
        return Outcome(kind=OutcomeKind.ACTION_REQUIRED, action_url=invoice.action_url)
    if invoice.in_processing:
        return Outcome(kind=OutcomeKind.PROCESSING)
    return None
