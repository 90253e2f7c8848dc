"""A payment gateway that keeps everything in memory: for benchmarks and fast tests.

Owns the port's requests, their keys and the hands of everybody else: customers, banks, operators of
the gateway's dashboard. What becomes of payments, methods, refunds and disputes stands beside it
(`payments`, `wallet`, `reversals`). The contract tests hold it to what Stripe does. Holds no real
money and does not survive its process.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.memory.answers import Answers
from adapters.memory.outages import Operation, Outages
from adapters.memory.payments import SUCCEED, Payments
from adapters.memory.records import Customer, Done, Page
from adapters.memory.reversals import Reversals
from adapters.memory.shelf import Shelf
from adapters.memory.wallet import Wallet
from billing.errors import GatewayRefused
from billing.ids import derived_id
from billing.money import Money
from billing.ports.gateway import (
    CardUpdateRequest,
    CheckoutRequest,
    DisputeStatus,
    GatewayDispute,
    GatewayPayment,
    GatewayRefund,
    HostedCheckout,
    PaymentMethod,
    PaymentRequest,
    PaymentStatus,
    RefundReason,
    RefundRequest,
    RefundStatus,
    SetupRequest,
    SetupResult,
)

__all__ = ["SUCCEED", "MemoryGateway"]

_OPEN_FOR: Final = timedelta(hours=24)


class MemoryGateway:
    """`PaymentGateway` at hand. `clock` gives the instants that objects are created at."""

    def __init__(self, *, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock or (lambda: datetime.now(UTC))
        self._answers = Answers()
        self._made = 0
        self._customers: Shelf[Customer] = Shelf()
        self._checkouts: Shelf[Page] = Shelf()
        self._setups: Shelf[SetupResult] = Shelf()
        self._wallet = Wallet(new_id=self._new_id, clock=self._clock)
        self._reversals = Reversals(new_id=self._new_id, clock=self._clock)
        self._payments = Payments(wallet=self._wallet, reversals=self._reversals)

    @property
    def outages(self) -> Outages:
        """Where outages are planned."""
        return self._answers.outages

    def forget_keys(self) -> None:
        """Forgets every idempotency key, as Stripe does after a day."""
        self._answers.forget_keys()

    def schedule_outcomes(self, gateway_customer_id: str, *outcomes: str) -> None:
        """Decides a customer's next charges: `succeed`, or a decline code of `methods.DECLINES`."""
        self._payments.schedule(gateway_customer_id, outcomes)

    def captured_minor(self, gateway_customer_id: str) -> int:
        """What was taken from a customer so far, in minor units of whatever currency."""
        return self._payments.captured_minor(gateway_customer_id)

    def complete_checkout(self, gateway_session_id: str, payment_method: str) -> None:
        """The customer fills in the page; raises `GatewayRefused` for a card that is declined."""
        checkout = self._checkouts.get(gateway_session_id)
        if checkout.shown.url is None:
            raise GatewayRefused("checkout_closed", "the page is closed")
        method = self._wallet.attach(payment_method, checkout.gateway_customer_id)
        self._show(checkout, is_complete=True, url=None, payment_method_id=method.id)

    def complete_setup(self, setup_id: str, payment_method: str) -> None:
        """The customer's browser completes a SetupIntent."""
        setup = self._setups.get(setup_id)
        method = self._wallet.attach(payment_method, setup.gateway_customer_id or "")
        changes = {"succeeded": True, "payment_method_id": method.id}
        self._setups.put(setup_id, setup.model_copy(update=changes))

    def authenticate(self, payment_id: str) -> None:
        """The customer passes the bank's challenge."""
        self._payments.authenticate(payment_id)

    def settle(self, payment_id: str, *, succeeds: bool) -> None:
        """The bank answers a `processing` payment."""
        self._payments.settle(payment_id, succeeds=succeeds)

    def refund_by_hand(self, payment_id: str, amount: Money) -> GatewayRefund:
        """Somebody refunds a payment in the gateway's dashboard: no id of ours is on it."""
        return self._refund(payment_id, amount, refund_id=None)

    def settle_refund(self, gateway_refund_id: str, *, failure: str | None = None) -> None:
        """The bank takes a `pending` refund, or returns one, which it may do after a success."""
        self._reversals.settle_refund(gateway_refund_id, failure=failure)

    def finish_refund(self, gateway_refund_id: str) -> None:
        """What the test card behind a refund documents for some time later."""
        refund = self._reversals.read_refund(gateway_refund_id)
        behaviour = self._payments.method_of(refund.payment_id or "").behaviour
        self._reversals.settle_refund(gateway_refund_id, failure=behaviour.refund_failure)

    def open_dispute(
        self,
        payment_id: str,
        *,
        status: DisputeStatus = DisputeStatus.NEEDS_RESPONSE,
        reason: str = "fraudulent",
    ) -> GatewayDispute:
        """The cardholder's bank disputes what is left of a payment, or asks about it."""
        payment = self._payments.get(payment_id)
        return self._reversals.dispute(payment, status=status, reason=reason)

    def move_dispute(self, dispute_id: str, status: DisputeStatus) -> None:
        """The bank goes on with a dispute that it has not decided yet."""
        self._reversals.move_dispute(dispute_id, status)

    def disputes_of(self, payment_id: str) -> list[GatewayDispute]:
        """The disputes of a payment, newest first."""
        return self._reversals.disputes_of(payment_id)

    async def create_customer(
        self, customer_id: str, *, email: str, name: str | None, key: str
    ) -> str:
        """The gateway's id of our customer; the address is not kept."""

        def effect() -> Customer:
            customer = Customer(id=self._new_id("cus", key))
            self._customers.put(customer.id, customer)
            return customer

        request = (customer_id, email, name)
        answer = self._answers.write(Operation.CREATE_CUSTOMER, key, request, Customer, effect)
        return answer.id

    async def create_checkout(self, request: CheckoutRequest, *, key: str) -> HostedCheckout:
        """A page that is open for 24 hours; `complete_checkout` fills it in."""

        def effect() -> HostedCheckout:
            return self._open_page(
                request.gateway_customer_id,
                key,
                checkout_session_id=request.checkout_session_id,
                subscription_id=request.subscription_id,
            )

        return self._answers.write(
            Operation.CREATE_CHECKOUT, key, (request,), HostedCheckout, effect
        )

    async def create_card_update(self, request: CardUpdateRequest, *, key: str) -> HostedCheckout:
        """A page that is open for 24 hours; `complete_checkout` fills it in."""

        def effect() -> HostedCheckout:
            return self._open_page(
                request.gateway_customer_id, key, customer_id=request.customer_id
            )

        return self._answers.write(
            Operation.CREATE_CARD_UPDATE, key, (request,), HostedCheckout, effect
        )

    async def read_checkout(self, gateway_session_id: str) -> HostedCheckout:
        """The page's present state."""
        return self._answers.read(
            Operation.READ_CHECKOUT, lambda: self._checkouts.get(gateway_session_id).shown
        )

    async def expire_checkout(self, gateway_session_id: str, *, key: str) -> None:
        """Closes the page; closing one that is complete or closed changes nothing."""

        def effect() -> Done:
            self._show(self._checkouts.get(gateway_session_id), url=None)
            return Done()

        self._answers.write(Operation.EXPIRE_CHECKOUT, key, (gateway_session_id,), Done, effect)

    async def create_setup(
        self, gateway_customer_id: str, *, customer_id: str, key: str
    ) -> SetupRequest:
        """A SetupIntent; `complete_setup` completes it."""

        def effect() -> SetupRequest:
            self._customers.get(gateway_customer_id)
            identifier = self._new_id("seti", key)
            setup = SetupResult(
                id=identifier,
                succeeded=False,
                gateway_customer_id=gateway_customer_id,
                payment_method_id=None,
            )
            self._setups.put(identifier, setup)
            return SetupRequest(id=identifier, client_secret=f"{identifier}_secret_memory")

        request = (gateway_customer_id, customer_id)
        return self._answers.write(Operation.CREATE_SETUP, key, request, SetupRequest, effect)

    async def read_setup(self, setup_id: str) -> SetupResult:
        """The SetupIntent's present state."""
        return self._answers.read(Operation.READ_SETUP, lambda: self._setups.get(setup_id))

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
            Operation.READ_PAYMENT_METHOD, lambda: self._wallet.resolve(payment_method_id).shown
        )

    async def detach_payment_method(self, payment_method_id: str, *, key: str) -> None:
        """The method can no longer be charged; one that is detached already stays so."""

        def effect() -> Done:
            self._wallet.detach(payment_method_id)
            return Done()

        self._answers.write(
            Operation.DETACH_PAYMENT_METHOD, key, (payment_method_id,), Done, effect
        )

    async def create_payment(self, request: PaymentRequest, *, key: str) -> GatewayPayment:
        """Records the payment without moving money."""

        def effect() -> GatewayPayment:
            self._customers.get(request.gateway_customer_id)
            shown = GatewayPayment(
                id=self._new_id("pi", key),
                status=PaymentStatus.REQUIRES_CONFIRMATION,
                amount=request.amount,
                created_at=self._clock(),
                invoice_id=request.invoice_id,
                attempt_number=request.attempt_number,
            )
            return self._payments.add(
                shown,
                gateway_customer_id=request.gateway_customer_id,
                payment_method=request.payment_method_id,
            )

        return self._answers.write(
            Operation.CREATE_PAYMENT, key, (request,), GatewayPayment, effect
        )

    async def find_payment(
        self, gateway_customer_id: str, *, invoice_id: str, attempt_number: int
    ) -> GatewayPayment | None:
        """The attempt's payment; of several the one nearest to having taken money."""
        return self._answers.read(
            Operation.FIND_PAYMENT,
            lambda: self._payments.find(
                gateway_customer_id, invoice_id=invoice_id, attempt_number=attempt_number
            ),
        )

    async def read_payment(self, payment_id: str) -> GatewayPayment:
        """The payment's present state."""
        return self._answers.read(Operation.READ_PAYMENT, lambda: self._payments.get(payment_id))

    async def confirm_payment(
        self, payment_id: str, *, return_url: str, off_session: bool, key: str
    ) -> GatewayPayment:
        """Moves the money. A decline is returned in the payment; a final payment as it is."""
        return self._answers.write(
            Operation.CONFIRM_PAYMENT,
            key,
            (payment_id, return_url, off_session),
            GatewayPayment,
            lambda: self._payments.confirm(payment_id, off_session=off_session),
        )

    async def cancel_payment(self, payment_id: str, *, key: str) -> GatewayPayment:
        """Makes sure that it cannot succeed any more; a final payment is returned as it is."""
        return self._answers.write(
            Operation.CANCEL_PAYMENT,
            key,
            (payment_id,),
            GatewayPayment,
            lambda: self._payments.cancel(payment_id),
        )

    async def create_refund(self, request: RefundRequest, *, key: str) -> GatewayRefund:
        """Pays money back from a payment; a part of it at a time, if asked for."""
        return self._answers.write(
            Operation.CREATE_REFUND,
            key,
            (request,),
            GatewayRefund,
            lambda: self._refund(
                request.payment_id,
                request.amount,
                refund_id=request.refund_id,
                reason=request.reason,
            ),
        )

    async def find_refund(self, payment_id: str, *, refund_id: str) -> GatewayRefund | None:
        """The refund that carries that id of ours; of several the one that counts."""
        return self._answers.read(
            Operation.FIND_REFUND, lambda: self._reversals.find_refund(payment_id, refund_id)
        )

    async def read_refund(self, gateway_refund_id: str) -> GatewayRefund:
        """The refund's present state."""
        return self._answers.read(
            Operation.READ_REFUND, lambda: self._reversals.read_refund(gateway_refund_id)
        )

    async def refunds_of_charge(self, charge_id: str) -> tuple[GatewayRefund, ...]:
        """Newest first; a payment's id stands for its charge's."""
        return self._answers.read(
            Operation.REFUNDS_OF_CHARGE, lambda: tuple(self._reversals.refunds_of(charge_id))
        )

    async def read_dispute(self, dispute_id: str) -> GatewayDispute:
        """The dispute's present state."""
        return self._answers.read(
            Operation.READ_DISPUTE, lambda: self._reversals.read_dispute(dispute_id)
        )

    def _attach(self, payment_method: str, gateway_customer_id: str) -> PaymentMethod:
        self._customers.get(gateway_customer_id)
        return self._wallet.attach(payment_method, gateway_customer_id)

    def _refund(
        self,
        payment_id: str,
        amount: Money,
        *,
        refund_id: str | None,
        reason: RefundReason | None = None,
    ) -> GatewayRefund:
        payment = self._payments.get(payment_id)
        begins = RefundStatus.SUCCEEDED
        if payment.status is PaymentStatus.SUCCEEDED:
            begins = self._payments.method_of(payment_id).behaviour.refund
        return self._reversals.refund(
            payment, amount, begins=begins, refund_id=refund_id, reason=reason
        )

    def _open_page(
        self,
        gateway_customer_id: str,
        key: str,
        *,
        checkout_session_id: str | None = None,
        subscription_id: str | None = None,
        customer_id: str | None = None,
    ) -> HostedCheckout:
        self._customers.get(gateway_customer_id)
        identifier = self._new_id("cs", key)
        shown = HostedCheckout(
            id=identifier,
            url=f"https://checkout.invalid/c/pay/{identifier}",
            is_complete=False,
            expires_at=self._clock() + _OPEN_FOR,
            checkout_session_id=checkout_session_id,
            subscription_id=subscription_id,
            customer_id=customer_id,
        )
        self._checkouts.put(identifier, Page(shown=shown, gateway_customer_id=gateway_customer_id))
        return shown

    def _show(self, checkout: Page, **changes: object) -> None:
        shown = checkout.shown.model_copy(update=changes)
        self._checkouts.put(shown.id, checkout.model_copy(update={"shown": shown}))

    def _new_id(self, prefix: str, source: str) -> str:
        self._made += 1
        return derived_id(prefix, source, str(self._made))
