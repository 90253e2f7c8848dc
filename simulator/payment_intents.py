"""PaymentIntents: collecting one payment, however many attempts it takes.

Owns the PaymentIntent, its parameters and reading it. Does not own how it collects
(`payment_confirmation`) nor single attempts (`charges`).
Source: https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from simulator.currencies import check_amount
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.intents import (
    AutomaticPaymentMethodsParameters,
    Confirmation,
    Intent,
    IntentError,
    RemovedTypes,
    only_when_confirming,
)
from simulator.lists import ListParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import (
    NO_METADATA,
    Clearable,
    Currency,
    Email,
    FormBoolean,
    FormInteger,
    FormList,
    Metadata,
    Parameters,
    Text,
)
from simulator.payment_methods import MethodType
from simulator.resource import Fields

_STATEMENT_SUFFIX_LENGTH = 22


class AmountDetails(Fields):
    """How the amount is made up; the simulator has no tips."""

    tip: JsonObject = Field(default_factory=dict)


class SimulatedPayment(Fields):
    """What Stripe keeps about an intent and does not show."""

    off_session: bool = False
    spends_method: bool = False


class PaymentIntent(Intent):
    """A PaymentIntent, with exactly the fields that Stripe returns and what it hides."""

    KIND: ClassVar[str] = "payment_intent"
    NOUN: ClassVar[str] = "payment_intent"
    PREFIX: ClassVar[str] = "pi"
    TITLE: ClassVar[str] = "PaymentIntent"

    object: Literal["payment_intent"] = "payment_intent"
    amount: int
    amount_capturable: int = 0
    amount_details: AmountDetails = AmountDetails()
    amount_received: int = 0
    application: None = None
    application_fee_amount: None = None
    canceled_at: int | None = None
    capture_method: Literal["automatic", "automatic_async"]
    confirmation_method: Literal["automatic"] = "automatic"
    currency: str
    last_payment_error: IntentError | None = None
    latest_charge: str | None = None
    on_behalf_of: None = None
    payment_method_options: None = None
    processing: None = None
    receipt_email: str | None
    review: None = None
    setup_future_usage: Literal["off_session", "on_session"] | None
    shipping: None = None
    source: None = None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    transfer_data: None = None
    transfer_group: None = None
    simulated: SimulatedPayment = SimulatedPayment()


class ConfirmParameters(Confirmation):
    """What a confirmation may bring along."""

    error_on_requires_action: FormBoolean = False
    off_session: FormBoolean = False
    payment_method_types: RemovedTypes = ()
    receipt_email: Email | None = None
    setup_future_usage: Literal["off_session", "on_session"] | None = None


class CreateParameters(ConfirmParameters):
    """What a PaymentIntent is made from. `amount` is in minor units."""

    amount: FormInteger
    currency: Currency
    allowed_payment_method_types: FormList[MethodType] = ()
    automatic_payment_methods: AutomaticPaymentMethodsParameters | None = None
    capture_method: Literal["automatic", "automatic_async"] = "automatic_async"
    confirm: FormBoolean = False
    customer: Text | None = None
    description: Text | None = None
    metadata: Metadata = NO_METADATA
    statement_descriptor: Text | None = None
    statement_descriptor_suffix: Text | None = None

    @model_validator(mode="after")
    def _checked(self) -> Self:
        check_amount(self.amount, self.currency)
        if not self.confirm:
            only_when_confirming(
                self, "mandate_data", "return_url", "off_session", "error_on_requires_action"
            )
        suffix = self.statement_descriptor_suffix
        if suffix is not None and len(suffix) > _STATEMENT_SUFFIX_LENGTH:
            raise InvalidRequest(
                "The statement descriptor suffix can have up to 22 characters.",
                param="statement_descriptor_suffix",
            )
        return self


class UpdateParameters(Parameters):
    """What the simulator lets an intent change; refused, not ignored, is everything else."""

    description: Clearable | None = None
    metadata: Metadata = NO_METADATA
    receipt_email: Email | None = None


class CancelParameters(Parameters):
    """Why a PaymentIntent is cancelled."""

    cancellation_reason: (
        Literal["abandoned", "duplicate", "fraudulent", "requested_by_customer"] | None
    ) = None


class PaymentIntentListParameters(ListParameters):
    """Filters of the PaymentIntent list."""

    customer: Text | None = None


def retrieve(operation: Operation, identifier: str, _: Parameters) -> PaymentIntent:
    """The PaymentIntent, or 404."""
    return existing_intent(operation, identifier)


def list_(operation: Operation, _: str, parameters: PaymentIntentListParameters) -> Page:
    """PaymentIntents, newest first."""
    filters = {} if parameters.customer is None else {"customer": parameters.customer}
    return page_of(operation.store, PaymentIntent, parameters, filters, url="/v1/payment_intents")


def update(operation: Operation, identifier: str, parameters: UpdateParameters) -> PaymentIntent:
    """The PaymentIntent with what was given changed; Stripe publishes no event for that."""
    intent = existing_intent(operation, identifier)
    fields: dict[str, object] = {"metadata": parameters.metadata.applied_to(intent.metadata)}
    if parameters.description is not None:
        fields["description"] = parameters.description or None
    if parameters.receipt_email is not None:
        fields["receipt_email"] = parameters.receipt_email or None
    return operation.save(intent.changed(**fields), None)


def existing_intent(operation: Operation, identifier: str) -> PaymentIntent:
    """The PaymentIntent, or 404 in Stripe's words."""
    return operation.get(PaymentIntent, identifier, param="intent")
