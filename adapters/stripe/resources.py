"""Stripe's objects as the values of the port.

Owns what is read from each object and the names of our metadata on them. Does not call Stripe.
"""

from datetime import UTC, datetime
from typing import Final, Protocol

import stripe
from stripe import checkout

from adapters.stripe.amount import from_stripe
from billing.decline import Decline
from billing.errors import GatewayRefused
from billing.ports.gateway import (
    DisputeStatus,
    GatewayDispute,
    GatewayPayment,
    GatewayRefund,
    HostedCheckout,
    PaymentMethod,
    PaymentStatus,
    RefundStatus,
    SetupResult,
)

INVOICE: Final = "perennial_invoice"
ATTEMPT: Final = "perennial_attempt"
SUBSCRIPTION: Final = "perennial_subscription"
CHECKOUT: Final = "perennial_checkout"
CUSTOMER: Final = "perennial_customer"
REFUND: Final = "perennial_refund"

_LONGEST_ATTEMPT: Final = 9


class _Identified(Protocol):
    id: str


def id_of(reference: str | _Identified | None) -> str | None:
    """The id of something that Stripe may have expanded."""
    return reference if reference is None or isinstance(reference, str) else reference.id


def payment_of(intent: stripe.PaymentIntent) -> GatewayPayment:
    """Raises `GatewayRefused` (`unexpected_payment_status`) for a status of manual capture."""
    status = _status_of(intent)
    return GatewayPayment(
        id=intent.id,
        status=status,
        amount=from_stripe(intent.amount, intent.currency),
        created_at=datetime.fromtimestamp(intent.created, UTC),
        invoice_id=_metadata(intent.metadata, INVOICE),
        attempt_number=attempt_of(_metadata(intent.metadata, ATTEMPT)),
        decline=None if status is PaymentStatus.SUCCEEDED else _decline_of(intent),
        action_url=_action_url(intent),
    )


def is_attempt(intent: stripe.PaymentIntent, *, invoice_id: str, attempt_number: int) -> bool:
    """Whether the intent was made for that attempt at that invoice."""
    return (
        _metadata(intent.metadata, INVOICE) == invoice_id
        and attempt_of(_metadata(intent.metadata, ATTEMPT)) == attempt_number
    )


def method_of(method: stripe.PaymentMethod) -> PaymentMethod:
    """What may be shown of a payment method: never a number, never a name."""
    card, bank = getattr(method, "card", None), _bank_account_of(method)
    return PaymentMethod(
        id=method.id,
        type=method.type,
        gateway_customer_id=id_of(method.customer),
        fingerprint=_fingerprint_of(method),
        brand=getattr(card, "brand", None),
        last4=getattr(card or bank, "last4", None),
        exp_month=getattr(card, "exp_month", None),
        exp_year=getattr(card, "exp_year", None),
    )


def checkout_of(session: checkout.Session) -> HostedCheckout:
    """The payment method is known only where `setup_intent` was expanded."""
    setup = session.setup_intent
    method = None if setup is None or isinstance(setup, str) else id_of(setup.payment_method)
    is_complete = session.status == "complete"
    return HostedCheckout(
        id=session.id,
        url=session.url,
        is_complete=is_complete,
        expires_at=datetime.fromtimestamp(session.expires_at, UTC),
        checkout_session_id=session.client_reference_id,
        subscription_id=_metadata(session.metadata, SUBSCRIPTION),
        customer_id=_metadata(session.metadata, CUSTOMER),
        payment_method_id=method if is_complete else None,
    )


def setup_of(setup: stripe.SetupIntent) -> SetupResult:
    """The payment method is saved once the intent succeeded."""
    return SetupResult(
        id=setup.id,
        succeeded=setup.status == "succeeded",
        gateway_customer_id=id_of(setup.customer),
        payment_method_id=id_of(setup.payment_method),
    )


def refund_of(refund: stripe.Refund) -> GatewayRefund:
    """Raises `GatewayRefused` (`unexpected_refund_status`) for a status that is not known."""
    try:
        status = RefundStatus(refund.status or "")
    except ValueError:
        raise GatewayRefused(
            "unexpected_refund_status", f"the refund is {refund.status}", refund_id=refund.id
        ) from None
    return GatewayRefund(
        id=refund.id,
        payment_id=id_of(refund.payment_intent),
        amount=from_stripe(refund.amount, refund.currency),
        status=status,
        created_at=datetime.fromtimestamp(refund.created, UTC),
        refund_id=_metadata(refund.metadata, REFUND),
        failure_reason=getattr(refund, "failure_reason", None),
        reason=refund.reason,
    )


def is_refund(refund: stripe.Refund, *, refund_id: str) -> bool:
    """Whether it was made for that refund of ours."""
    return _metadata(refund.metadata, REFUND) == refund_id


def dispute_of(dispute: stripe.Dispute) -> GatewayDispute:
    """Raises `GatewayRefused` (`unexpected_dispute_status`) for a status that is not known."""
    try:
        status = DisputeStatus(dispute.status)
    except ValueError:
        raise GatewayRefused(
            "unexpected_dispute_status", f"the dispute is {dispute.status}", dispute_id=dispute.id
        ) from None
    return GatewayDispute(
        id=dispute.id,
        payment_id=id_of(dispute.payment_intent),
        amount=from_stripe(dispute.amount, dispute.currency),
        status=status,
        reason=dispute.reason,
        created_at=datetime.fromtimestamp(dispute.created, UTC),
    )


def attempt_of(text: str | None) -> int | None:
    """The attempt's number from metadata; None for what we did not write."""
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > _LONGEST_ATTEMPT:
        return None
    return int(text)


def _status_of(intent: stripe.PaymentIntent) -> PaymentStatus:
    try:
        return PaymentStatus(intent.status)
    except ValueError:
        raise GatewayRefused(
            "unexpected_payment_status",
            f"the payment is {intent.status}, which automatic capture does not know",
            payment_id=intent.id,
        ) from None


def _decline_of(intent: stripe.PaymentIntent) -> Decline | None:
    error = intent.last_payment_error
    if error is None:
        return None
    return Decline(
        code=getattr(error, "code", None) or "card_declined",
        decline_code=getattr(error, "decline_code", None),
        advice_code=getattr(error, "advice_code", None),
        network_decline_code=getattr(error, "network_decline_code", None),
        message=getattr(error, "message", None) or "",
        card=_fingerprint_of(getattr(error, "payment_method", None)),
    )


def _fingerprint_of(method: object) -> str | None:
    """Of the card or the account; None for what is only an id, and for other kinds of methods."""
    account = getattr(method, "card", None) or _bank_account_of(method)
    return getattr(account, "fingerprint", None)


def _bank_account_of(method: object) -> object:
    return getattr(method, "us_bank_account", None) or getattr(method, "sepa_debit", None)


def _action_url(intent: stripe.PaymentIntent) -> str | None:
    redirect = getattr(intent.next_action, "redirect_to_url", None)
    return getattr(redirect, "url", None)


def _metadata(metadata: object, name: str) -> str | None:
    if not isinstance(metadata, stripe.StripeObject) or name not in metadata:
        return None
    value = metadata[name]
    return value if isinstance(value, str) else None
