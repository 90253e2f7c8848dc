"""Every way that collecting and voiding an invoice can go."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.collection import Collect, Collected, VoidInvoices
from adapters.db.engine import transactions
from adapters.db.tables.credit_note import credit_notes
from adapters.memory.gateway import MemoryGateway
from adapters.memory.outages import Operation, Outage
from billing import closing, lifecycle, settlement
from billing.errors import (
    BooksBroken,
    GatewayBusy,
    GatewayFailed,
    GatewayRefused,
    GatewayUnavailable,
)
from billing.payment import (
    ActionRequired,
    AlreadyClosed,
    Declined,
    NoPaymentMethod,
    NotAuthenticated,
    Paid,
    Processing,
)
from billing.ports.gateway import GatewayPayment, PaymentRequest, PaymentStatus
from billing.subscription import ChangeUnderWay, EndReason, SubscriptionState, SubscriptionStatus
from tests.activities.till import DUE_AT, Till

PRICE_MINOR = 8000
BROKE = "pm_card_chargeCustomerFail"
BANK = "pm_usBankAccount_success"


class QuickBank(MemoryGateway):
    """Takes every debit as soon as it was said to be on its way."""

    async def read_payment(self, payment_id: str) -> GatewayPayment:
        payment = await super().read_payment(payment_id)
        if payment.status is PaymentStatus.PROCESSING:
            self.settle(payment_id, succeeds=True)
            return await super().read_payment(payment_id)
        return payment


class SlowCreation(MemoryGateway):
    """Something else happens while it creates a payment."""

    def __init__(self, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    async def create_payment(self, request: PaymentRequest, *, key: str) -> GatewayPayment:
        payment = await super().create_payment(request, key=key)
        await self._meanwhile()
        return payment


async def test_an_invoice_is_paid_once_however_often_it_is_collected(till: Till) -> None:
    owing = await till.owing()

    first = await till.collect(owing)
    again = await till.collect(owing)

    assert isinstance(first.outcome, Paid)
    assert again.outcome == first.outcome
    assert till.taken_minor() == PRICE_MINOR
    assert (await till.event_types()).count("invoice.paid") == 1


async def test_a_payment_is_told_although_a_later_state_knows_its_invoice_no_more(
    till: Till,
) -> None:
    owing = await till.owing()
    later = owing.model_copy(update={"open_invoices": (), "revision": owing.revision + 5})
    async with transactions(till.engine)() as tx:
        await tx.subscriptions.save(later)

    await till.collect(owing)

    assert (await till.event_types()).count("invoice.paid") == 1
    assert await till.count(credit_notes) == 0


async def test_a_decline_is_an_outcome_and_stays_the_outcome_of_its_attempt(till: Till) -> None:
    owing = await till.owing(BROKE)

    first = await till.collect(owing)
    await till.save_card("pm_card_visa")
    again = await till.collect(owing)

    assert isinstance(first.outcome, Declined)
    assert again.outcome == first.outcome
    assert till.taken_minor() == 0


async def test_without_a_payment_method_nothing_is_begun(till: Till) -> None:
    owing = await till.owing(card=None)

    assert (await till.collect(owing)).outcome == NoPaymentMethod()
    await till.save_card("pm_card_visa")
    assert isinstance((await till.collect(owing)).outcome, Paid)


async def test_a_void_invoice_is_not_collected(till: Till) -> None:
    owing = await till.owing()
    await till.void(owing)

    assert (await till.collect(owing)).outcome == AlreadyClosed()
    assert till.taken_minor() == 0


async def test_an_invoice_that_another_attempt_paid_is_not_collected_again(till: Till) -> None:
    owing = await till.owing(BROKE)
    declined = await till.after_collecting(owing)
    await till.save_card("pm_card_visa")
    second_chance = settlement.payment_method_changed(declined, DUE_AT)
    assert isinstance((await till.collect(second_chance)).outcome, Paid)
    [invoice] = second_chance.open_invoices
    beyond = invoice.model_copy(update={"attempts_made": invoice.attempts_made + 1})

    third = await till.collect(second_chance.model_copy(update={"open_invoices": (beyond,)}))

    assert isinstance(third.outcome, Paid)
    assert till.taken_minor() == PRICE_MINOR


async def test_an_invoice_that_the_state_does_not_owe_is_a_defect(till: Till) -> None:
    owing = await till.owing()
    with pytest.raises(BooksBroken, match="invoice_not_open"):
        await till.collection.collect(Collect(state=owing, invoice_id="in_other", now=DUE_AT))


@pytest.mark.parametrize("operation", [Operation.CREATE_PAYMENT, Operation.CONFIRM_PAYMENT])
@pytest.mark.parametrize("outage", list(Outage))
async def test_after_an_outage_the_same_attempt_takes_the_money_once(
    till: Till, operation: Operation, outage: Outage
) -> None:
    owing = await till.owing()
    till.gateway.outages.plan(operation, outage)

    with pytest.raises(GatewayUnavailable):
        await till.collect(owing)
    collected = await till.collect(owing)

    assert isinstance(collected.outcome, Paid)
    assert till.taken_minor() == PRICE_MINOR


@pytest.mark.parametrize("operation", [Operation.CREATE_PAYMENT, Operation.CONFIRM_PAYMENT])
async def test_each_saved_failure_is_followed_by_a_fresh_key(
    till: Till, operation: Operation
) -> None:
    owing = await till.owing()
    till.gateway.outages.plan(operation, Outage.FAILED, times=3)
    for _ in range(3):
        with pytest.raises(GatewayFailed):
            await till.collect(owing)

    assert isinstance((await till.collect(owing)).outcome, Paid)
    attempt = await till.attempt()
    counted = {
        Operation.CREATE_PAYMENT: attempt.failed_creations,
        Operation.CONFIRM_PAYMENT: attempt.failed_confirmations,
    }
    assert counted[operation] == 3


async def test_a_payment_whose_key_is_forgotten_is_looked_up_and_not_made_again(
    till: Till,
) -> None:
    owing = await till.owing()
    till.gateway.outages.plan(Operation.CREATE_PAYMENT, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnavailable):
        await till.collect(owing)
    till.pass_time(timedelta(hours=25))
    till.gateway.outages.plan(Operation.CREATE_PAYMENT, Outage.BUSY)

    assert isinstance((await till.collect(owing)).outcome, Paid)
    assert till.taken_minor() == PRICE_MINOR


async def test_a_payment_that_was_never_made_is_made_a_day_later(till: Till) -> None:
    owing = await till.owing()
    till.gateway.outages.plan(Operation.CREATE_PAYMENT, Outage.LOST_REQUEST)
    with pytest.raises(GatewayUnavailable):
        await till.collect(owing)
    till.pass_time(timedelta(hours=25))

    assert isinstance((await till.collect(owing)).outcome, Paid)
    assert till.taken_minor() == PRICE_MINOR


async def test_a_confirmation_without_an_answer_is_not_repeated_a_day_later(till: Till) -> None:
    owing = await till.owing()
    till.gateway.outages.plan(Operation.CONFIRM_PAYMENT, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnavailable):
        await till.collect(owing)
    till.pass_time(timedelta(hours=25))

    assert isinstance((await till.collect(owing)).outcome, Paid)
    assert till.taken_minor() == PRICE_MINOR


async def test_an_earlier_attempt_that_succeeded_after_all_pays_the_invoice(till: Till) -> None:
    waiting = await authenticating(till)
    till.gateway.authenticate(await till.payment_id())
    await till.save_card("pm_card_mastercard")

    collected = await till.collect(with_another_card(waiting))

    assert isinstance(collected.outcome, Paid)
    assert till.taken_minor() == PRICE_MINOR
    assert isinstance((await till.attempt()).outcome, Paid)
    assert await till.invoice_status() == "paid"


async def test_an_earlier_attempt_that_was_not_finished_can_take_nothing_any_more(
    till: Till,
) -> None:
    waiting = await authenticating(till)
    await till.save_card("pm_card_mastercard")

    collected = await till.collect(with_another_card(waiting))

    assert isinstance(collected.outcome, Paid)
    with pytest.raises(GatewayRefused):
        till.gateway.authenticate(await till.payment_id())
    assert till.taken_minor() == PRICE_MINOR


async def test_an_earlier_attempt_at_its_bank_is_waited_for(till: Till) -> None:
    processing = await till.after_collecting(await till.owing(BANK))
    await till.save_card("pm_card_visa")
    [invoice] = processing.open_invoices
    beside = invoice.model_copy(update={"in_processing": False})

    collected = await till.collect(processing.model_copy(update={"open_invoices": (beside,)}))

    assert collected.outcome == Processing()
    assert till.taken_minor() == 0


async def test_an_answer_that_comes_while_its_wait_is_recorded_is_not_missed(till: Till) -> None:
    till.gateway = QuickBank()
    await till.open_gateway()
    owing = await till.owing(BANK)
    [invoice_id] = invoice_ids(owing)

    waits = await till.collect(owing)

    assert (waits.outcome, waits.has_news) == (Processing(), True)
    processing = settlement.collected(owing, invoice_id, waits.outcome, DUE_AT)
    settled = await till.collect(settlement.payment_news(processing, invoice_id, DUE_AT))
    assert (isinstance(settled.outcome, Paid), settled.has_news) == (True, False)
    assert till.taken_minor() == PRICE_MINOR


async def test_a_payment_that_cannot_be_stopped_is_recorded_as_such(
    till: Till,
) -> None:
    owing = await till.owing(BANK)
    till.gateway.outages.plan(Operation.CONFIRM_PAYMENT, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnavailable):
        await till.collect(owing)
    waits = await till.void(owing)
    attempt = await till.attempt()

    assert waits.processing_invoice_ids == invoice_ids(owing)
    assert attempt.outcome == Processing(), "news of it is passed on from now on"


@pytest.mark.parametrize(("succeeds", "outcome"), [(True, Paid), (False, Declined)])
async def test_a_bank_debit_is_settled_by_looking_at_it_again(
    till: Till, *, succeeds: bool, outcome: type[object]
) -> None:
    processing = await till.after_collecting(await till.owing(BANK))
    till.gateway.settle(await till.payment_id(), succeeds=succeeds)

    assert isinstance((await till.collect(processing)).outcome, outcome)


async def test_a_failed_cancellation_of_an_earlier_attempt_is_tried_with_a_fresh_key(
    till: Till,
) -> None:
    waiting = await authenticating(till)
    await till.save_card("pm_card_mastercard")
    till.gateway.outages.plan(Operation.CANCEL_PAYMENT, Outage.FAILED)
    with pytest.raises(GatewayFailed):
        await till.collect(with_another_card(waiting))

    assert isinstance((await till.collect(with_another_card(waiting))).outcome, Paid)
    assert till.taken_minor() == PRICE_MINOR


async def test_a_method_that_the_gateway_refuses_is_replaced_by_the_next_default(
    till: Till,
) -> None:
    owing = await till.owing()
    async with transactions(till.engine)() as tx:
        method_id = (await tx.customers.get("cus_1")).default_payment_method_id
    assert method_id is not None
    await till.gateway.detach_payment_method(method_id, key="detach")
    with pytest.raises(GatewayRefused):
        await till.collect(owing)
    await till.save_card("pm_card_mastercard")

    assert isinstance((await till.collect(owing)).outcome, Paid)
    assert till.taken_minor() == PRICE_MINOR


async def test_what_is_open_is_void_and_owes_nothing_however_often_it_is_asked(
    till: Till,
) -> None:
    ended = ending(await till.after_collecting(await till.owing(BROKE)))

    first, again = await till.void(ended), await till.void(ended)

    assert first.closed_invoice_ids == again.closed_invoice_ids == invoice_ids(ended)
    assert await till.invoice_status() == "void"
    assert (await till.event_types()).count("invoice.voided") == 1


async def test_a_debt_that_was_lost_is_told_as_lost_however_often_it_is_asked(till: Till) -> None:
    owing = await till.owing()
    invoice_id = owing.open_invoices[0].invoice_id
    lost = closing.invoice_uncollectible(owing, invoice_id)
    for _ in range(2):
        voided = await till.collection.void_invoices(VoidInvoices(state=lost, now=DUE_AT))
        assert voided.closed_invoice_ids == voided.lost_invoice_ids == (invoice_id,)
    assert await till.invoice_status() == "uncollectible"


async def test_an_unfinished_payment_is_canceled_before_its_invoice_is_void(till: Till) -> None:
    await till.void(ending(await authenticating(till)))

    with pytest.raises(GatewayRefused):
        till.gateway.authenticate(await till.payment_id())
    assert await till.invoice_status() == "void"


async def test_an_invoice_that_was_paid_after_all_is_paid_and_not_void(till: Till) -> None:
    waiting = await authenticating(till)
    till.gateway.authenticate(await till.payment_id())

    voided = await till.void(ending(waiting))
    await till.void(ending(waiting))

    assert voided.closed_invoice_ids == invoice_ids(waiting)
    assert await till.invoice_status() == "paid"
    assert (await till.event_types()).count("invoice.paid") == 1
    assert "invoice.voided" not in await till.event_types()


async def test_a_payment_at_its_bank_keeps_its_invoice_open(till: Till) -> None:
    owing = await till.owing(BANK)
    await till.collect(owing)

    voided = await till.void(ending(owing))

    assert (voided.closed_invoice_ids, voided.processing_invoice_ids) == ((), invoice_ids(owing))
    assert await till.invoice_status() == "open"


async def test_what_is_known_to_be_at_its_bank_is_left_alone(till: Till) -> None:
    processing = await till.after_collecting(await till.owing(BANK))

    voided = await till.void(ending(processing))

    assert (voided.closed_invoice_ids, voided.processing_invoice_ids) == ((), ())


async def test_voiding_goes_on_after_an_outage(till: Till) -> None:
    ended = ending(await authenticating(till))
    till.gateway.outages.plan(Operation.CANCEL_PAYMENT, Outage.FAILED)
    with pytest.raises(GatewayFailed):
        await till.void(ended)

    assert (await till.void(ended)).closed_invoice_ids == invoice_ids(ended)
    assert await till.invoice_status() == "void"


def for_a_change(state: SubscriptionState) -> SubscriptionState:
    """What is open pays for a change of this moment, which may take a day."""
    [invoice] = state.open_invoices
    change = ChangeUnderWay(
        change_id="chg_1",
        target=state.terms,
        invoice_id=invoice.invoice_id,
        period=state.running_period,
        starts_period=False,
        requested_at=DUE_AT,
        expires_at=DUE_AT + timedelta(hours=24),
    )
    pays = invoice.model_copy(update={"for_change": "chg_1"})
    return state.model_copy(update={"change": change, "open_invoices": (pays,)})


async def collect_a_day_later(till: Till, state: SubscriptionState) -> Collected:
    """The same activity, whose retries were kept by an outage."""
    environment = ActivityEnvironment()
    begun = environment.info.scheduled_time
    environment.info = replace(environment.info, started_time=begun + timedelta(hours=24))
    request = Collect(state=state, invoice_id=invoice_ids(state)[0], now=DUE_AT)
    return await environment.run(till.collection.collect, request)


async def test_a_change_whose_day_went_by_in_an_outage_is_not_charged(till: Till) -> None:
    paying = for_a_change(await till.owing())
    till.gateway.outages.plan(Operation.CONFIRM_PAYMENT, Outage.LOST_REQUEST)
    with pytest.raises(GatewayUnavailable):
        await till.collect(paying)

    late = await collect_a_day_later(till, paying)

    assert late.outcome == AlreadyClosed()
    assert (await till.invoice_status(), till.taken_minor()) == ("void", 0)


async def test_a_change_that_was_charged_before_the_outage_counts_as_paid(till: Till) -> None:
    paying = for_a_change(await till.owing())
    till.gateway.outages.plan(Operation.CONFIRM_PAYMENT, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnavailable):
        await till.collect(paying)

    late = await collect_a_day_later(till, paying)

    assert isinstance(late.outcome, Paid)
    assert (await till.invoice_status(), till.taken_minor()) == ("paid", PRICE_MINOR)


async def test_a_renewal_is_charged_however_long_an_outage_was(till: Till) -> None:
    assert isinstance((await collect_a_day_later(till, await till.owing())).outcome, Paid)


@pytest.mark.parametrize("in_time", [True, False])
async def test_the_last_look_finds_the_payment_or_rules_it_out(
    till: Till, *, in_time: bool
) -> None:
    waiting = await authenticating(till)
    if in_time:
        till.gateway.authenticate(await till.payment_id())
    look = Collect(state=waiting, invoice_id=invoice_ids(waiting)[0], now=DUE_AT, is_last=True)

    first = await till.collection.collect(look)
    again = await till.collection.collect(look)

    assert first.outcome == again.outcome
    assert isinstance(first.outcome, Paid if in_time else NotAuthenticated)
    assert till.taken_minor() == (PRICE_MINOR if in_time else 0)
    with pytest.raises(GatewayRefused):
        till.gateway.authenticate(await till.payment_id())


async def test_what_is_paid_after_it_was_waived_becomes_balance_once(till: Till) -> None:
    waiting = await authenticating(till)
    till.gateway.authenticate(await till.payment_id())

    await till.void(waiting)
    await till.void(waiting)

    assert await till.invoice_status() == "paid"
    assert await till.count(credit_notes) == 1
    async with transactions(till.engine)() as tx:
        assert (await tx.balances.of("cus_1", "USD")).amount_minor == PRICE_MINOR


async def test_an_activity_left_behind_charges_no_invoice_that_was_voided_meanwhile(
    till: Till,
) -> None:
    owing = await till.owing()
    till.gateway = SlowCreation(lambda: till.void(owing))
    await till.open_gateway()
    await till.save_card("pm_card_visa")

    with pytest.raises(GatewayBusy, match="attempt_taken_over"):
        await till.collect(owing)

    assert (await till.invoice_status(), till.taken_minor()) == ("void", 0)


async def authenticating(till: Till) -> SubscriptionState:
    """A first payment whose customer is asked by the bank who they are."""
    owing = (await till.owing("pm_card_authenticationRequired")).model_copy(
        update={"status": SubscriptionStatus.INCOMPLETE}
    )
    collected = await till.collect(owing)
    assert isinstance(collected.outcome, ActionRequired)
    return settlement.collected(owing, invoice_ids(owing)[0], collected.outcome, DUE_AT)


def with_another_card(state: SubscriptionState) -> SubscriptionState:
    return settlement.payment_method_changed(state, DUE_AT)


def ending(state: SubscriptionState) -> SubscriptionState:
    return lifecycle.ended(state, EndReason.REQUESTED, DUE_AT)


def invoice_ids(state: SubscriptionState) -> tuple[str, ...]:
    return tuple(invoice.invoice_id for invoice in state.open_invoices)
