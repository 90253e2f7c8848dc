"""Collecting an invoice, and voiding what is no longer to be paid.

Owns which attempt is made and what is written with its outcome. Does not own the charge itself
(`activities.charging`) nor when to try (`billing.dunning`).
"""

from collections.abc import Callable
from datetime import datetime

from temporalio import activity

from activities import card_limits
from activities.card_limits import UnknownCard
from activities.charging import Charge, Charging, with_failed_creation
from activities.crediting import CreditRequest, issue_credit
from activities.first_tries import FirstTries
from activities.overtaking import recorded_before, refuse_overtaken
from activities.writing_off import write_off
from billing import changing, closing, collecting, ledger, settlement
from billing.credit_note import CreditReason, UnusedPart, lapsed_lines
from billing.errors import BooksBroken, Conflict, NotFound
from billing.ids import effect_key
from billing.invoice import InvoiceRecord, InvoiceStatus
from billing.payment import (
    ActionRequired,
    AlreadyClosed,
    CollectionOutcome,
    NoPaymentMethod,
    NotAuthenticated,
    Paid,
    Processing,
    Superseded,
)
from billing.ports.books import PaymentAttempt
from billing.ports.gateway import PaymentGateway, PaymentMethod, PaymentStatus
from billing.ports.storage import Claim, Transaction, UnitOfWork
from billing.subscription import SubscriptionState, SubscriptionStatus
from billing.tax_reversal import total_left
from billing.value import Instant, Value


class Collect(Value):
    """Try to collect `invoice_id` of `state`; `now` is the subscription's present."""

    state: SubscriptionState
    invoice_id: str
    now: Instant
    is_last: bool = False
    """Only look whether it was paid, and stop it where it was not: nothing is sold for it."""


class Collected(Value):
    """What came of it; the state that follows is stored."""

    outcome: CollectionOutcome
    stored_revision: int
    has_news: bool = False
    """The payment went on while this was recorded: it is to be looked at again at once."""
    has_another_method: bool = False
    """It is what was recorded of an attempt before, and the customer has another method by now."""
    waits_for_banks: bool = False
    """Whether a bank's time counted as nobody's delay (policy P21). Histories from before do not
    say so, and go on as they did."""


class _Known(Value):
    """The outcome of an attempt that was made already, by a worker that nobody heard of."""

    outcome: CollectionOutcome
    method_is_default: bool
    """Whether it was made with the method that the customer is charged with now."""


class VoidInvoices(Value):
    """Void what `state` says is no longer to be paid."""

    state: SubscriptionState
    now: Instant


class Voided(Value):
    """`closed_invoice_ids` owe nothing any more; `processing_invoice_ids` await their bank."""

    closed_invoice_ids: tuple[str, ...]
    processing_invoice_ids: tuple[str, ...]
    paid_invoice_ids: tuple[str, ...] = ()
    """Those of the closed ones that turned out to be paid."""
    lost_invoice_ids: tuple[str, ...] = ()
    """Those of the closed ones that were written off. Histories from before name none, and so an
    unpaid subscription whose debt was lost goes on in them as it did."""
    stored_revision: int


class Collection:
    """Activities that move money, or keep it from moving."""

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
        self._first_tries = FirstTries()
        self._charging = Charging(
            open_transaction=open_transaction,
            gateway=gateway,
            real_now=real_now,
            return_url=return_url,
        )

    @activity.defn
    async def collect(self, request: Collect) -> Collected:
        """Charges the customer's default payment method for what is due, at most once.

        A change whose time is over is not charged, however long an outage has kept it (P11).
        """
        with self._first_tries.watched():
            return await self._collect(request)

    async def _collect(self, request: Collect) -> Collected:
        if request.is_last:
            return await self._ruled_out(request, NotAuthenticated())
        if _is_too_late(request):
            return await self._ruled_out(request, AlreadyClosed())
        begun = await self._begin(request)
        while isinstance(begun, UnknownCard):
            looked_at = await self._gateway.read_payment_method(begun.payment_method_id)
            begun = await self._begin(request, looked_at=looked_at)
        if isinstance(begun, _Known):
            collected = await self._conclude(request, None, begun.outcome)
            return collected.model_copy(update={"has_another_method": not begun.method_is_default})
        if not isinstance(begun, Charge):
            return await self._conclude(request, None, begun)
        earlier = await self._charging.stop(begun.earlier)
        if earlier is not PaymentStatus.CANCELED:
            return await self._conclude_earlier(request, earlier)
        attempt, payment = await self._charging.payment_for(begun)
        if payment.status is PaymentStatus.REQUIRES_CONFIRMATION:
            payment = await self._charging.confirm(
                attempt, payment, off_session=not _customer_is_present(request)
            )
        if payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD:
            payment = await self._charging.ruled_out(attempt, payment)
        outcome = collecting.outcome_of(payment, paid_at=request.now)
        collected = await self._conclude(request, attempt, outcome)
        has_news = await self._charging.went_on(attempt, outcome)
        return collected.model_copy(update={"has_news": has_news})

    @activity.defn
    async def void_invoices(self, request: VoidInvoices) -> Voided:
        """Cancels what could still take money, then voids what was not paid (policy P20).

        What an operator called a bad debt is written off instead.
        """
        async with self._open_transaction() as tx:
            await recorded_before(tx, request.state)
        closed: list[str] = []
        processing: list[str] = []
        paid: list[str] = []
        lost: list[str] = []
        for invoice_id in closing.invoices_to_void(request.state, request.now):
            stopped = await self._charging.stop_all(invoice_id)
            if stopped is PaymentStatus.PROCESSING:
                processing.append(invoice_id)
                continue
            status = await self._close(request, invoice_id, stopped)
            closed.append(invoice_id)
            paid += [invoice_id] * (status is InvoiceStatus.PAID)
            lost += [invoice_id] * (status is InvoiceStatus.UNCOLLECTIBLE)
        after = closing.invoices_closed(
            request.state,
            closed=closed,
            processing=processing,
            paid=paid,
            lost=lost,
            now=request.now,
        )
        async with self._open_transaction() as tx:
            stored = await tx.subscriptions.save(after)
            await write_off(tx, after, stored_revision=stored)
        return Voided(
            closed_invoice_ids=tuple(closed),
            processing_invoice_ids=tuple(processing),
            paid_invoice_ids=tuple(paid),
            lost_invoice_ids=tuple(lost),
            stored_revision=stored,
        )

    async def _ruled_out(self, request: Collect, otherwise: CollectionOutcome) -> Collected:
        """Nobody is charged any more: what was begun is stopped, or found to have succeeded."""
        async with self._open_transaction() as tx:
            await recorded_before(tx, request.state)
            invoice = await _locked_invoice(tx, request.invoice_id)
        if invoice.status is not InvoiceStatus.OPEN:
            return await self._conclude(request, None, _closed(invoice, request.now))
        stopped = await self._charging.stop_all(invoice.id)
        if stopped is not PaymentStatus.CANCELED:
            return await self._conclude_earlier(request, stopped)
        return await self._conclude(request, None, otherwise)

    async def _conclude_earlier(
        self, request: Collect, stopped: PaymentAttempt | PaymentStatus
    ) -> Collected:
        """An earlier attempt was paid, or its bank has it."""
        if isinstance(stopped, PaymentAttempt):
            paid = Paid(amount=stopped.amount, paid_at=request.now)
            return await self._conclude(request, stopped, paid)
        return await self._conclude(request, None, Processing())

    async def _begin(
        self, request: Collect, *, looked_at: PaymentMethod | None = None
    ) -> Charge | UnknownCard | CollectionOutcome | _Known:
        """The recorded intent to charge, or the outcome where nothing is left to do."""
        open_invoice = request.state.open_invoice(request.invoice_id)
        if open_invoice is None:
            raise BooksBroken("invoice_not_open", f"{request.invoice_id} is not open in the state")
        async with self._open_transaction() as tx:
            owed = await tx.invoices.to_collect(request.invoice_id)
            invoice, customer = owed.invoice, owed.customer
            refuse_overtaken(
                request.state, by=owed.recorded_lineage, revision=owed.recorded_revision
            )
            earlier = await tx.attempts.earlier(
                invoice,
                payment_method_id=customer.default_payment_method_id,
                since=card_limits.counted_since(request.state, request.now),
            )
            number = open_invoice.attempt_number
            attempt = next((each for each in earlier.of_invoice if each.number == number), None)
            # First: after a reset, a decline that was overcome since must not count again.
            if invoice.status is not InvoiceStatus.OPEN:
                return _closed(invoice, request.now)
            if attempt is not None and attempt.outcome and collecting.is_final(attempt.outcome):
                return _Known(
                    outcome=attempt.outcome,
                    method_is_default=attempt.payment_method_id
                    == customer.default_payment_method_id,
                )
            if not await may_go_live(tx, request.state):
                return Superseded()
            if customer.default_payment_method_id is None or customer.gateway_customer_id is None:
                return NoPaymentMethod()
            if attempt is None:
                attempt = PaymentAttempt(
                    invoice_id=invoice.id,
                    number=number,
                    payment_method_id=customer.default_payment_method_id,
                    amount=invoice.amount_due,
                    started_at=self._real_now(),
                    attempted_at=request.now,
                )
                refused = card_limits.refusal(
                    *(request.state, open_invoice, attempt.payment_method_id, earlier),
                    looked_at=looked_at,
                )
                if refused is not None:
                    return refused
                await tx.attempts.put(attempt)
            elif (
                attempt.payment_id is None
                and attempt.payment_method_id != customer.default_payment_method_id
            ):
                # No payment is known of it, and an unknown one is never confirmed: it takes what
                # the customer has by now, which is another request and needs a key of its own.
                attempt = with_failed_creation(attempt).model_copy(
                    update={"payment_method_id": customer.default_payment_method_id}
                )
                await tx.attempts.put(attempt)
            return Charge(
                attempt=attempt,
                earlier=tuple(
                    each
                    for each in earlier.of_invoice
                    if each.number < number and _is_unfinished(each)
                ),
                gateway_customer_id=customer.gateway_customer_id,
                subscription_id=request.state.subscription_id,
                description=request.state.terms.product_name,
            )

    async def _conclude(
        self, request: Collect, attempt: PaymentAttempt | None, outcome: CollectionOutcome
    ) -> Collected:
        """Writes the outcome and everything that follows from it, in one transaction."""
        after = settlement.collected(request.state, request.invoice_id, outcome, request.now)
        async with self._open_transaction() as tx:
            if attempt is not None:
                # The invoice first, as whoever begins an attempt: else they wait for one another.
                if isinstance(outcome, Paid):
                    customer_id = request.state.customer_id
                    await _receive(tx, attempt, customer_id=customer_id, paid_at=request.now)
                else:
                    await _locked_invoice(tx, request.invoice_id)
                await tx.attempts.put(attempt.model_copy(update={"outcome": outcome}))
            stored = await tx.subscriptions.save(after)
            judged = await _present_state(
                *(tx, request.state, after), invoice_id=request.invoice_id, stored_revision=stored
            )
            if isinstance(outcome, Paid):
                await _return_unwanted(tx, judged, request.invoice_id, request.now)
            elif _leaves_no_debt(request, after):
                invoice = await _locked_invoice(tx, request.invoice_id)
                if invoice.status is InvoiceStatus.OPEN:
                    await _void(tx, invoice, request.now)
            await write_off(tx, after, stored_revision=stored)
            # While the customer may still authenticate, nobody else may take the live place.
            if after.activation_refused and not isinstance(outcome, ActionRequired):
                await tx.subscriptions.release(after.subscription_id)
            became = settlement.collected(judged, request.invoice_id, outcome, request.now)
            await tx.events.append(
                *collecting.events(judged, became, request.invoice_id, outcome, request.now)
            )
        return Collected(outcome=outcome, stored_revision=stored, waits_for_banks=True)

    async def _close(
        self, request: VoidInvoices, invoice_id: str, stopped: PaymentAttempt | PaymentStatus
    ) -> InvoiceStatus:
        """Paid where an attempt succeeded after all, else closed; what it is then."""
        state, now = request.state, request.now
        async with self._open_transaction() as tx:
            invoice = await _locked_invoice(tx, invoice_id)
            if invoice.status is InvoiceStatus.PAID:
                await _return_unwanted(tx, state, invoice_id, now)
                return invoice.status
            if invoice.status is not InvoiceStatus.OPEN:
                return invoice.status
            if isinstance(stopped, PaymentAttempt):
                outcome = Paid(amount=stopped.amount, paid_at=now)
                await tx.attempts.put(stopped.model_copy(update={"outcome": outcome}))
                await _receive(tx, stopped, customer_id=invoice.customer_id, paid_at=now)
                await tx.events.append(collecting.paid_event(invoice, stopped, now))
                await _return_unwanted(tx, state, invoice_id, now)
                return InvoiceStatus.PAID
            if closing.is_loss(state, invoice_id):
                await _write_off(tx, invoice, now)
                return InvoiceStatus.UNCOLLECTIBLE
            await _void(tx, invoice, now)
            return InvoiceStatus.VOID


async def _present_state(
    tx: Transaction,
    asked: SubscriptionState,
    after: SubscriptionState,
    *,
    invoice_id: str,
    stored_revision: int,
) -> SubscriptionState:
    """What an outcome is judged by: a command may have been stored while the gateway was asked.

    A state that no longer knows the invoice has nothing to say of it.
    """
    if stored_revision <= after.revision:
        return asked
    recorded = await tx.subscriptions.recorded(asked.subscription_id)
    is_open_there = recorded is not None and recorded.open_invoice(invoice_id) is not None
    return recorded if recorded is not None and is_open_there else asked


async def may_go_live(tx: Transaction, state: SubscriptionState) -> bool:
    """A refused first payment gave the live place back: it is taken again before the next."""
    if state.status is not SubscriptionStatus.INCOMPLETE:
        return True
    return await tx.subscriptions.claim(state, with_trial=False) is Claim.GRANTED


def _is_too_late(request: Collect) -> bool:
    """Whether the change that this pays for was abandoned by now; a bank's answer is awaited.

    Tries of one activity may be days apart: the time between them is Temporal's. A test clock
    stands still meanwhile.
    """
    state, invoice = request.state, request.state.open_invoice(request.invoice_id)
    if invoice is None or invoice.for_change is None or invoice.in_processing:
        return False
    now = request.now
    if activity.in_activity() and not state.clock.is_test:
        info = activity.info()
        now += info.started_time - info.scheduled_time
    return changing.is_abandoned(state, invoice, now)


def _customer_is_present(request: Collect) -> bool:
    """At the checkout, and wherever a payment is asked for in front of a screen."""
    invoice = request.state.open_invoice(request.invoice_id)
    at_checkout = request.state.status is SubscriptionStatus.INCOMPLETE
    return at_checkout or (invoice is not None and invoice.customer_present)


async def _return_unwanted(
    tx: Transaction, state: SubscriptionState, invoice_id: str, now: datetime
) -> None:
    """All that was paid for what `state` no longer wants becomes the customer's balance, once."""
    if not closing.is_unwanted(state, invoice_id):
        return
    invoice = await _locked_invoice(tx, invoice_id)
    lapsed = invoice.change_id is not None
    cause = ("change_lapsed", invoice.change_id or "") if lapsed else ("not_owed", invoice.id)
    source = effect_key(*cause)
    debits = await tx.invoices.debits_of(invoice.id)
    left = min(invoice.total.amount_minor, sum(total_left(each).amount_minor for each in debits))
    is_given = await tx.credit_notes.of_source(invoice.subscription_id, source)
    if is_given or left <= 0:
        return
    await issue_credit(
        tx,
        CreditRequest(
            source=source,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            reason=CreditReason.CHANGE_LAPSED if lapsed else CreditReason.NO_LONGER_OWED,
            unused=UnusedPart.CREDIT,
            lines=lapsed_lines(debits, invoice.total.model_copy(update={"amount_minor": left})),
            now=now,
        ),
    )


def _leaves_no_debt(request: Collect, after: SubscriptionState) -> bool:
    """Of a change that was not paid, nothing is owed (policy P11)."""
    open_invoice = request.state.open_invoice(request.invoice_id)
    is_of_change = open_invoice is not None and open_invoice.for_change is not None
    return is_of_change and after.open_invoice(request.invoice_id) is None


async def _void(tx: Transaction, invoice: InvoiceRecord, now: datetime) -> None:
    await tx.invoices.mark_void(invoice.id, voided_at=now)
    entry = ledger.invoice_voided(invoice, voided_at=now)
    if entry is not None:
        await tx.ledger.post(entry)
    await tx.events.append(collecting.voided_event(invoice, now))


async def _write_off(tx: Transaction, invoice: InvoiceRecord, now: datetime) -> None:
    """It stays owed, and the books expect nothing of it any more."""
    await tx.invoices.mark_uncollectible(invoice.id, at=now)
    entry = ledger.invoice_uncollectible(invoice, at=now)
    if entry is not None:
        await tx.ledger.post(entry)
    await tx.events.append(collecting.uncollectible_event(invoice, now))


async def _locked_invoice(tx: Transaction, invoice_id: str) -> InvoiceRecord:
    invoice = await tx.invoices.get(invoice_id)
    if invoice is None:
        raise NotFound("invoice_not_found", f"{invoice_id} does not exist")
    return invoice


async def _receive(
    tx: Transaction, attempt: PaymentAttempt, *, customer_id: str, paid_at: datetime
) -> None:
    """The money is in: the invoice is paid and the ledger says so, once per payment."""
    if attempt.payment_id is None:
        raise BooksBroken("no_payment", f"{attempt.invoice_id} was paid by no payment")
    try:
        was_open = await tx.invoices.mark_paid(attempt.invoice_id, paid_at=paid_at)
    except Conflict as closed:
        raise BooksBroken("payment_for_closed_invoice", str(closed)) from closed
    if not was_open:
        return
    await tx.ledger.post(
        ledger.payment_received(
            invoice_id=attempt.invoice_id,
            customer_id=customer_id,
            payment_intent_id=attempt.payment_id,
            amount=attempt.amount,
            paid_at=paid_at,
        )
    )


def _is_unfinished(attempt: PaymentAttempt) -> bool:
    return attempt.outcome is None or collecting.may_change(attempt.outcome)


def _closed(invoice: InvoiceRecord, now: datetime) -> CollectionOutcome:
    if invoice.status is InvoiceStatus.PAID:
        return Paid(amount=invoice.total, paid_at=now)
    return AlreadyClosed()
