"""How a dispute goes on: evidence, the bank's decision, acceptance, escalation of an inquiry.

Owns these steps, their events and what they do to refunds. Does not own the object (`disputes`).

Sources: https://docs.stripe.com/disputes/responding, https://docs.stripe.com/testing#disputes (the
evidence that decides a test dispute) and https://docs.stripe.com/api/disputes/close
"""

from simulator import refunds
from simulator.disputes import CLOSED_STATUSES, Dispute, DisputeStatus, reinstated, withdrawn
from simulator.errors import InvalidRequest
from simulator.operation import Operation
from simulator.parameters import (
    NO_METADATA,
    Clearable,
    FormBoolean,
    Metadata,
    ParameterHash,
    Parameters,
)

_REFUNDED_TOO_LATE = "charge_for_pending_refund_disputed"


class EvidenceParameters(ParameterHash):
    """What is said in defence; an empty text takes it back. Files are refused."""

    access_activity_log: Clearable | None = None
    billing_address: Clearable | None = None
    cancellation_policy_disclosure: Clearable | None = None
    cancellation_rebuttal: Clearable | None = None
    customer_email_address: Clearable | None = None
    customer_name: Clearable | None = None
    customer_purchase_ip: Clearable | None = None
    duplicate_charge_explanation: Clearable | None = None
    duplicate_charge_id: Clearable | None = None
    product_description: Clearable | None = None
    refund_policy_disclosure: Clearable | None = None
    refund_refusal_explanation: Clearable | None = None
    service_date: Clearable | None = None
    shipping_address: Clearable | None = None
    shipping_carrier: Clearable | None = None
    shipping_date: Clearable | None = None
    shipping_tracking_number: Clearable | None = None
    uncategorized_text: Clearable | None = None


class UpdateParameters(Parameters):
    """Evidence, and whether the bank shall have it now."""

    evidence: EvidenceParameters | None = None
    metadata: Metadata = NO_METADATA
    submit: FormBoolean = True


def update(operation: Operation, identifier: str, parameters: UpdateParameters) -> Dispute:
    """Evidence for the bank, which decides at once on the documented texts."""
    before = _open(operation, identifier)
    dispute = before.changed(metadata=parameters.metadata.applied_to(before.metadata))
    given = parameters.evidence
    if given is not None:
        said = {name: text or None for name, text in given.model_dump(exclude_none=True).items()}
        dispute = dispute.changed(
            evidence=dispute.evidence.changed(**said),
            evidence_details=dispute.evidence_details.changed(has_evidence=True),
        )
    submits = parameters.submit and (given is not None or _is_staged(dispute))
    if submits:
        dispute = _submitted(dispute)
    dispute = operation.save(dispute, "charge.dispute.updated", before=before)
    return _answered(operation, dispute) if submits else dispute


def close(operation: Operation, identifier: str, _: Parameters) -> Dispute:
    """Accept the dispute: it is lost. An inquiry is closed without any loss."""
    return decide(operation, _open(operation, identifier).id, won=False)


def decide(operation: Operation, identifier: str, *, won: bool) -> Dispute:
    """The bank's decision; an inquiry ends without one. Raises InvalidRequest once closed."""
    before = _open(operation, identifier)
    is_won = won and not before.is_inquiry
    status: DisputeStatus = "won" if won else "lost"
    if before.is_inquiry:
        status = "warning_closed"
    dispute = before.changed(status=status, is_charge_refundable=status != "lost")
    if is_won:
        dispute = reinstated(operation, dispute)
    operation.save(dispute, None)
    if is_won:
        operation.publish("charge.dispute.funds_reinstated", dispute)
    operation.publish("charge.dispute.closed", dispute, before=before)
    return dispute


def escalate(operation: Operation, identifier: str) -> Dispute:
    """An inquiry becomes a dispute. What was refunded since it began is disputed instead."""
    before = _open(operation, identifier)
    if not before.is_inquiry:
        raise InvalidRequest("Only an inquiry can be escalated.", param="dispute")
    for refund in refunds.refunds_since(operation, before.payment_intent, before.created):
        refunds.fail(operation, refund, _REFUNDED_TOO_LATE)
    dispute = withdrawn(operation, before)
    operation.save(dispute, "charge.dispute.updated", before=before)
    operation.publish("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _open(operation: Operation, identifier: str) -> Dispute:
    dispute = operation.get(Dispute, identifier, param="dispute")
    if dispute.status in CLOSED_STATUSES:
        raise InvalidRequest("This dispute is already closed")
    return dispute


def _is_staged(dispute: Dispute) -> bool:
    return dispute.evidence_details.has_evidence and not dispute.evidence_details.submission_count


def _submitted(dispute: Dispute) -> Dispute:
    details = dispute.evidence_details
    return dispute.changed(
        status="warning_under_review" if dispute.is_inquiry else "under_review",
        evidence_details=details.changed(
            submission_count=details.submission_count + 1, submission_method="manual"
        ),
    )


def _answered(operation: Operation, dispute: Dispute) -> Dispute:
    match dispute.evidence.uncategorized_text:
        case "winning_evidence":
            return decide(operation, dispute.id, won=True)
        case "losing_evidence":
            return decide(operation, dispute.id, won=False)
        case "escalate_inquiry_evidence" if dispute.is_inquiry:
            return escalate(operation, dispute.id)
        case _:
            return dispute
