"""Refunds: paying back what a charge captured, and never more.

Owns the refund object, the bound and how a refund ends. A refund counts against its charge from its
beginning until it fails or is canceled. Does not own disputes, which forbid it (`disputes`).

Sources: https://docs.stripe.com/refunds, https://docs.stripe.com/testing#refunds and
https://docs.stripe.com/api/refunds/object
"""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from simulator.balance_transactions import BalanceTransaction, Movement, record
from simulator.cards import RefundCourse
from simulator.charges import Charge
from simulator.disputes import disputes_of
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.lists import ListParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import NO_METADATA, FormInteger, Metadata, Parameters, Text
from simulator.payment_intents import PaymentIntent
from simulator.payment_methods import PaymentMethod
from simulator.resource import Fields, Resource, new_id

FAILURES = frozenset(
    {
        "charge_for_pending_refund_disputed",
        "declined",
        "expired_or_canceled_card",
        "insufficient_funds",
        "lost_or_stolen_card",
        "merchant_request",
        "unknown",
    }
)
"""Why a refund can fail, as Stripe documents `failure_reason`."""

_TEST_CARD_FAILURE = "expired_or_canceled_card"
_UNDER_WAY = frozenset({"pending", "succeeded"})
_ABSENT_UNLESS_SET = ("failure_balance_transaction", "failure_reason", "pending_reason")


class RefundedCard(Fields):
    """How the money reaches the card."""

    reference: str | None = None
    reference_status: str = "pending"
    reference_type: str = "acquirer_reference_number"
    type: Literal["refund"] = "refund"


class DestinationDetails(Fields):
    """Where the money goes."""

    card: RefundedCard | None = None
    type: str


class Refund(Resource):
    """A refund, with exactly the fields that Stripe returns."""

    KIND: ClassVar[str] = "refund"
    NOUN: ClassVar[str] = "refund"
    PREFIX: ClassVar[str] = "re"

    object: Literal["refund"] = "refund"
    amount: int
    balance_transaction: str | None
    charge: str
    currency: str
    customer: str | None
    customer_account: None = None
    destination_details: DestinationDetails | None
    failure_balance_transaction: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str]
    payment_intent: str
    payment_method: str
    pending_reason: Literal["processing"] | None = None
    reason: str | None
    receipt_number: None = None
    source_transfer_reversal: None = None
    status: Literal["succeeded", "pending", "failed", "canceled"]
    transfer_reversal: None = None

    def public(self) -> JsonObject:
        """The refund as Stripe shows it: without `livemode`, and without what says nothing."""
        shown = super().public()
        del shown["livemode"]
        for name in _ABSENT_UNLESS_SET:
            if shown[name] is None:
                del shown[name]
        return shown


class CreateParameters(Parameters):
    """What is refunded; without an amount, all that is left. `amount` is in minor units."""

    amount: FormInteger | None = None
    charge: Text | None = None
    metadata: Metadata = NO_METADATA
    payment_intent: Text | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if self.charge is None and self.payment_intent is None:
            raise InvalidRequest(
                "One of the following params should be provided for this request: payment_intent"
                " or charge."
            )
        if self.amount is not None and self.amount < 1:
            raise InvalidRequest(
                "This value must be greater than or equal to 1.",
                code="parameter_invalid_integer",
                param="amount",
            )
        return self


class RefundListParameters(ListParameters):
    """Filters of the refund list."""

    charge: Text | None = None
    payment_intent: Text | None = None


def create(operation: Operation, _: str, parameters: CreateParameters) -> Refund:
    """Pay back from a charge. Raises InvalidRequest beyond what is left, and on a dispute."""
    charge = _charge(operation, parameters)
    _check(operation, charge, parameters.amount)
    amount_minor = parameters.amount or charge.refundable_minor
    kind = charge.payment_method_details.type
    course = _course(operation, charge.payment_method)
    identifier = new_id(Refund.PREFIX)
    refund = Refund(
        id=identifier,
        created=operation.now,
        livemode=operation.livemode,
        amount=amount_minor,
        balance_transaction=_paid_out(operation, identifier, charge, amount_minor).id,
        charge=charge.id,
        currency=charge.currency,
        customer=charge.customer,
        destination_details=DestinationDetails(
            card=RefundedCard() if kind == "card" else None, type=kind
        ),
        metadata=parameters.metadata.applied_to({}),
        payment_intent=charge.payment_intent,
        payment_method=charge.payment_method,
        pending_reason="processing" if course is RefundCourse.PENDING_FIRST else None,
        reason=parameters.reason,
        status="pending" if course is RefundCourse.PENDING_FIRST else "succeeded",
    )
    operation.create(refund, "refund.created")
    operation.save(_counting(charge, amount_minor), "charge.refunded", before=charge)
    if course is not RefundCourse.AT_ONCE and operation.settlement_seconds is not None:
        operation.store.set_timer(refund.id, operation.now + operation.settlement_seconds)
    return refund


def settle(operation: Operation, identifier: str, *, failure: str | None) -> Refund:
    """The bank takes a pending refund, or returns one for the reason named, even a success."""
    refund = operation.get(Refund, identifier)
    if failure is not None:
        return fail(operation, refund, failure)
    if refund.status != "pending":
        raise _unexpected_status(refund)
    operation.store.clear_timer(refund.id)
    succeeded = refund.changed(status="succeeded", pending_reason=None)
    return operation.save(succeeded, "refund.updated", before=refund)


def settle_by_itself(operation: Operation, identifier: str) -> Refund:
    """End a refund as the test card behind it documents; itself where it has ended already."""
    refund = operation.get(Refund, identifier)
    match _course(operation, refund.payment_method):
        case RefundCourse.PENDING_FIRST if refund.status == "pending":
            return settle(operation, identifier, failure=None)
        case RefundCourse.FAILS_LATER if refund.status == "succeeded":
            return settle(operation, identifier, failure=_TEST_CARD_FAILURE)
        case RefundCourse.AT_ONCE | RefundCourse.PENDING_FIRST | RefundCourse.FAILS_LATER:
            return refund


def fail(operation: Operation, refund: Refund, reason: str) -> Refund:
    """The money comes back to the account and can be refunded again."""
    failed = _returned(operation, refund, status="failed", failure_reason=reason)
    operation.save(failed, "refund.updated", before=refund)
    operation.publish("refund.failed", failed, before=refund)
    return failed


def cancel(operation: Operation, identifier: str) -> Refund:
    """Somebody stops a pending refund in the dashboard."""
    refund = operation.get(Refund, identifier)
    if refund.status != "pending":
        raise _unexpected_status(refund)
    canceled = _returned(operation, refund, status="canceled", failure_reason="merchant_request")
    return operation.save(canceled, "refund.updated", before=refund)


def refunds_since(operation: Operation, payment_intent: str, since: int) -> list[Refund]:
    """The refunds of a payment that were made from an instant on and were not returned."""
    found = operation.store.all_where(Refund, {"payment_intent": payment_intent})
    return [each for each in found if each.created >= since and each.status in _UNDER_WAY]


def retrieve(operation: Operation, identifier: str, _: Parameters) -> Refund:
    """The refund, or 404."""
    return operation.get(Refund, identifier)


def list_(operation: Operation, _: str, parameters: RefundListParameters) -> Page:
    """Refunds, newest first."""
    filters = {
        name: value
        for name, value in (
            ("charge", parameters.charge),
            ("payment_intent", parameters.payment_intent),
        )
        if value is not None
    }
    return page_of(operation.store, Refund, parameters, filters, url="/v1/refunds")


def _charge(operation: Operation, parameters: CreateParameters) -> Charge:
    if parameters.charge is not None:
        charge = operation.get(Charge, parameters.charge)
        if parameters.payment_intent not in (None, charge.payment_intent):
            raise InvalidRequest(
                f"The charge {charge.id} does not belong to the PaymentIntent"
                f" {parameters.payment_intent}.",
                param="payment_intent",
            )
        return charge
    intent = operation.get(PaymentIntent, parameters.payment_intent or "", param="payment_intent")
    if intent.status != "succeeded" or intent.latest_charge is None:
        raise InvalidRequest(
            f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return operation.get(Charge, intent.latest_charge)


def _check(operation: Operation, charge: Charge, amount_minor: int | None) -> None:
    if charge.status != "succeeded":
        raise InvalidRequest(
            f"This PaymentIntent ({charge.payment_intent}) does not have a successful charge to"
            " refund."
        )
    if not all(dispute.is_charge_refundable for dispute in disputes_of(operation, charge)):
        raise InvalidRequest(
            f"Charge {charge.id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if charge.refundable_minor == 0:
        raise InvalidRequest(
            f"Charge {charge.id} has already been refunded.", code="charge_already_refunded"
        )
    if amount_minor is not None and amount_minor > charge.refundable_minor:
        raise InvalidRequest(
            f"Refund amount ({amount_minor} {charge.currency}) is greater than unrefunded amount on"
            f" charge ({charge.refundable_minor} {charge.currency})",
            param="amount",
        )


def _course(operation: Operation, payment_method: str) -> RefundCourse:
    card = operation.get(PaymentMethod, payment_method).known_card
    return RefundCourse.AT_ONCE if card is None else card.refund


def _counting(charge: Charge, amount_minor: int) -> Charge:
    refunded_minor = charge.amount_refunded + amount_minor
    return charge.changed(
        amount_refunded=refunded_minor, refunded=refunded_minor == charge.amount_captured
    )


def _paid_out(
    operation: Operation, identifier: str, charge: Charge, amount_minor: int
) -> BalanceTransaction:
    described = "" if charge.description is None else f" ({charge.description})"
    return record(
        operation,
        Movement(
            type="refund",
            reporting_category="refund",
            amount_minor=-amount_minor,
            currency=charge.currency,
            source=identifier,
            description=f"REFUND FOR CHARGE{described}",
        ),
    )


def _returned(operation: Operation, refund: Refund, *, status: str, failure_reason: str) -> Refund:
    if refund.status not in _UNDER_WAY:
        raise _unexpected_status(refund)
    operation.store.clear_timer(refund.id)
    transaction = record(
        operation,
        Movement(
            type="refund_failure",
            reporting_category="refund_failure",
            amount_minor=refund.amount,
            currency=refund.currency,
            source=refund.id,
            description="REFUND FAILURE",
        ),
    )
    charge = operation.get(Charge, refund.charge)
    operation.save(_counting(charge, -refund.amount), None)
    return refund.changed(
        status=status,
        failure_reason=failure_reason,
        failure_balance_transaction=transaction.id,
        pending_reason=None,
    )


def _unexpected_status(refund: Refund) -> InvalidRequest:
    return InvalidRequest(f"This refund has a status of {refund.status}.", param="refund")
