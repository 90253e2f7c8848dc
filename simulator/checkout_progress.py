"""How a Checkout Session goes on: filled in, challenged, completed, expired.

Owns these steps and what they do to the intent behind the session. Does not own the session
(`checkout_sessions`) nor its page (`hosted_pages`).
"""

from simulator import customers, payment_confirmation, payment_intents, setup_intents
from simulator.checkout_sessions import CustomerDetails, Session
from simulator.errors import InvalidRequest
from simulator.intents import Confirmation
from simulator.operation import Operation
from simulator.parameters import NO_METADATA, Parameters
from simulator.payment_methods import PaymentMethod


def expire(operation: Operation, identifier: str, _: Parameters) -> Session:
    """Close an open session; its page then says so."""
    session = operation.get(Session, identifier, param="session")
    if session.status != "open":
        raise InvalidRequest(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
            f" Session has a status of `{session.status}`.",
        )
    operation.store.clear_timer(session.id)
    if session.setup_intent is not None:
        reason = setup_intents.CancelParameters(cancellation_reason="abandoned")
        setup_intents.cancel(operation, session.setup_intent, reason)
    if session.payment_intent is not None:
        given_up = payment_intents.CancelParameters(cancellation_reason="abandoned")
        payment_confirmation.cancel(operation, session.payment_intent, given_up)
    expired = session.changed(status="expired", url=None)
    return operation.save(expired, "checkout.session.expired", before=session)


def submit(
    operation: Operation, session: Session, method: PaymentMethod, *, email: str | None
) -> Session:
    """Confirm the intent behind an open session with a new, unattached card.

    The session that comes back is complete, or still open while its intent waits for 3D Secure.
    Raises CardDeclined when the card is refused; the session then stays open.
    """
    session = _with_customer(operation, session, email)
    return_url = f"{operation.public_url}/c/pay/{session.id}/return"
    if session.setup_intent is not None:
        setup_intents.confirm(
            operation,
            session.setup_intent,
            Confirmation(payment_method=method.id, return_url=return_url),
        )
        return finish(operation, session.id)
    intent = _payment_intent(operation, session)
    session = operation.save(session.changed(payment_intent=intent), None)
    payment_confirmation.confirm(
        operation,
        intent,
        payment_intents.ConfirmParameters(payment_method=method.id, return_url=return_url),
    )
    return finish(operation, session.id)


def finish(operation: Operation, identifier: str) -> Session:
    """The session, completed if the intent behind it has succeeded."""
    session = operation.get(Session, identifier, param="session")
    if session.status != "open" or not _succeeded(operation, session):
        return session
    operation.store.clear_timer(session.id)
    complete = session.changed(
        status="complete",
        url=None,
        payment_status="paid" if session.mode == "payment" else "no_payment_required",
    )
    return operation.save(complete, "checkout.session.completed", before=session)


def pending_challenge(operation: Operation, session: Session) -> str | None:
    """The address of the 3D Secure page that the customer must visit, or None."""
    intent = _intent(operation, session)
    if intent is None or intent.status != "requires_action" or intent.next_action is None:
        return None
    redirect = intent.next_action.redirect_to_url
    return None if redirect is None else redirect.url


def _intent(
    operation: Operation, session: Session
) -> payment_intents.PaymentIntent | setup_intents.SetupIntent | None:
    if session.setup_intent is not None:
        return operation.get(setup_intents.SetupIntent, session.setup_intent)
    if session.payment_intent is not None:
        return operation.get(payment_intents.PaymentIntent, session.payment_intent)
    return None


def _succeeded(operation: Operation, session: Session) -> bool:
    intent = _intent(operation, session)
    return intent is not None and intent.status == "succeeded"


def _with_customer(operation: Operation, session: Session, email: str | None) -> Session:
    known = email or session.customer_email
    details = session.customer_details or CustomerDetails()
    session = session.changed(customer_details=details.changed(email=details.email or known))
    if session.customer is None and session.customer_creation == "always":
        made = customers.create(operation, "", customers.CreateParameters(email=known))
        session = session.changed(customer=made.id)
        if session.setup_intent is not None:
            intent = operation.get(setup_intents.SetupIntent, session.setup_intent)
            operation.save(intent.changed(customer=made.id), None)
    return operation.save(session, None)


def _payment_intent(operation: Operation, session: Session) -> str:
    if session.payment_intent is not None:
        return session.payment_intent
    intent = payment_confirmation.create(
        operation,
        "",
        payment_intents.CreateParameters(
            amount=session.amount_total or 0,
            currency=session.currency or "",
            customer=session.customer,
            description=session.simulated.intent_description,
            metadata=NO_METADATA,
            allowed_payment_method_types=("card",),
            setup_future_usage=session.simulated.setup_future_usage,
        ),
    )
    kept = intent.changed(metadata=session.simulated.intent_metadata)
    return operation.save(kept, None).id
