"""PaymentIntents: collecting one payment, however many attempts it takes.

Owns the PaymentIntent and its states. Does not own single attempts (`charges`).
Source: https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from typing import ClassVar, Literal, NoReturn, Self

from pydantic import Field, model_validator

from simulator.charges import (
    Attempt,
    Charge,
    record_failure,
    record_pending,
    record_success,
    settle_pending,
)
from simulator.currencies import check_amount
from simulator.customers import existing
from simulator.declines import AUTHENTICATION_REQUIRED, BANK_FAILURES, DECLINES, Decline
from simulator.disputes import open_as_documented
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.intents import (
    AutomaticPaymentMethods,
    AutomaticPaymentMethodsParameters,
    IntentError,
    MandateData,
    NextAction,
    RemovedTypes,
    accepted_types,
    challenge,
    check_method,
    check_return_url,
    intent_error,
    needs_authentication,
    with_mandate,
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
    WebAddress,
)
from simulator.payment_methods import (
    MethodType,
    PaymentMethod,
    attach_to,
    declined,
    resolve,
)
from simulator.resource import Fields, Resource, new_client_secret, new_id

Status = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "succeeded",
    "canceled",
]

SUCCEED = "succeed"
"""The scheduled outcome of a charge that goes through, whatever the card does by itself."""

AUTHENTICATION_FAILURE = Decline(
    code="payment_intent_authentication_failure",
    decline_code=None,
    message="We are unable to authenticate your payment method. Please choose a different payment"
    " method and try again.",
    advice_code=None,
    network_decline_code=None,
)

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_STATEMENT_SUFFIX_LENGTH = 22


class AmountDetails(Fields):
    """How the amount is made up; the simulator has no tips."""

    tip: JsonObject = Field(default_factory=dict)


class SimulatedPayment(Fields):
    """What Stripe keeps about an intent and does not show."""

    off_session: bool = False
    spends_method: bool = False


class PaymentIntent(Resource):
    """A PaymentIntent, with exactly the fields that Stripe returns and what it hides."""

    KIND: ClassVar[str] = "payment_intent"
    NOUN: ClassVar[str] = "payment_intent"
    PREFIX: ClassVar[str] = "pi"

    object: Literal["payment_intent"] = "payment_intent"
    amount: int
    amount_capturable: int = 0
    amount_details: AmountDetails = AmountDetails()
    amount_received: int = 0
    application: None = None
    application_fee_amount: None = None
    allowed_payment_method_types: list[MethodType] | None
    automatic_payment_methods: AutomaticPaymentMethods | None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    capture_method: Literal["automatic", "automatic_async"]
    client_secret: str
    confirmation_method: Literal["automatic"] = "automatic"
    currency: str
    customer: str | None
    description: str | None
    last_payment_error: IntentError | None = None
    latest_charge: str | None = None
    metadata: dict[str, str]
    next_action: NextAction | None = None
    on_behalf_of: None = None
    payment_method: str | None = None
    payment_method_options: None = None
    payment_method_types: list[MethodType]
    processing: None = None
    receipt_email: str | None
    review: None = None
    setup_future_usage: Literal["off_session", "on_session"] | None
    shipping: None = None
    source: None = None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    status: Status
    transfer_data: None = None
    transfer_group: None = None
    simulated: SimulatedPayment = SimulatedPayment()


class ConfirmParameters(Parameters):
    """What a confirmation may bring along."""

    error_on_requires_action: FormBoolean = False
    mandate_data: MandateData | None = None
    off_session: FormBoolean = False
    payment_method: Text | None = None
    payment_method_types: RemovedTypes = ()
    receipt_email: Email | None = None
    return_url: WebAddress | None = None
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
        for name in ("mandate_data", "return_url", "off_session", "error_on_requires_action"):
            if getattr(self, name) and not self.confirm:
                raise InvalidRequest(
                    f"You can only provide `{name}` when `confirm` is `true`.", param=name
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


def create(operation: Operation, _: str, parameters: CreateParameters) -> PaymentIntent:
    """A new PaymentIntent, confirmed at once if asked. Raises CardDeclined when that is refused."""
    if parameters.customer is not None:
        existing(operation, parameters.customer)
    identifier = new_id(PaymentIntent.PREFIX)
    accepted = accepted_types(
        parameters.automatic_payment_methods,
        parameters.allowed_payment_method_types,
        parameters.currency,
    )
    intent = PaymentIntent(
        id=identifier,
        created=operation.now,
        livemode=operation.livemode,
        amount=parameters.amount,
        allowed_payment_method_types=accepted.allowed_payment_method_types,
        automatic_payment_methods=accepted.automatic_payment_methods,
        capture_method=parameters.capture_method,
        client_secret=new_client_secret(identifier),
        currency=parameters.currency,
        customer=parameters.customer,
        description=parameters.description,
        metadata=parameters.metadata.applied_to({}),
        payment_method_types=accepted.payment_method_types,
        receipt_email=parameters.receipt_email or None,
        setup_future_usage=parameters.setup_future_usage,
        statement_descriptor=parameters.statement_descriptor,
        statement_descriptor_suffix=parameters.statement_descriptor_suffix,
        status="requires_payment_method",
    )
    if parameters.payment_method is not None:
        method = resolve(operation, parameters.payment_method, param="payment_method")
        check_method(method, intent.customer, intent.payment_method_types)
        intent = intent.changed(payment_method=method.id, status="requires_confirmation")
    operation.create(intent, "payment_intent.created")
    if parameters.confirm:
        known = parameters.model_copy(update={"payment_method": intent.payment_method})
        return confirm(operation, intent.id, known)
    return intent


def retrieve(operation: Operation, identifier: str, _: Parameters) -> PaymentIntent:
    """The PaymentIntent, or 404."""
    return _get(operation, identifier)


def list_(operation: Operation, _: str, parameters: PaymentIntentListParameters) -> Page:
    """PaymentIntents, newest first."""
    filters = {} if parameters.customer is None else {"customer": parameters.customer}
    return page_of(operation.store, PaymentIntent, parameters, filters, url="/v1/payment_intents")


def update(operation: Operation, identifier: str, parameters: UpdateParameters) -> PaymentIntent:
    """The PaymentIntent with what was given changed; Stripe publishes no event for that."""
    intent = _get(operation, identifier)
    fields: dict[str, object] = {"metadata": parameters.metadata.applied_to(intent.metadata)}
    if parameters.description is not None:
        fields["description"] = parameters.description or None
    if parameters.receipt_email is not None:
        fields["receipt_email"] = parameters.receipt_email or None
    return operation.save(intent.changed(**fields), None)


def confirm(operation: Operation, identifier: str, parameters: ConfirmParameters) -> PaymentIntent:
    """Try to collect. Raises CardDeclined, with the attempt on record, when that is refused."""
    intent = _get(operation, identifier)
    if intent.status not in _CONFIRMABLE:
        raise _unexpected_state(intent, "confirm")
    reference = parameters.payment_method or intent.payment_method
    if reference is None:
        raise InvalidRequest(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can"
            " either update the PaymentIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            details={"payment_intent": intent.public()},
        )
    method = resolve(operation, reference, param="payment_method")
    check_method(method, intent.customer, intent.payment_method_types)
    check_return_url(intent.automatic_payment_methods, parameters.return_url)
    method = with_mandate(operation, method, parameters.mandate_data)
    intent = _prepared(intent, method, parameters)
    if method.known_bank_account is not None:
        return _send_to_bank(operation, intent, method)
    if needs_authentication(method, off_session=parameters.off_session):
        return _ask_for_authentication(operation, intent, method, parameters)
    return _charge_card(operation, intent, method, authenticated=False)


def complete_challenge(operation: Operation, identifier: str, *, passed: bool) -> PaymentIntent:
    """Go on after 3D Secure. Raises CardDeclined when the holder failed or the issuer refuses."""
    intent = _get(operation, identifier)
    if intent.status != "requires_action" or intent.payment_method is None:
        raise _unexpected_state(intent, "authenticate")
    method = operation.get(PaymentMethod, intent.payment_method)
    if not passed:
        _refuse(operation, intent, method, AUTHENTICATION_FAILURE, charge=None)
    return _charge_card(operation, intent, method, authenticated=True)


def settle(operation: Operation, identifier: str, *, failure: str | None) -> PaymentIntent:
    """End a `processing` payment: it succeeds, or fails for the reason named."""
    intent = _get(operation, identifier)
    if intent.status != "processing" or intent.latest_charge is None:
        raise _unexpected_state(intent, "settle")
    charge = operation.get(Charge, intent.latest_charge)
    decline = None if failure is None else BANK_FAILURES[failure]
    operation.store.clear_timer(intent.id)
    charge = settle_pending(operation, charge, decline)
    if decline is None:
        done = intent.changed(status="succeeded", amount_received=intent.amount)
        return operation.save(done, "payment_intent.succeeded", before=intent)
    method = operation.get(PaymentMethod, charge.payment_method)
    return _failed(operation, intent, method, decline, charge.id)


def settle_by_itself(operation: Operation, identifier: str) -> PaymentIntent:
    """End a `processing` payment as the test bank account behind it documents."""
    intent = _get(operation, identifier)
    method = operation.get(PaymentMethod, intent.payment_method or "")
    account = method.known_bank_account
    return settle(operation, identifier, failure=None if account is None else account.failure)


def cancel(operation: Operation, identifier: str, parameters: CancelParameters) -> PaymentIntent:
    """Cancel an intent that has not ended and is not with a bank."""
    intent = _get(operation, identifier)
    if intent.status not in _CONFIRMABLE:
        raise _unexpected_state(intent, "cancel")
    canceled = intent.changed(
        status="canceled",
        canceled_at=operation.now,
        cancellation_reason=parameters.cancellation_reason,
        next_action=None,
    )
    return operation.save(canceled, "payment_intent.canceled", before=intent)


def _get(operation: Operation, identifier: str) -> PaymentIntent:
    return operation.get(PaymentIntent, identifier, param="intent")


def _prepared(
    intent: PaymentIntent, method: PaymentMethod, parameters: ConfirmParameters
) -> PaymentIntent:
    fields: dict[str, object] = {
        "payment_method": method.id,
        "next_action": None,
        "simulated": SimulatedPayment(off_session=parameters.off_session),
    }
    if parameters.setup_future_usage is not None:
        fields["setup_future_usage"] = parameters.setup_future_usage
    if parameters.receipt_email is not None:
        fields["receipt_email"] = parameters.receipt_email or None
    return intent.changed(**fields)


def _ask_for_authentication(
    operation: Operation,
    intent: PaymentIntent,
    method: PaymentMethod,
    parameters: ConfirmParameters,
) -> PaymentIntent:
    if parameters.off_session or parameters.error_on_requires_action:
        charge = record_failure(
            operation, _attempt(intent), method, AUTHENTICATION_REQUIRED, authenticated=False
        )
        _refuse(operation, intent, method, AUTHENTICATION_REQUIRED, charge=charge.id)
    action = challenge(
        operation,
        intent=intent.id,
        client_secret=intent.client_secret,
        return_url=parameters.return_url,
    )
    waiting = intent.changed(status="requires_action", next_action=action)
    return operation.save(waiting, "payment_intent.requires_action", before=intent)


def _charge_card(
    operation: Operation, intent: PaymentIntent, method: PaymentMethod, *, authenticated: bool
) -> PaymentIntent:
    decline = _decline(operation, intent, method)
    if decline is not None:
        charge = record_failure(
            operation, _attempt(intent), method, decline, authenticated=authenticated
        )
        _refuse(operation, intent, method, decline, charge=charge.id)
    charge = record_success(operation, _attempt(intent), method, authenticated=authenticated)
    open_as_documented(operation, charge, method)
    _keep_or_spend(operation, intent, method)
    done = intent.changed(
        amount_received=intent.amount,
        last_payment_error=None,
        latest_charge=charge.id,
        next_action=None,
        status="succeeded",
    )
    return operation.save(done, "payment_intent.succeeded", before=intent)


def _decline(operation: Operation, intent: PaymentIntent, method: PaymentMethod) -> Decline | None:
    subjects = [method.id, method.simulated.number]
    if intent.customer is not None:
        subjects.append(intent.customer)
    scheduled = operation.store.pop_outcome(tuple(subjects))
    if scheduled is not None:
        return None if scheduled == SUCCEED else DECLINES[scheduled]
    card = method.known_card
    return None if card is None or card.decline is None else DECLINES[card.decline]


def _send_to_bank(
    operation: Operation, intent: PaymentIntent, method: PaymentMethod
) -> PaymentIntent:
    account = method.known_bank_account
    charge = record_pending(operation, _attempt(intent), method)
    _keep_or_spend(operation, intent, method)
    if account is not None and account.settles and operation.settlement_seconds is not None:
        operation.store.set_timer(intent.id, operation.now + operation.settlement_seconds)
    waiting = intent.changed(last_payment_error=None, latest_charge=charge.id, status="processing")
    return operation.save(waiting, "payment_intent.processing", before=intent)


def _keep_or_spend(operation: Operation, intent: PaymentIntent, method: PaymentMethod) -> None:
    """Attach a method that shall be used again; spend one that belongs to nobody."""
    if method.customer is not None and intent.setup_future_usage is None:
        return
    simulated = method.simulated.changed(
        set_up=method.simulated.set_up or intent.setup_future_usage == "off_session",
        spent=method.customer is None
        and (intent.customer is None or intent.setup_future_usage is None),
    )
    attaches = (
        method.customer is None
        and intent.customer is not None
        and intent.setup_future_usage is not None
    )
    if attaches and intent.customer is not None:
        method = attach_to(operation, method, intent.customer)
    method = operation.save(method.changed(simulated=simulated), None)
    if attaches:
        operation.publish("payment_method.attached", method)


def _refuse(
    operation: Operation,
    intent: PaymentIntent,
    method: PaymentMethod,
    decline: Decline,
    *,
    charge: str | None,
) -> NoReturn:
    failed = _failed(operation, intent, method, decline, charge)
    details: JsonObject = {
        "payment_intent": failed.public(),
        "payment_method": method.public(),
    }
    if charge is not None:
        details["charge"] = charge
    raise declined(decline, details)


def _failed(
    operation: Operation,
    intent: PaymentIntent,
    method: PaymentMethod,
    decline: Decline,
    charge: str | None,
) -> PaymentIntent:
    failed = intent.changed(
        last_payment_error=intent_error(decline, method, charge),
        latest_charge=charge or intent.latest_charge,
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    return operation.save(failed, "payment_intent.payment_failed", before=intent)


def _attempt(intent: PaymentIntent) -> Attempt:
    return Attempt(
        payment_intent=intent.id,
        amount=intent.amount,
        currency=intent.currency,
        customer=intent.customer,
        description=intent.description,
        metadata=intent.metadata,
        receipt_email=intent.receipt_email,
        statement_descriptor=intent.statement_descriptor,
        statement_descriptor_suffix=intent.statement_descriptor_suffix,
    )


def _unexpected_state(intent: PaymentIntent, action: str) -> InvalidRequest:
    message = (
        "You cannot confirm this PaymentIntent because it has already succeeded after being"
        " previously confirmed."
        if action == "confirm" and intent.status == "succeeded"
        else f"You cannot {action} this PaymentIntent because it has a status of {intent.status}."
    )
    return InvalidRequest(
        message,
        code="payment_intent_unexpected_state",
        details={"payment_intent": intent.public()},
    )
