"""A payment gateway that keeps everything in memory: for benchmarks and fast tests.

Owns objects, their states and the documented behaviour of test payment methods, by their names
(`pm_card_visa`). The contract tests hold it to what Stripe does. Holds no real money and does not
survive its process.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from adapters.memory.answers import Answers
from adapters.memory.methods import BEHAVIOURS, DECLINES, Behaviour
from adapters.memory.outages import Operation, Outages
from billing.errors import GatewayRefused
from billing.ids import derived_id
from billing.ports.gateway import (
    CheckoutRequest,
    GatewayPayment,
    HostedCheckout,
    PaymentMethod,
    PaymentRequest,
    PaymentStatus,
    SetupRequest,
    SetupResult,
    nearest_to_money,
)
from billing.value import Value

T = TypeVar("T")

SUCCEED: Final = "succeed"
"""A scheduled outcome: the charge goes through, whatever the method does by itself."""

_OPEN_FOR: Final = timedelta(hours=24)
_CONFIRMABLE: Final = frozenset(
    {
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
        PaymentStatus.REQUIRES_CONFIRMATION,
        PaymentStatus.REQUIRES_ACTION,
    }
)


class _Customer(Value):
    id: str


class _Method(Value):
    """A payment method; `name` finds its behaviour, `is_spent` forbids every further use."""

    shown: PaymentMethod
    name: str
    is_spent: bool = False

    @property
    def behaviour(self) -> Behaviour:
        return BEHAVIOURS[self.name]


class _Payment(Value):
    shown: GatewayPayment
    gateway_customer_id: str
    payment_method_id: str | None
    """None after a decline: Stripe takes the method off the intent."""


class _Checkout(Value):
    shown: HostedCheckout
    gateway_customer_id: str


class _Done(Value):
    """The answer of a request that returns nothing."""


class MemoryGateway:
    """`PaymentGateway` at hand. `clock` gives the instants that objects are created at."""

    def __init__(self, *, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock or (lambda: datetime.now(UTC))
        self._answers = Answers()
        self._customers: dict[str, _Customer] = {}
        self._methods: dict[str, _Method] = {}
        self._payments: dict[str, _Payment] = {}
        self._checkouts: dict[str, _Checkout] = {}
        self._setups: dict[str, SetupResult] = {}
        self._outcomes: dict[str, list[str]] = {}
        self._made = 0

    @property
    def outages(self) -> Outages:
        """Where outages are planned."""
        return self._answers.outages

    def forget_keys(self) -> None:
        """Forgets every idempotency key, as Stripe does after a day."""
        self._answers.forget_keys()

    def schedule_outcomes(self, gateway_customer_id: str, *outcomes: str) -> None:
        """Decides a customer's next charges: `succeed`, or a decline code of `methods.DECLINES`."""
        self._outcomes.setdefault(gateway_customer_id, []).extend(outcomes)

    def captured_minor(self, gateway_customer_id: str) -> int:
        """What was taken from a customer so far, in minor units of whatever currency."""
        return sum(
            payment.shown.amount.amount_minor
            for payment in self._payments.values()
            if payment.gateway_customer_id == gateway_customer_id
            and payment.shown.status is PaymentStatus.SUCCEEDED
        )

    def complete_checkout(self, gateway_session_id: str, payment_method: str) -> None:
        """The customer fills in the page; raises `GatewayRefused` for a card that is declined."""
        checkout = _found(self._checkouts, gateway_session_id)
        if checkout.shown.url is None:
            raise GatewayRefused("checkout_closed", "the page is closed")
        method = self._attach(payment_method, checkout.gateway_customer_id)
        shown = checkout.shown.model_copy(
            update={"is_complete": True, "url": None, "payment_method_id": method.id}
        )
        self._checkouts[shown.id] = checkout.model_copy(update={"shown": shown})

    def complete_setup(self, setup_id: str, payment_method: str) -> None:
        """The customer's browser completes a SetupIntent."""
        setup = _found(self._setups, setup_id)
        method = self._attach(payment_method, setup.gateway_customer_id or "")
        self._setups[setup_id] = setup.model_copy(
            update={"succeeded": True, "payment_method_id": method.id}
        )

    def authenticate(self, payment_id: str) -> None:
        """The customer passes the bank's challenge."""
        payment = _found(self._payments, payment_id)
        if payment.shown.status is not PaymentStatus.REQUIRES_ACTION:
            raise _unexpected_state(payment.shown)
        self._charge(payment, self._method_on(payment))

    def settle(self, payment_id: str, *, succeeds: bool) -> None:
        """The bank answers a `processing` payment."""
        payment = _found(self._payments, payment_id)
        if payment.shown.status is not PaymentStatus.PROCESSING:
            raise _unexpected_state(payment.shown)
        if succeeds:
            self._put(payment, status=PaymentStatus.SUCCEEDED, decline=None)
        else:
            self._decline(payment, "insufficient_funds")

    async def create_customer(
        self, customer_id: str, *, email: str, name: str | None, key: str
    ) -> str:
        """The gateway's id of our customer; the address is not kept."""

        def effect() -> _Customer:
            customer = _Customer(id=self._new_id("cus", key))
            self._customers[customer.id] = customer
            return customer

        request = (customer_id, email, name)
        answer = self._answers.write(Operation.CREATE_CUSTOMER, key, request, _Customer, effect)
        return answer.id

    async def create_checkout(self, request: CheckoutRequest, *, key: str) -> HostedCheckout:
        """A page that is open for 24 hours; `complete_checkout` fills it in."""

        def effect() -> HostedCheckout:
            _found(self._customers, request.gateway_customer_id)
            identifier = self._new_id("cs", key)
            shown = HostedCheckout(
                id=identifier,
                url=f"https://checkout.invalid/c/pay/{identifier}",
                is_complete=False,
                expires_at=self._clock() + _OPEN_FOR,
                checkout_session_id=request.checkout_session_id,
                subscription_id=request.subscription_id,
            )
            self._checkouts[identifier] = _Checkout(
                shown=shown, gateway_customer_id=request.gateway_customer_id
            )
            return shown

        return self._answers.write(
            Operation.CREATE_CHECKOUT, key, (request,), HostedCheckout, effect
        )

    async def read_checkout(self, gateway_session_id: str) -> HostedCheckout:
        """The page's present state."""
        return self._answers.read(
            Operation.READ_CHECKOUT, lambda: _found(self._checkouts, gateway_session_id).shown
        )

    async def expire_checkout(self, gateway_session_id: str, *, key: str) -> None:
        """Closes the page; closing one that is complete or closed changes nothing."""

        def effect() -> _Done:
            checkout = _found(self._checkouts, gateway_session_id)
            shown = checkout.shown.model_copy(update={"url": None})
            self._checkouts[shown.id] = checkout.model_copy(update={"shown": shown})
            return _Done()

        self._answers.write(Operation.EXPIRE_CHECKOUT, key, (gateway_session_id,), _Done, effect)

    async def create_setup(
        self, gateway_customer_id: str, *, customer_id: str, key: str
    ) -> SetupRequest:
        """A SetupIntent; `complete_setup` completes it."""

        def effect() -> SetupRequest:
            _found(self._customers, gateway_customer_id)
            identifier = self._new_id("seti", key)
            self._setups[identifier] = SetupResult(
                id=identifier,
                succeeded=False,
                gateway_customer_id=gateway_customer_id,
                payment_method_id=None,
            )
            return SetupRequest(id=identifier, client_secret=f"{identifier}_secret_memory")

        request = (gateway_customer_id, customer_id)
        return self._answers.write(Operation.CREATE_SETUP, key, request, SetupRequest, effect)

    async def read_setup(self, setup_id: str) -> SetupResult:
        """The SetupIntent's present state."""
        return self._answers.read(Operation.READ_SETUP, lambda: _found(self._setups, setup_id))

    async def attach_payment_method(
        self, payment_method_id: str, *, gateway_customer_id: str, key: str
    ) -> PaymentMethod:
        """Saves a method to a customer; one that is saved to the same customer stays as it is."""
        return self._answers.write(
            Operation.ATTACH_PAYMENT_METHOD,
            key,
            (payment_method_id, gateway_customer_id),
            PaymentMethod,
            lambda: self._attach(payment_method_id, gateway_customer_id),
        )

    async def read_payment_method(self, payment_method_id: str) -> PaymentMethod:
        """The method's present state."""
        return self._answers.read(
            Operation.READ_PAYMENT_METHOD, lambda: self._method(payment_method_id).shown
        )

    async def detach_payment_method(self, payment_method_id: str, *, key: str) -> None:
        """The method can no longer be charged; one that is detached already stays so."""

        def effect() -> _Done:
            method = _found(self._methods, payment_method_id)
            shown = method.shown.model_copy(update={"gateway_customer_id": None})
            self._methods[shown.id] = method.model_copy(update={"shown": shown, "is_spent": True})
            return _Done()

        self._answers.write(
            Operation.DETACH_PAYMENT_METHOD, key, (payment_method_id,), _Done, effect
        )

    async def create_payment(self, request: PaymentRequest, *, key: str) -> GatewayPayment:
        """Records the payment without moving money."""

        def effect() -> GatewayPayment:
            _found(self._customers, request.gateway_customer_id)
            method = self._method(request.payment_method_id)
            _check_usable(method, request.gateway_customer_id)
            shown = GatewayPayment(
                id=self._new_id("pi", key),
                status=PaymentStatus.REQUIRES_CONFIRMATION,
                amount=request.amount,
                created_at=self._clock(),
                invoice_id=request.invoice_id,
                attempt_number=request.attempt_number,
            )
            self._payments[shown.id] = _Payment(
                shown=shown,
                gateway_customer_id=request.gateway_customer_id,
                payment_method_id=method.shown.id,
            )
            return shown

        return self._answers.write(
            Operation.CREATE_PAYMENT, key, (request,), GatewayPayment, effect
        )

    async def find_payment(
        self, gateway_customer_id: str, *, invoice_id: str, attempt_number: int
    ) -> GatewayPayment | None:
        """The attempt's payment; of several the one nearest to having taken money."""

        def look() -> GatewayPayment | None:
            found = [
                payment.shown
                for payment in reversed(self._payments.values())
                if payment.gateway_customer_id == gateway_customer_id
                and payment.shown.invoice_id == invoice_id
                and payment.shown.attempt_number == attempt_number
            ]
            return nearest_to_money(found)

        return self._answers.read(Operation.FIND_PAYMENT, look)

    async def read_payment(self, payment_id: str) -> GatewayPayment:
        """The payment's present state."""
        return self._answers.read(
            Operation.READ_PAYMENT, lambda: _found(self._payments, payment_id).shown
        )

    async def confirm_payment(
        self, payment_id: str, *, return_url: str, off_session: bool, key: str
    ) -> GatewayPayment:
        """Moves the money. A decline is returned in the payment; a final payment as it is."""

        def effect() -> GatewayPayment:
            payment = _found(self._payments, payment_id)
            if payment.shown.status not in _CONFIRMABLE:
                return payment.shown
            method = self._method_on(payment)
            _check_usable(method, payment.gateway_customer_id)
            return self._confirm(payment, method, off_session=off_session)

        request = (payment_id, return_url, off_session)
        return self._answers.write(Operation.CONFIRM_PAYMENT, key, request, GatewayPayment, effect)

    async def cancel_payment(self, payment_id: str, *, key: str) -> GatewayPayment:
        """Makes sure that it cannot succeed any more; a final payment is returned as it is."""

        def effect() -> GatewayPayment:
            payment = _found(self._payments, payment_id)
            if payment.shown.status not in _CONFIRMABLE:
                return payment.shown
            return self._put(payment, status=PaymentStatus.CANCELED)

        return self._answers.write(
            Operation.CANCEL_PAYMENT, key, (payment_id,), GatewayPayment, effect
        )

    def _confirm(self, payment: _Payment, method: _Method, *, off_session: bool) -> GatewayPayment:
        if method.behaviour.is_slow:
            return self._put(payment, status=PaymentStatus.PROCESSING, decline=None)
        if not method.behaviour.must_authenticate:
            return self._charge(payment, method)
        if off_session:
            return self._decline(payment, "authentication_required")
        url = f"https://checkout.invalid/3d_secure/{payment.shown.id}"
        return self._put(payment, status=PaymentStatus.REQUIRES_ACTION, action_url=url)

    def _charge(self, payment: _Payment, method: _Method) -> GatewayPayment:
        scheduled = self._outcomes.get(payment.gateway_customer_id)
        by_itself = method.behaviour.decline
        reason = scheduled.pop(0) if scheduled else (by_itself.reason if by_itself else SUCCEED)
        if reason == SUCCEED:
            return self._put(payment, status=PaymentStatus.SUCCEEDED, decline=None)
        return self._decline(payment, reason)

    def _decline(self, payment: _Payment, reason: str) -> GatewayPayment:
        return self._put(
            payment.model_copy(update={"payment_method_id": None}),
            status=PaymentStatus.REQUIRES_PAYMENT_METHOD,
            decline=DECLINES[reason],
        )

    def _method_on(self, payment: _Payment) -> _Method:
        if payment.payment_method_id is None:
            raise _unexpected_state(payment.shown)
        return _found(self._methods, payment.payment_method_id)

    def _put(self, payment: _Payment, **changes: object) -> GatewayPayment:
        shown = payment.shown.model_copy(update={"action_url": None, **changes})
        self._payments[shown.id] = payment.model_copy(update={"shown": shown})
        return shown

    def _attach(self, payment_method: str, gateway_customer_id: str) -> PaymentMethod:
        _found(self._customers, gateway_customer_id)
        method = self._method(payment_method)
        _check_usable(method, gateway_customer_id)
        if not method.behaviour.attaches and method.behaviour.decline is not None:
            raise GatewayRefused(
                "card_declined",
                "the card was declined",
                decline_code=method.behaviour.decline.decline_code,
            )
        shown = method.shown.model_copy(update={"gateway_customer_id": gateway_customer_id})
        self._methods[shown.id] = method.model_copy(update={"shown": shown})
        return shown

    def _method(self, payment_method: str) -> _Method:
        """The method of that id; a documented name makes a new one each time, as at Stripe."""
        behaviour = BEHAVIOURS.get(payment_method)
        if behaviour is None:
            return _found(self._methods, payment_method)
        is_card = behaviour.type == "card"
        shown = PaymentMethod(
            id=self._new_id("pm", payment_method),
            type=behaviour.type,
            gateway_customer_id=None,
            brand=behaviour.brand,
            last4=behaviour.last4,
            exp_month=12 if is_card else None,
            exp_year=self._clock().year + 5 if is_card else None,
        )
        method = _Method(shown=shown, name=payment_method)
        self._methods[shown.id] = method
        return method

    def _new_id(self, prefix: str, source: str) -> str:
        self._made += 1
        return derived_id(prefix, source, str(self._made))


def _found(things: dict[str, T], identifier: str) -> T:
    try:
        return things[identifier]
    except KeyError:
        raise GatewayRefused("resource_missing", "the gateway knows nothing of that id") from None


def _check_usable(method: _Method, gateway_customer_id: str) -> None:
    owner = method.shown.gateway_customer_id
    if method.is_spent or owner not in (None, gateway_customer_id):
        raise GatewayRefused("payment_method_unusable", "the payment method cannot be used here")


def _unexpected_state(payment: GatewayPayment) -> GatewayRefused:
    return GatewayRefused(
        "payment_intent_unexpected_state", f"the payment is {payment.status}", payment_id=payment.id
    )
