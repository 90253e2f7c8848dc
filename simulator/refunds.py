"""Refunds: paying back what a charge captured, and never more.

Owns the refund object and the bound. Source: https://docs.stripe.com/refunds
"""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from simulator.charges import Charge
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.lists import ListParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import NO_METADATA, FormInteger, Metadata, Parameters, Text
from simulator.payment_intents import PaymentIntent
from simulator.resource import Fields, Resource, new_id


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
    destination_details: DestinationDetails | None
    metadata: dict[str, str]
    payment_intent: str
    reason: str | None
    receipt_number: None = None
    source_transfer_reversal: None = None
    status: Literal["succeeded", "pending", "failed", "canceled"]
    transfer_reversal: None = None

    def public(self) -> JsonObject:
        """The refund without `livemode`, which Stripe does not have on it."""
        shown = super().public()
        del shown["livemode"]
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
                "Invalid positive integer", code="parameter_invalid_integer", param="amount"
            )
        return self


class RefundListParameters(ListParameters):
    """Filters of the refund list."""

    charge: Text | None = None
    payment_intent: Text | None = None


def create(operation: Operation, _: str, parameters: CreateParameters) -> Refund:
    """Pay back from a charge. Raises InvalidRequest beyond what is left, and on a dispute."""
    charge = _charge(operation, parameters)
    _check(charge, parameters.amount)
    amount_minor = parameters.amount or charge.refundable_minor
    kind = charge.payment_method_details.type
    refund = Refund(
        id=new_id(Refund.PREFIX),
        created=operation.now,
        livemode=operation.livemode,
        amount=amount_minor,
        balance_transaction=new_id("txn"),
        charge=charge.id,
        currency=charge.currency,
        destination_details=DestinationDetails(
            card=RefundedCard() if kind == "card" else None, type=kind
        ),
        metadata=parameters.metadata.applied_to({}),
        payment_intent=charge.payment_intent,
        reason=parameters.reason,
        status="succeeded",
    )
    refunded_minor = charge.amount_refunded + amount_minor
    changed = charge.changed(
        amount_refunded=refunded_minor, refunded=refunded_minor == charge.amount_captured
    )
    operation.create(refund, "refund.created")
    operation.save(changed, "charge.refunded", before=charge)
    return refund


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
        charge = operation.get(Charge, parameters.charge, param="charge")
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


def _check(charge: Charge, amount_minor: int | None) -> None:
    if charge.status != "succeeded":
        raise InvalidRequest(
            f"Charge {charge.id} has not succeeded and cannot be refunded.", param="charge"
        )
    if charge.disputed:
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
