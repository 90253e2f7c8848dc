"""SetupIntents: saving a payment method for later.

Owns the SetupIntent and its states. Source: https://docs.stripe.com/payments/setupintents/lifecycle
"""

from typing import ClassVar, Literal, NoReturn, Self

from pydantic import model_validator

from simulator.cards import Authentication
from simulator.customers import existing
from simulator.declines import DECLINES, Decline
from simulator.intents import (
    AcceptedTypes,
    AutomaticPaymentMethodsParameters,
    Confirmation,
    Intent,
    IntentError,
    RemovedTypes,
    accepted_types,
    challenged,
    challenged_method,
    check_method,
    check_open,
    intent_error,
    method_to_confirm,
    only_when_confirming,
)
from simulator.lists import ListParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import (
    NO_METADATA,
    FormBoolean,
    FormList,
    Metadata,
    Parameters,
    Text,
)
from simulator.payment_method_sources import resolve
from simulator.payment_methods import MethodType, PaymentMethod, attach_to, declined
from simulator.resource import new_client_secret, new_id

AUTHENTICATION_FAILURE = Decline(
    code="setup_intent_authentication_failure",
    decline_code=None,
    message="We are unable to authenticate your payment method. Please choose a different payment"
    " method and try again.",
    advice_code=None,
    network_decline_code=None,
)


class SetupIntent(Intent):
    """A SetupIntent, with exactly the fields that Stripe returns."""

    KIND: ClassVar[str] = "setup_intent"
    NOUN: ClassVar[str] = "setupintent"
    PREFIX: ClassVar[str] = "seti"
    TITLE: ClassVar[str] = "SetupIntent"

    object: Literal["setup_intent"] = "setup_intent"
    application: None = None
    flow_directions: None = None
    last_setup_error: IntentError | None = None
    latest_attempt: None = None
    mandate: None = None
    on_behalf_of: None = None
    payment_method_options: None = None
    single_use_mandate: None = None
    usage: Literal["off_session", "on_session"]


class CreateParameters(Confirmation):
    """What a SetupIntent is made from."""

    allowed_payment_method_types: FormList[MethodType] = ()
    automatic_payment_methods: AutomaticPaymentMethodsParameters | None = None
    confirm: FormBoolean = False
    customer: Text | None = None
    description: Text | None = None
    metadata: Metadata = NO_METADATA
    payment_method_types: RemovedTypes = ()
    usage: Literal["off_session", "on_session"] = "off_session"

    @model_validator(mode="after")
    def _confirms(self) -> Self:
        if not self.confirm:
            only_when_confirming(self, "mandate_data", "return_url")
        return self


class CancelParameters(Parameters):
    """Why a SetupIntent is cancelled."""

    cancellation_reason: Literal["abandoned", "duplicate", "requested_by_customer"] | None = None


class SetupIntentListParameters(ListParameters):
    """Filters of the SetupIntent list."""

    customer: Text | None = None
    payment_method: Text | None = None


def create(operation: Operation, _: str, parameters: CreateParameters) -> SetupIntent:
    """A new SetupIntent, confirmed at once if asked. Raises CardDeclined when that is refused."""
    if parameters.customer is not None:
        existing(operation, parameters.customer)
    intent = begin(
        operation,
        customer=parameters.customer,
        usage=parameters.usage,
        metadata=parameters.metadata.applied_to({}),
        description=parameters.description,
        accepted=accepted_types(
            parameters.automatic_payment_methods, parameters.allowed_payment_method_types, None
        ),
    )
    if parameters.confirm:
        return confirm(operation, intent.id, parameters)
    if parameters.payment_method is None:
        return intent
    method = resolve(operation, parameters.payment_method, param="payment_method")
    check_method(method, intent.customer, intent.payment_method_types)
    changed = intent.changed(payment_method=method.id, status="requires_confirmation")
    return operation.save(changed, None)


def begin(
    operation: Operation,
    *,
    customer: str | None,
    usage: Literal["off_session", "on_session"],
    metadata: dict[str, str],
    description: str | None,
    accepted: AcceptedTypes,
) -> SetupIntent:
    """A new SetupIntent that waits for a payment method."""
    identifier = new_id(SetupIntent.PREFIX)
    intent = SetupIntent(
        id=identifier,
        created=operation.now,
        livemode=operation.livemode,
        allowed_payment_method_types=accepted.allowed_payment_method_types,
        automatic_payment_methods=accepted.automatic_payment_methods,
        client_secret=new_client_secret(identifier),
        customer=customer,
        description=description,
        metadata=metadata,
        payment_method_types=accepted.payment_method_types,
        status="requires_payment_method",
        usage=usage,
    )
    operation.create(intent, "setup_intent.created")
    return intent


def retrieve(operation: Operation, identifier: str, _: Parameters) -> SetupIntent:
    """The SetupIntent, or 404."""
    return operation.get(SetupIntent, identifier, param="intent")


def list_(operation: Operation, _: str, parameters: SetupIntentListParameters) -> Page:
    """SetupIntents, newest first."""
    filters = {
        name: value
        for name, value in (
            ("customer", parameters.customer),
            ("payment_method", parameters.payment_method),
        )
        if value is not None
    }
    return page_of(operation.store, SetupIntent, parameters, filters, url="/v1/setup_intents")


def confirm(operation: Operation, identifier: str, parameters: Confirmation) -> SetupIntent:
    """Ask the issuer, through 3D Secure where the card wants it. Raises CardDeclined on refusal."""
    intent = operation.get(SetupIntent, identifier, param="intent")
    method = method_to_confirm(operation, intent, parameters)
    card = method.known_card
    if card is not None and card.authentication is not Authentication.NEVER:
        waiting = challenged(
            operation,
            intent.changed(payment_method=method.id),
            return_url=parameters.return_url,
        )
        return operation.save(waiting, "setup_intent.requires_action", before=intent)
    return _finish(operation, intent, method)


def complete_challenge(operation: Operation, identifier: str, *, passed: bool) -> SetupIntent:
    """Go on after 3D Secure. Raises CardDeclined when the holder failed or the issuer refuses."""
    intent = operation.get(SetupIntent, identifier, param="intent")
    method = challenged_method(operation, intent)
    if not passed:
        _refuse(operation, intent, method, AUTHENTICATION_FAILURE)
    return _finish(operation, intent, method)


def cancel(operation: Operation, identifier: str, parameters: CancelParameters) -> SetupIntent:
    """Cancel an intent that has not ended."""
    intent = operation.get(SetupIntent, identifier, param="intent")
    check_open(intent, "cancel")
    canceled = intent.changed(
        status="canceled",
        cancellation_reason=parameters.cancellation_reason,
        next_action=None,
    )
    return operation.save(canceled, "setup_intent.canceled", before=intent)


def _finish(operation: Operation, intent: SetupIntent, method: PaymentMethod) -> SetupIntent:
    card = method.known_card
    if card is not None and card.decline is not None and not card.attaches:
        _refuse(operation, intent, method, DECLINES[card.decline])
    simulated = method.simulated.changed(
        set_up=method.simulated.set_up or intent.usage == "off_session"
    )
    method = operation.save(method.changed(simulated=simulated), None)
    if intent.customer is not None and method.customer is None:
        method = attach_to(operation, method, intent.customer)
        operation.publish("payment_method.attached", method)
    done = intent.changed(
        payment_method=method.id, status="succeeded", next_action=None, last_setup_error=None
    )
    return operation.save(done, "setup_intent.succeeded", before=intent)


def _refuse(
    operation: Operation, intent: SetupIntent, method: PaymentMethod, decline: Decline
) -> NoReturn:
    failed = operation.save(
        intent.changed(
            payment_method=None,
            status="requires_payment_method",
            next_action=None,
            last_setup_error=intent_error(decline, method),
        ),
        "setup_intent.setup_failed",
        before=intent,
    )
    raise declined(
        decline,
        {"payment_method": method.public(), "setup_intent": failed.public()},
    )
