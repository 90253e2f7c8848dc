"""Payments of the in-memory gateway and the states that they pass through.

Owns what confirming, authenticating and settling lead to, and outcomes on order. Does not own what
is paid back afterwards (`reversals`).
"""

from typing import Final

from adapters.memory.methods import DECLINES
from adapters.memory.reversals import Reversals
from adapters.memory.shelf import Shelf
from adapters.memory.wallet import Method, Wallet
from billing.errors import GatewayRefused
from billing.ports.gateway import GatewayPayment, PaymentStatus, nearest_to_money
from billing.value import Value

SUCCEED: Final = "succeed"
"""A scheduled outcome: the charge goes through, whatever the method does by itself."""

_CONFIRMABLE: Final = frozenset(
    {
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
        PaymentStatus.REQUIRES_CONFIRMATION,
        PaymentStatus.REQUIRES_ACTION,
    }
)


class _Payment(Value):
    shown: GatewayPayment
    gateway_customer_id: str
    payment_method_id: str | None
    """None after a decline: Stripe takes the method off the intent."""


class Payments:
    """Every payment."""

    def __init__(self, *, wallet: Wallet, reversals: Reversals) -> None:
        self._wallet = wallet
        self._reversals = reversals
        self._payments: Shelf[_Payment] = Shelf()
        self._outcomes: dict[str, list[str]] = {}

    def schedule(self, gateway_customer_id: str, outcomes: tuple[str, ...]) -> None:
        """Decides a customer's next charges."""
        self._outcomes.setdefault(gateway_customer_id, []).extend(outcomes)

    def captured_minor(self, gateway_customer_id: str) -> int:
        """What was taken from a customer so far, in minor units of whatever currency."""
        return sum(
            payment.shown.amount.amount_minor
            for payment in self._payments.newest_first()
            if payment.gateway_customer_id == gateway_customer_id
            and payment.shown.status is PaymentStatus.SUCCEEDED
        )

    def add(
        self, shown: GatewayPayment, *, gateway_customer_id: str, payment_method: str
    ) -> GatewayPayment:
        """A new payment, not yet confirmed."""
        method = self._wallet.resolve(payment_method)
        method.check_usable(gateway_customer_id)
        payment = _Payment(
            shown=shown, gateway_customer_id=gateway_customer_id, payment_method_id=method.shown.id
        )
        self._payments.put(shown.id, payment)
        return shown

    def get(self, payment_id: str) -> GatewayPayment:
        """Its present state."""
        return self._payments.get(payment_id).shown

    def method_of(self, payment_id: str) -> Method:
        """What it is or was paid with; raises `GatewayRefused` after a decline."""
        return self._method_on(self._payments.get(payment_id))

    def find(
        self, gateway_customer_id: str, *, invoice_id: str, attempt_number: int
    ) -> GatewayPayment | None:
        """The attempt's payment; of several the one nearest to having taken money."""
        return nearest_to_money(
            payment.shown
            for payment in self._payments.newest_first()
            if payment.gateway_customer_id == gateway_customer_id
            and payment.shown.invoice_id == invoice_id
            and payment.shown.attempt_number == attempt_number
        )

    def confirm(self, payment_id: str, *, off_session: bool) -> GatewayPayment:
        """Moves the money; a final payment is returned as it is."""
        payment = self._payments.get(payment_id)
        if payment.shown.status not in _CONFIRMABLE:
            return payment.shown
        method = self._method_on(payment)
        method.check_usable(payment.gateway_customer_id)
        if method.behaviour.is_slow:
            return self._put(payment, status=PaymentStatus.PROCESSING, decline=None)
        if not method.behaviour.must_authenticate:
            return self._charge(payment, method)
        if off_session:
            return self._decline(payment, "authentication_required")
        url = f"https://checkout.invalid/3d_secure/{payment.shown.id}"
        return self._put(payment, status=PaymentStatus.REQUIRES_ACTION, action_url=url)

    def cancel(self, payment_id: str) -> GatewayPayment:
        """Takes no money any more; a final payment is returned as it is."""
        payment = self._payments.get(payment_id)
        if payment.shown.status not in _CONFIRMABLE:
            return payment.shown
        return self._put(payment, status=PaymentStatus.CANCELED)

    def authenticate(self, payment_id: str) -> None:
        """The customer passes the bank's challenge."""
        payment = self._payments.get(payment_id)
        if payment.shown.status is not PaymentStatus.REQUIRES_ACTION:
            raise _unexpected_state(payment.shown)
        self._charge(payment, self._method_on(payment))

    def settle(self, payment_id: str, *, succeeds: bool) -> None:
        """The bank answers a `processing` payment."""
        payment = self._payments.get(payment_id)
        if payment.shown.status is not PaymentStatus.PROCESSING:
            raise _unexpected_state(payment.shown)
        if succeeds:
            self._put(payment, status=PaymentStatus.SUCCEEDED, decline=None)
        else:
            self._decline(payment, "insufficient_funds")

    def _charge(self, payment: _Payment, method: Method) -> GatewayPayment:
        scheduled = self._outcomes.get(payment.gateway_customer_id)
        by_itself = method.behaviour.decline
        reason = scheduled.pop(0) if scheduled else (by_itself.reason if by_itself else SUCCEED)
        if reason != SUCCEED:
            return self._decline(payment, reason)
        shown = self._put(payment, status=PaymentStatus.SUCCEEDED, decline=None)
        self._reversals.dispute_as_documented(shown, method.behaviour)
        return shown

    def _decline(self, payment: _Payment, reason: str) -> GatewayPayment:
        card = self._method_on(payment).shown.fingerprint
        return self._put(
            payment.model_copy(update={"payment_method_id": None}),
            status=PaymentStatus.REQUIRES_PAYMENT_METHOD,
            decline=DECLINES[reason].model_copy(update={"card": card}),
        )

    def _method_on(self, payment: _Payment) -> Method:
        if payment.payment_method_id is None:
            raise _unexpected_state(payment.shown)
        return self._wallet.resolve(payment.payment_method_id)

    def _put(self, payment: _Payment, **changes: object) -> GatewayPayment:
        shown = payment.shown.model_copy(update={"action_url": None, **changes})
        self._payments.put(shown.id, payment.model_copy(update={"shown": shown}))
        return shown


def _unexpected_state(payment: GatewayPayment) -> GatewayRefused:
    return GatewayRefused(
        "payment_intent_unexpected_state", f"the payment is {payment.status}", payment_id=payment.id
    )
