"""The two-step charge: create the payment, record its id, and only then confirm it.

Owns the calls to the gateway and their keys (policy P32). A retry reads first, so whatever crashed
or timed out in between, the money moves once. Does not own which attempt is made, nor what comes of
it (`activities.collection`).
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from temporalio import activity

from billing import collecting
from billing.errors import GatewayBusy, GatewayFailed, GatewayRefused
from billing.ids import effect_key
from billing.payment import CollectionOutcome, Processing
from billing.ports.books import PaymentAttempt
from billing.ports.gateway import GatewayPayment, PaymentGateway, PaymentRequest, PaymentStatus
from billing.ports.storage import UnitOfWork
from billing.value import Value

KEYS_ARE_REMEMBERED: Final = timedelta(hours=23)
"""Stripe forgets idempotency keys after 24 hours; an older intent is looked up first (P32)."""


class Charge(Value):
    """An attempt that may go on, and whom it charges."""

    attempt: PaymentAttempt
    earlier: tuple[PaymentAttempt, ...] = ()
    """Of the same invoice, and not known to be over."""
    gateway_customer_id: str
    subscription_id: str
    description: str
    """What the customer reads about it at the gateway."""


class Charging:
    """Moves money, or keeps it from moving; every method may be repeated."""

    def __init__(
        self,
        *,
        open_transaction: UnitOfWork,
        gateway: PaymentGateway,
        real_now: Callable[[], datetime],
        return_url: Callable[[str], str],
    ) -> None:
        """`real_now` ages idempotency keys; `return_url` is where 3DS leads back, by invoice."""
        self._open_transaction = open_transaction
        self._gateway = gateway
        self._real_now = real_now
        self._return_url = return_url

    async def stop_all(self, invoice_id: str) -> PaymentAttempt | PaymentStatus:
        """Leaves no live payment of the invoice; see `stop`."""
        async with self._open_transaction() as tx:
            unfinished = await tx.attempts.unfinished(invoice_id)
        return await self.stop(unfinished)

    async def stop(self, unfinished: Iterable[PaymentAttempt]) -> PaymentAttempt | PaymentStatus:
        """Leaves at most one live payment per invoice: an abandoned one must not succeed later.

        Returns the attempt that was paid after all, or whether one is beyond cancelling.
        """
        for attempt in unfinished:
            status = await self._stop(attempt)
            if status is PaymentStatus.SUCCEEDED:
                return attempt
            if status is PaymentStatus.PROCESSING:
                return status
        return PaymentStatus.CANCELED

    async def _stop(self, attempt: PaymentAttempt) -> PaymentStatus:
        """Makes sure that the attempt cannot succeed any more, or says what it already did.

        Reads first: a refusal to cancel what was processing would be repeated under its key.
        """
        if attempt.payment_id is None:
            return PaymentStatus.CANCELED
        found = await self._gateway.read_payment(attempt.payment_id)
        if found.status is PaymentStatus.PROCESSING:
            # News that came before this was recorded was not passed on: it is read here.
            await self._store(attempt.model_copy(update={"outcome": Processing()}))
            found = await self._gateway.read_payment(attempt.payment_id)
        if found.status in {PaymentStatus.SUCCEEDED, PaymentStatus.PROCESSING}:
            return found.status
        status = await self._cancel(attempt, attempt.payment_id)
        if status is PaymentStatus.CANCELED:
            canceled = found.model_copy(update={"status": status})
            outcome = collecting.outcome_of(canceled, paid_at=attempt.started_at)
            await self._store(attempt.model_copy(update={"outcome": outcome}))
        return status

    async def _cancel(self, attempt: PaymentAttempt, payment_id: str) -> PaymentStatus:
        key = effect_key(
            "payment.cancel", attempt.invoice_id, attempt.number, attempt.failed_confirmations
        )
        try:
            _still_alive()
            return (await self._gateway.cancel_payment(payment_id, key=key)).status
        except GatewayFailed:
            await self._store(_with_failed_confirmation(attempt))
            raise

    async def ruled_out(self, attempt: PaymentAttempt, declined: GatewayPayment) -> GatewayPayment:
        """A declined payment is canceled: nobody can make it succeed later, in whatever way.

        Returns the payment with its decline, or what it turned out to be in the meantime.
        """
        status = await self._cancel(attempt, declined.id)
        if status in {PaymentStatus.CANCELED, PaymentStatus.REQUIRES_PAYMENT_METHOD}:
            return declined
        return declined.model_copy(update={"status": status})

    async def went_on(self, attempt: PaymentAttempt, recorded: CollectionOutcome) -> bool:
        """Whether the payment is elsewhere by now than in the outcome that was just recorded.

        Until then nobody is told of it (`billing.collecting.is_news`), so it is looked at again.
        """
        if attempt.payment_id is None or not collecting.may_change(recorded):
            return False
        _still_alive()
        payment = await self._gateway.read_payment(attempt.payment_id)
        return collecting.is_news(recorded, payment.status)

    async def payment_for(self, charge: Charge) -> tuple[PaymentAttempt, GatewayPayment]:
        """The gateway's payment as it is now: known, found, or created unconfirmed."""
        attempt = charge.attempt
        if attempt.payment_id is not None:
            _still_alive()
            return attempt, await self._gateway.read_payment(attempt.payment_id)
        payment = None
        if self._real_now() - attempt.started_at > KEYS_ARE_REMEMBERED:
            _still_alive()
            payment = await self._gateway.find_payment(
                charge.gateway_customer_id,
                invoice_id=attempt.invoice_id,
                attempt_number=attempt.number,
            )
        if payment is None:
            payment = await self._create(charge)
        return await self._store_payment(attempt, payment), payment

    async def _store_payment(
        self, attempt: PaymentAttempt, payment: GatewayPayment
    ) -> PaymentAttempt:
        """Only a payment that is stored here is ever confirmed, and there is one per attempt.

        Raises `GatewayBusy` where another worker went on with the attempt in the meantime: a
        workflow that was terminated may have left this activity behind.
        """
        started = attempt.model_copy(update={"payment_id": payment.id})
        async with self._open_transaction() as tx:
            if not await tx.attempts.start_payment(started):
                raise GatewayBusy("attempt_taken_over", "another worker makes this attempt")
        return started

    async def _create(self, charge: Charge) -> GatewayPayment:
        attempt = charge.attempt
        key = effect_key(
            "payment.create", attempt.invoice_id, attempt.number, attempt.failed_creations
        )
        try:
            _still_alive()
            return await self._gateway.create_payment(
                PaymentRequest(
                    invoice_id=attempt.invoice_id,
                    attempt_number=attempt.number,
                    subscription_id=charge.subscription_id,
                    gateway_customer_id=charge.gateway_customer_id,
                    payment_method_id=attempt.payment_method_id,
                    amount=attempt.amount,
                    description=charge.description,
                ),
                key=key,
            )
        except (GatewayFailed, GatewayRefused):
            await self._store(with_failed_creation(attempt))
            raise

    async def confirm(
        self, attempt: PaymentAttempt, payment: GatewayPayment, *, off_session: bool
    ) -> GatewayPayment:
        """Moves the money; a decline is in the payment that is returned."""
        key = effect_key(
            "payment.confirm", attempt.invoice_id, attempt.number, attempt.failed_confirmations
        )
        try:
            _still_alive()
            return await self._gateway.confirm_payment(
                payment.id,
                return_url=self._return_url(attempt.invoice_id),
                off_session=off_session,
                key=key,
            )
        except GatewayFailed:
            await self._store(_with_failed_confirmation(attempt))
            raise

    async def _store(self, attempt: PaymentAttempt) -> None:
        async with self._open_transaction() as tx:
            await tx.attempts.put(attempt)


def _still_alive() -> None:
    """Between two calls to the gateway, so that a worker's death is noticed before a minute.

    Where the workflow runs, its task is what the server misses (ADR 0035).
    """
    if activity.in_activity() and not activity.info().is_local:
        activity.heartbeat()


def with_failed_creation(attempt: PaymentAttempt) -> PaymentAttempt:
    """The next creation is another request and needs a key of its own."""
    return attempt.model_copy(update={"failed_creations": attempt.failed_creations + 1})


def _with_failed_confirmation(attempt: PaymentAttempt) -> PaymentAttempt:
    failures = attempt.failed_confirmations + 1
    return attempt.model_copy(update={"failed_confirmations": failures})
