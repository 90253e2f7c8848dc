"""Recording money that came outside the gateway (policy P22): never beside a card's payment.

Owns the order: what a card could still pay of the invoice is stopped first, then the payment is
written with all that follows from it, in one transaction. Of a bad debt no card pays anything. Does
not own which payments may be recorded and what they mean (`billing.receiving`) nor how a payment is
stopped (`activities.charging`).
"""

from typing import Annotated, Final, Literal

from pydantic import Field
from temporalio import activity

from activities.charging import Charging, with_failed_creation
from activities.collection import may_go_live
from activities.overtaking import recorded_before
from activities.records import AuditEntry
from activities.unused_time import GiveBack, given_back
from billing import collecting, ledger
from billing.credit_note import CreditReason
from billing.errors import Conflict, GatewayError, InvalidInput, NotFound
from billing.ids import effect_key
from billing.invoice import InvoiceRecord, InvoiceStatus
from billing.payment import Declined
from billing.ports.books import PaymentAttempt
from billing.ports.gateway import PaymentStatus
from billing.ports.storage import Transaction, UnitOfWork
from billing.received_payment import ReceivedPayment, ReportedPayment
from billing.receiving import (
    UNDER_WAY,
    check_recordable,
    check_recoverable,
    check_same,
    events,
    received,
)
from billing.subscription import SubscriptionState
from billing.value import Instant, Value

_NOT_STOPPED: Final = (
    "a card's payment of it cannot be stopped just now, as the gateway does not answer: try again"
)


class ReceivePayment(Value):
    """Record a payment of `invoice_id` of `state`; `now` is the subscription's present."""

    state: SubscriptionState
    invoice_id: str
    reported: ReportedPayment
    audit: AuditEntry
    now: Instant


class PaymentReceived(Value):
    """The payment is recorded; `attempts_made` includes what had to be stopped for it."""

    kind: Literal["received"] = "received"
    payment: ReceivedPayment
    attempts_made: int
    stored_revision: int


class PaymentKnown(Value):
    """It was recorded before, by another command."""

    kind: Literal["known"] = "known"
    payment: ReceivedPayment
    stored_revision: None = None


class PaymentNotTaken(Value):
    """It cannot be recorded, or not now; nothing was written."""

    kind: Literal["not_taken"] = "not_taken"
    error: Literal["Conflict", "InvalidInput", "NotFound"]
    code: str
    message: str
    has_news: bool = False
    """A card's payment went on meanwhile: it is to be looked at."""
    stored_revision: None = None


ReceivingOutcome = Annotated[
    PaymentReceived | PaymentKnown | PaymentNotTaken, Field(discriminator="kind")
]


class Receiving:
    """Activities about money that came outside the gateway."""

    def __init__(self, *, open_transaction: UnitOfWork, charging: Charging) -> None:
        self._open_transaction = open_transaction
        self._charging = charging

    @activity.defn
    async def receive_payment(self, request: ReceivePayment) -> ReceivingOutcome:
        """Records the payment once per invoice and reference, however often it is asked to.

        A card's payment that waits for its customer is stopped first. One that is on its way, or
        succeeded after all, or cannot be stopped, refuses this one (`payment_under_way`).
        """
        try:
            async with self._open_transaction() as tx:
                invoice, known = await _looked_at(tx, request)
            if known is None and invoice.status is InvoiceStatus.OPEN:
                stopped = await self._charging.stop_all(invoice.id)
                if stopped is not PaymentStatus.CANCELED:
                    return _beside(stopped)
            async with self._open_transaction() as tx:
                return await _received(tx, request)
        except GatewayError:
            return PaymentNotTaken(error="Conflict", code="payment_under_way", message=_NOT_STOPPED)
        except Conflict as error:
            return PaymentNotTaken(error="Conflict", code=error.code, message=error.message)
        except InvalidInput as error:
            return PaymentNotTaken(error="InvalidInput", code=error.code, message=error.message)
        except NotFound as error:
            return PaymentNotTaken(error="NotFound", code=error.code, message=error.message)


def _beside(stopped: PaymentAttempt | PaymentStatus) -> PaymentNotTaken:
    """What a card pays all the same is looked at first."""
    if isinstance(stopped, PaymentAttempt):
        paid = "it was paid by card in this moment: give the money back, or record it elsewhere"
        return PaymentNotTaken(error="Conflict", code="invoice_paid", message=paid, has_news=True)
    return PaymentNotTaken(
        error="Conflict", code="payment_under_way", message=UNDER_WAY, has_news=True
    )


async def _looked_at(
    tx: Transaction, request: ReceivePayment
) -> tuple[InvoiceRecord, ReceivedPayment | None]:
    """The invoice, locked, and what is recorded under the reference already.

    Raises `Overtaken`, `NotFound` (`invoice_not_found`) and `Conflict`: `reference_reused`,
    `invoice_paid`, `invoice_not_open`.
    """
    await recorded_before(tx, request.state)
    invoice = await tx.invoices.get(request.invoice_id)
    if invoice is None or invoice.subscription_id != request.state.subscription_id:
        raise NotFound("invoice_not_found", f"no invoice {request.invoice_id!r} of this one")
    known = await tx.received.get(invoice.id, request.reported.reference)
    if known is not None:
        check_same(known, request.reported)
    elif invoice.status is InvoiceStatus.PAID:
        raise Conflict("invoice_paid", f"{invoice.number} is paid")
    elif invoice.status is InvoiceStatus.VOID:
        raise Conflict("invoice_not_open", f"{invoice.number} is {invoice.status}")
    return invoice, known


async def received_after_the_end(tx: Transaction, request: ReceivePayment) -> ReceivedPayment:
    """Records a payment of a bad debt of what has ended: its workflow may be over long since.

    By the same rules, once, and with all that follows; nothing of a state does. What the end
    promised of it is given back once it is paid in full (policy P17, P22). `request.state` is the
    recorded one. Raises `NotFound` (`invoice_not_found`), `InvalidInput` and `Conflict`:
    `invoice_paid`, `reference_reused`, `invoice_not_open` (also while it is being written off).
    """
    state, invoice_id = request.state, request.invoice_id
    if not state.has_ended or state.open_invoice(invoice_id) is not None:
        raise Conflict("invoice_not_open", f"{invoice_id} is being closed: try again")
    payment = (await _received(tx, request)).payment
    promise = state.promised_back
    if payment.pays_the_rest and promise is not None:
        # No card paid any of it: all of this is balance, and there is no refund to carry out.
        await given_back(
            tx,
            GiveBack(
                state=state,
                part=promise.part,
                invoice_id=invoice_id,
                source=effect_key("paid_too_late", promise.cause, invoice_id),
                reason=CreditReason.CANCELED,
                unused=promise.unused,
                now=request.now,
            ),
        )
    return payment


async def _received(tx: Transaction, request: ReceivePayment) -> PaymentReceived | PaymentKnown:
    """Writes it, with everything that follows: the invoice first, as whoever begins an attempt."""
    state, now = request.state, request.now
    invoice, known = await _looked_at(tx, request)
    if known is not None and known.command_id != request.audit.command_id:
        return PaymentKnown(payment=known)
    payment = known or await _recorded(tx, request, invoice)
    attempts_made = await _stopped_attempt(tx, invoice, now)
    after = received(state, payment, now, attempts_made=attempts_made)
    stored = await tx.subscriptions.save(after)
    await tx.events.append(*events(state, after, payment, now))
    audit = request.audit
    await tx.audit.append(
        command_id=audit.command_id,
        command=audit.command,
        subject=state.subscription_id,
        actor=audit.actor,
        reason=audit.reason,
        at=audit.at,
    )
    return PaymentReceived(payment=payment, attempts_made=attempts_made, stored_revision=stored)


async def _recorded(
    tx: Transaction, request: ReceivePayment, invoice: InvoiceRecord
) -> ReceivedPayment:
    if request.state.open_invoice(invoice.id) is None:
        check_recoverable(invoice, request.reported, request.now)
    else:
        check_recordable(request.state, invoice.id, request.reported, request.now)
    payment = ReceivedPayment.on(
        invoice, request.reported, command_id=request.audit.command_id, now=request.now
    )
    await _ruled_out(tx, invoice, payment)
    if payment.pays_the_rest and not await may_go_live(tx, request.state):
        raise Conflict("family_taken", "the customer has another subscription of the family by now")
    await tx.received.add(payment)
    await tx.ledger.post(ledger.payment_recorded(payment, of=invoice))
    return payment


async def _ruled_out(tx: Transaction, invoice: InvoiceRecord, payment: ReceivedPayment) -> None:
    """No attempt can take more than what is left: all that have a payment were stopped.

    One that has none yet goes on with what is left, and by another request: whoever has asked for
    a payment of more finds that it is not wanted. Raises `Conflict` (`payment_under_way`) where a
    payment was begun since all were stopped.
    """
    for attempt in await tx.attempts.unfinished(invoice.id):
        if attempt.payment_id is not None:
            raise Conflict("payment_under_way", UNDER_WAY)
        again = with_failed_creation(attempt)
        await tx.attempts.put(again.model_copy(update={"amount": payment.left}))


async def _stopped_attempt(tx: Transaction, invoice: InvoiceRecord, now: Instant) -> int:
    """The number of the last attempt that was stopped; zero where there was none."""
    earlier = await tx.attempts.earlier(invoice, payment_method_id=None, since=now)
    stopped = [each.number for each in earlier.of_invoice if each.outcome == _STOPPED]
    return max(stopped, default=0)


_STOPPED: Final = Declined(decline=collecting.CANCELED)
