"""How a PaymentIntent collects: confirmed, challenged, sent to a bank, settled, cancelled.

Owns these steps, their events, and outcomes on order. Does not own the object (`payment_intents`)
nor the record of single attempts (`charges`).
Source: https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from typing import NoReturn

from simulator.charges import (
    Attempt,
    Charge,
    record_failure,
    record_pending,
    record_success,
    settle_pending,
)
from simulator.customers import existing
from simulator.declines import AUTHENTICATION_REQUIRED, BANK_FAILURES, DECLINES, Decline
from simulator.disputes import open_as_documented
from simulator.document import JsonObject
from simulator.intents import (
    accepted_types,
    challenged,
    challenged_method,
    check_method,
    check_open,
    intent_error,
    method_to_confirm,
    needs_authentication,
    unexpected_state,
)
from simulator.operation import Operation
from simulator.payment_intents import (
    CancelParameters,
    ConfirmParameters,
    CreateParameters,
    PaymentIntent,
    SimulatedPayment,
    existing_intent,
)
from simulator.payment_method_sources import resolve
from simulator.payment_methods import PaymentMethod, attach_to, declined
from simulator.resource import new_client_secret, new_id

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


def confirm(operation: Operation, identifier: str, parameters: ConfirmParameters) -> PaymentIntent:
    """Try to collect. Raises CardDeclined, with the attempt on record, when that is refused."""
    intent = existing_intent(operation, identifier)
    method = method_to_confirm(operation, intent, parameters)
    intent = _prepared(intent, method, parameters)
    if method.known_bank_account is not None:
        return _send_to_bank(operation, intent, method)
    if needs_authentication(method, off_session=parameters.off_session):
        return _ask_for_authentication(operation, intent, method, parameters)
    return _charge_card(operation, intent, method, authenticated=False)


def complete_challenge(operation: Operation, identifier: str, *, passed: bool) -> PaymentIntent:
    """Go on after 3D Secure. Raises CardDeclined when the holder failed or the issuer refuses."""
    intent = existing_intent(operation, identifier)
    method = challenged_method(operation, intent)
    if not passed:
        _refuse(operation, intent, method, AUTHENTICATION_FAILURE, charge=None)
    return _charge_card(operation, intent, method, authenticated=True)


def settle(operation: Operation, identifier: str, *, failure: str | None) -> PaymentIntent:
    """End a `processing` payment: it succeeds, or fails for the reason named."""
    intent = existing_intent(operation, identifier)
    if intent.status != "processing" or intent.latest_charge is None:
        raise unexpected_state(intent, "settle")
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
    intent = existing_intent(operation, identifier)
    method = operation.get(PaymentMethod, intent.payment_method or "")
    account = method.known_bank_account
    return settle(operation, identifier, failure=None if account is None else account.failure)


def cancel(operation: Operation, identifier: str, parameters: CancelParameters) -> PaymentIntent:
    """Cancel an intent that has not ended and is not with a bank."""
    intent = existing_intent(operation, identifier)
    check_open(intent, "cancel")
    canceled = intent.changed(
        status="canceled",
        canceled_at=operation.now,
        cancellation_reason=parameters.cancellation_reason,
        next_action=None,
    )
    return operation.save(canceled, "payment_intent.canceled", before=intent)


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
    waiting = challenged(operation, intent, return_url=parameters.return_url)
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
