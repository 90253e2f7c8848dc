"""Disputes: a cardholder's bank questions a charge, or takes its money back.

Owns the dispute object, how one begins, and what it does to the charge and the balance. Does not
own how one goes on and ends (`dispute_responses`).

Sources: https://docs.stripe.com/disputes/how-disputes-work, https://docs.stripe.com/testing#disputes
and https://docs.stripe.com/api/disputes/object
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from simulator.balance_transactions import BalanceTransaction, FeeDetail, Movement, record
from simulator.cards import DisputeKind
from simulator.charges import Charge
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.lists import ListParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import Parameters, Text
from simulator.payment_methods import PaymentMethod
from simulator.resource import Fields, Resource, new_id

DisputeStatus = Literal[
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
]
"""The statuses that the simulator reaches; appeals and prevented disputes are not imitated."""

INQUIRY_STATUSES: frozenset[DisputeStatus] = frozenset(
    {"warning_needs_response", "warning_under_review", "warning_closed"}
)
CLOSED_STATUSES: frozenset[DisputeStatus] = frozenset({"warning_closed", "won", "lost"})

_FEE_MINOR = 1500
"""The fee of a dispute in the United States, USD 15.00; the same number in every currency."""
_DAYS_TO_RESPOND = 8
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class _Course:
    reason: str
    inquiry: bool
    visa_code: str


_COURSES = {
    DisputeKind.FRAUDULENT: _Course("fraudulent", inquiry=False, visa_code="10.4"),
    DisputeKind.NOT_RECEIVED: _Course("product_not_received", inquiry=False, visa_code="13.1"),
    DisputeKind.INQUIRY: _Course("fraudulent", inquiry=True, visa_code="10"),
}
"""The reason codes of Visa, as in https://docs.stripe.com/disputes/categories"""


class EnhancedEvidence(Fields):
    """Evidence for programmes of the card networks; the simulator takes part in none."""


class Evidence(Fields):
    """What was said in defence. Files are not imitated, so their fields stay empty."""

    access_activity_log: str | None = None
    appeal: None = None
    billing_address: str | None = None
    cancellation_policy: None = None
    cancellation_policy_disclosure: str | None = None
    cancellation_rebuttal: str | None = None
    customer_communication: None = None
    customer_email_address: str | None = None
    customer_name: str | None = None
    customer_purchase_ip: str | None = None
    customer_signature: None = None
    duplicate_charge_documentation: None = None
    duplicate_charge_explanation: str | None = None
    duplicate_charge_id: str | None = None
    enhanced_evidence: EnhancedEvidence = EnhancedEvidence()
    product_description: str | None = None
    receipt: None = None
    refund_policy: None = None
    refund_policy_disclosure: str | None = None
    refund_refusal_explanation: str | None = None
    service_date: str | None = None
    service_documentation: None = None
    shipping_address: str | None = None
    shipping_carrier: str | None = None
    shipping_date: str | None = None
    shipping_documentation: None = None
    shipping_tracking_number: str | None = None
    uncategorized_file: None = None
    uncategorized_text: str | None = None


class EnhancedEligibility(Fields):
    """For which programmes it qualifies: none."""


class EvidenceDetails(Fields):
    """Until when evidence is taken, and whether there is some."""

    due_by: int | None
    enhanced_eligibility: EnhancedEligibility = EnhancedEligibility()
    has_evidence: bool = False
    past_due: bool = False
    submission_count: int = 0
    submission_method: Literal["manual", "not_submitted"] = "not_submitted"


class DisputedCard(Fields):
    """The card, and the network's name for the case."""

    brand: str
    case_type: Literal["chargeback", "inquiry"]
    network: str
    network_reason_code: str | None


class DisputedMethod(Fields):
    """What the disputed charge was paid with."""

    card: DisputedCard
    type: Literal["card"] = "card"


class Dispute(Resource):
    """A dispute, with exactly the fields that Stripe returns."""

    KIND: ClassVar[str] = "dispute"
    NOUN: ClassVar[str] = "dispute"
    PREFIX: ClassVar[str] = "du"

    object: Literal["dispute"] = "dispute"
    amount: int
    balance_transactions: tuple[BalanceTransaction, ...] = ()
    charge: str
    currency: str
    enhanced_eligibility_types: tuple[str, ...] = ()
    evidence: Evidence = Evidence()
    evidence_details: EvidenceDetails
    intended_submission_method: None = None
    is_charge_refundable: bool
    metadata: dict[str, str] = Field(default_factory=dict)
    network_reason_code: str | None
    payment_intent: str
    payment_method_details: DisputedMethod | None
    reason: str
    status: DisputeStatus

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank only asks: no money was taken."""
        return self.status in INQUIRY_STATUSES

    def public(self) -> JsonObject:
        """The dispute, with its balance transactions as Stripe shows them anywhere."""
        shown = super().public()
        shown["balance_transactions"] = [each.public() for each in self.balance_transactions]
        return shown


class DisputeListParameters(ListParameters):
    """Filters of the dispute list."""

    charge: Text | None = None
    payment_intent: Text | None = None


def retrieve(operation: Operation, identifier: str, _: Parameters) -> Dispute:
    """The dispute, or 404."""
    return operation.get(Dispute, identifier, param="dispute")


def list_(operation: Operation, _: str, parameters: DisputeListParameters) -> Page:
    """Disputes, newest first."""
    filters = {
        name: value
        for name, value in (
            ("charge", parameters.charge),
            ("payment_intent", parameters.payment_intent),
        )
        if value is not None
    }
    return page_of(operation.store, Dispute, parameters, filters, url="/v1/disputes")


def disputes_of(operation: Operation, charge: Charge) -> list[Dispute]:
    """Every dispute of a charge, oldest first."""
    if not charge.disputed:
        return []
    found = operation.store.all_where(Dispute, {"payment_intent": charge.payment_intent})
    return [dispute for dispute in found if dispute.charge == charge.id]


def open_as_documented(operation: Operation, charge: Charge, method: PaymentMethod) -> None:
    """What the test cards for disputes do with each charge, as soon as it succeeds."""
    card = method.known_card
    if card is not None and card.dispute is not None:
        open_dispute(operation, charge, card.dispute)


def open_dispute(
    operation: Operation, charge: Charge, kind: DisputeKind, *, reason: str | None = None
) -> Dispute:
    """A dispute of what is left of a charge; `reason` is the documented one unless named.

    Raises InvalidRequest where there is nothing to take back.
    """
    _check_disputable(operation, charge)
    course = _COURSES[kind]
    code = course.visa_code if reason in (None, course.reason) else None
    last_day = operation.now // _SECONDS_A_DAY + _DAYS_TO_RESPOND
    dispute = Dispute(
        id=new_id(Dispute.PREFIX),
        created=operation.now,
        livemode=operation.livemode,
        amount=charge.refundable_minor,
        charge=charge.id,
        currency=charge.currency,
        evidence_details=EvidenceDetails(due_by=(last_day + 1) * _SECONDS_A_DAY - 1),
        is_charge_refundable=True,
        network_reason_code=code,
        payment_intent=charge.payment_intent,
        payment_method_details=_disputed_method(charge, inquiry=course.inquiry, code=code),
        reason=reason or course.reason,
        status="warning_needs_response",
    )
    operation.save(charge.changed(disputed=True), None)
    if course.inquiry:
        operation.create(dispute, "charge.dispute.created")
        return dispute
    charged_back = withdrawn(operation, dispute)
    operation.create(charged_back, "charge.dispute.created")
    operation.publish("charge.dispute.funds_withdrawn", charged_back)
    return charged_back


def withdrawn(operation: Operation, dispute: Dispute) -> Dispute:
    """The dispute as a chargeback: its amount and its fee are off the balance. Not yet stored."""
    fee = FeeDetail(amount=_FEE_MINOR, currency=dispute.currency, description="Dispute fee")
    transaction = record(
        operation,
        Movement(
            type="adjustment",
            reporting_category="dispute",
            amount_minor=-dispute.amount,
            currency=dispute.currency,
            source=dispute.id,
            description=f"Chargeback withdrawal for {dispute.charge}",
            fees=(fee,),
        ),
    )
    method = dispute.payment_method_details
    if method is not None:
        method = method.changed(card=method.card.changed(case_type="chargeback"))
    return dispute.changed(
        status="needs_response",
        is_charge_refundable=False,
        balance_transactions=(*dispute.balance_transactions, transaction),
        payment_method_details=method,
    )


def reinstated(operation: Operation, dispute: Dispute) -> Dispute:
    """The dispute with its money back on the balance; Stripe keeps the fee. Not yet stored."""
    transaction = record(
        operation,
        Movement(
            type="adjustment",
            reporting_category="dispute_reversal",
            amount_minor=dispute.amount,
            currency=dispute.currency,
            source=dispute.id,
            description=f"Chargeback reversal for {dispute.charge}",
        ),
    )
    return dispute.changed(balance_transactions=(*dispute.balance_transactions, transaction))


def _check_disputable(operation: Operation, charge: Charge) -> None:
    if charge.status != "succeeded" or charge.refundable_minor == 0:
        raise InvalidRequest(f"Charge {charge.id} has nothing left to dispute.", param="charge")
    if any(dispute.status not in CLOSED_STATUSES for dispute in disputes_of(operation, charge)):
        raise InvalidRequest(f"Charge {charge.id} is disputed already.", param="charge")


def _disputed_method(charge: Charge, *, inquiry: bool, code: str | None) -> DisputedMethod | None:
    card = charge.payment_method_details.card
    if card is None:
        return None
    return DisputedMethod(
        card=DisputedCard(
            brand=card.brand,
            case_type="inquiry" if inquiry else "chargeback",
            network=card.network,
            network_reason_code=code if card.network == "visa" else None,
        )
    )
