"""Money that comes outside the gateway: once, in whole or in part, and never beside a card's."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from activities.collection import VoidInvoices
from activities.receiving import (
    PaymentKnown,
    PaymentNotTaken,
    PaymentReceived,
    received_after_the_end,
)
from adapters.db.engine import transactions
from adapters.db.tables.audit import audit_log
from adapters.db.tables.credit_note import credit_notes
from adapters.db.tables.invoice import invoices
from adapters.db.tables.ledger import journal_entries
from adapters.db.tables.received_payment import received_payments
from adapters.memory.outages import Operation, Outage
from billing import closing, lifecycle, settlement
from billing.credit_note import UnusedPart
from billing.errors import BooksBroken, GatewayBusy, GatewayRefused
from billing.payment import ActionRequired, Declined, Paid, Processing
from billing.period import Period
from billing.ports.gateway import PaymentStatus
from billing.subscription import EndReason, PromisedBack, SubscriptionState, SubscriptionStatus
from tests.activities.test_collection import SlowCreation
from tests.activities.till import DUE_AT, Till
from tests.adapters.db.company import subscription

OWED = 8000
_ANOTHER = """
    INSERT INTO received_payments
    SELECT 'rcv_x', invoice_id, customer_id, subscription_id, command_id, currency, amount_minor,
        applied_minor, left_minor, method, 'R-2', received_at, booked_at
    FROM received_payments
"""


def refusal(outcome: object) -> tuple[str, bool]:
    """Its code, and whether a card's payment is to be looked at."""
    assert isinstance(outcome, PaymentNotTaken), outcome
    return outcome.code, outcome.has_news


async def authenticating(till: Till) -> SubscriptionState:
    """A payment was made in front of the customer, whose bank asks for them."""
    owing = await till.owing("pm_card_authenticationRequired")
    asked = settlement.pay_now(owing, DUE_AT, customer_present=True)
    waiting = await till.after_collecting(asked)
    assert waiting.open_invoices[0].action_url is not None
    return waiting


async def received_minor(till: Till) -> int:
    async with till.engine.connect() as connection:
        query = select(func.coalesce(func.sum(received_payments.c.applied_minor), 0))
        return int((await connection.execute(query)).scalar_one())


async def test_a_card_pays_what_a_transfer_has_left(till: Till) -> None:
    owing = await till.owing()

    after = await till.after_receiving(owing, 3000)

    [invoice] = after.open_invoices
    assert (invoice.amount.amount_minor, invoice.next_attempt_at) == (5000, DUE_AT)
    assert await till.invoice_status() == "open"
    await till.check_books()
    collected = await till.collect(after)
    assert collected.outcome == Paid(amount=invoice.amount, paid_at=DUE_AT)
    assert (till.taken_minor(), await till.invoice_status()) == (5000, "paid")
    await till.check_books()


async def test_a_transfer_in_full_is_a_payment_like_any_other(till: Till) -> None:
    owing = await till.owing(card=None)
    declined = await till.after_collecting(owing)
    assert declined.status is SubscriptionStatus.PAST_DUE

    first = await till.after_receiving(declined, 3000, reference="R-1")
    assert first.status is SubscriptionStatus.PAST_DUE
    second = await till.after_receiving(first, 5000, reference="R-2")

    assert (second.status, second.open_invoices) == (SubscriptionStatus.ACTIVE, ())
    assert await till.invoice_status() == "paid"
    events = await till.event_types()
    assert events.count("invoice.payment_received") == 2
    assert (events.count("invoice.paid"), events.count("subscription.active")) == (1, 1)
    assert await till.count(audit_log, command="record_payment") == 2
    await till.check_books()


async def test_what_is_more_than_owed_becomes_balance(till: Till) -> None:
    outcome = await till.receive(await till.owing(), 9000)

    assert isinstance(outcome, PaymentReceived)
    assert (outcome.payment.applied.amount_minor, outcome.payment.left.amount_minor) == (OWED, 0)
    assert await till.balance_minor() == 1000
    await till.check_books()


async def test_the_same_reference_is_the_same_payment(till: Till) -> None:
    owing = await till.owing()

    first = await till.receive(owing, 8500, command_id="cmd_a")
    again = await till.receive(owing, 8500, command_id="cmd_a")
    by_another = await till.receive(owing, 8500, command_id="cmd_b")
    with_other_facts = await till.receive(owing, 8400, command_id="cmd_c")
    beside_it = await till.receive(owing, 100, reference="R-2")

    assert first == again
    assert isinstance(first, PaymentReceived)
    assert by_another == PaymentKnown(payment=first.payment)
    assert refusal(with_other_facts) == ("reference_reused", False)
    assert refusal(beside_it) == ("invoice_paid", False)
    assert await till.count(received_payments) == 1
    assert await till.balance_minor() == 500
    await till.check_books()


async def test_a_closed_invoice_takes_none(till: Till) -> None:
    owing = await till.owing()
    await till.void(owing)
    assert refusal(await till.receive(owing, 100)) == ("invoice_not_open", False)


async def test_a_payment_that_waits_for_its_customer_is_stopped_first(till: Till) -> None:
    waiting = await authenticating(till)

    after = await till.after_receiving(waiting, 3000)

    payment = await till.gateway.read_payment(await till.payment_id())
    assert payment.status is PaymentStatus.CANCELED
    [invoice] = after.open_invoices
    assert (invoice.action_url, invoice.next_attempt_at) == (None, None)
    await till.save_card("pm_card_visa")
    insisting = settlement.pay_now(after, DUE_AT, customer_present=True)
    assert isinstance((await till.collect(insisting)).outcome, Paid)
    assert (await till.attempt(2)).amount.amount_minor == 5000
    assert till.taken_minor() == 5000
    await till.check_books()


async def test_a_payment_at_its_bank_refuses_another(till: Till) -> None:
    owing = await till.owing("pm_usBankAccount_success")
    processing = await till.after_collecting(owing)
    assert isinstance((await till.attempt()).outcome, Processing)

    assert refusal(await till.receive(processing, OWED)) == ("payment_under_way", True)
    till.gateway.settle(await till.payment_id(), succeeds=True)
    assert refusal(await till.receive(processing, OWED)) == ("invoice_paid", True)

    assert isinstance((await till.collect(processing)).outcome, Paid)
    assert await till.count(received_payments) == 0
    await till.check_books()


async def test_what_cannot_be_stopped_in_an_outage_refuses_it(till: Till) -> None:
    waiting = await authenticating(till)
    till.gateway.outages.plan(Operation.CANCEL_PAYMENT, Outage.LOST_REQUEST)
    assert refusal(await till.receive(waiting, OWED)) == ("payment_under_way", False)
    assert isinstance(await till.receive(waiting, OWED), PaymentReceived)
    assert till.taken_minor() == 0


async def test_an_attempt_without_a_payment_goes_on_with_what_is_left(till: Till) -> None:
    owing = await till.owing()
    async with transactions(till.engine)() as tx:
        method_id = (await tx.customers.get("cus_1")).default_payment_method_id
    assert method_id is not None
    await till.gateway.detach_payment_method(method_id, key="detach")
    with pytest.raises(GatewayRefused):
        await till.collect(owing)
    await till.save_card("pm_card_visa")
    assert (await till.attempt()).amount.amount_minor == OWED

    after = await till.after_receiving(owing, 3000)

    assert isinstance((await till.collect(after)).outcome, Paid)
    assert (till.taken_minor(), (await till.attempt()).amount.amount_minor) == (5000, 5000)
    await till.check_books()


async def test_whoever_creates_a_payment_of_more_meanwhile_is_not_allowed_to_take_it(
    till: Till,
) -> None:
    async def meanwhile() -> None:
        if not await till.count(received_payments):
            await till.receive(owing, 3000)

    slow = replace(till, gateway=SlowCreation(meanwhile))
    await slow.open_gateway()
    owing = await slow.owing()
    with pytest.raises(GatewayBusy):
        await slow.collect(owing)

    assert isinstance((await slow.collect(owing)).outcome, Paid)
    assert slow.taken_minor() == 5000
    await till.check_books()


async def test_fifty_transfers_at_once_pay_an_invoice_once(till: Till) -> None:
    owing = await till.owing()

    outcomes = await asyncio.gather(
        *(till.receive(owing, 300, reference=f"R-{number}") for number in range(50))
    )

    taken = [each for each in outcomes if isinstance(each, PaymentReceived)]
    assert {refusal(each) for each in outcomes if each not in taken} == {("invoice_paid", False)}
    assert len(taken) == 27
    assert await received_minor(till) == OWED
    assert await till.balance_minor() == 27 * 300 - OWED
    assert await till.invoice_status() == "paid"
    await till.check_books()


async def test_a_transfer_in_the_instant_of_an_attempt_leaves_nothing_paid_twice(
    till: Till,
) -> None:
    owing = await till.owing()

    outcomes = await asyncio.gather(
        till.collect(owing), till.receive(owing, 3000), return_exceptions=True
    )

    unexpected = [e for e in outcomes if isinstance(e, BaseException)]
    assert all(isinstance(each, GatewayBusy | GatewayRefused) for each in unexpected)
    if await till.invoice_status() == "open":
        await till.collect(await _later(till, owing))
    assert await received_minor(till) + till.taken_minor() == OWED
    await till.check_books()


async def _later(till: Till, owing: SubscriptionState) -> SubscriptionState:
    """As the next attempt finds it: whatever was stopped was one."""
    made = (await till.attempt()).outcome
    number = 1 if isinstance(made, Declined | ActionRequired) else 0
    [invoice] = owing.open_invoices
    later = invoice.model_copy(update={"attempts_made": number})
    return owing.model_copy(update={"open_invoices": (later,)})


async def test_what_was_received_of_a_void_invoice_becomes_balance(till: Till) -> None:
    after = await till.after_receiving(await till.owing(), 3000)

    await till.void(after)
    await till.void(after)

    assert (await till.invoice_status(), await till.balance_minor()) == ("void", 3000)
    await till.check_books()


async def test_of_a_bad_debt_only_the_rest_is_lost(till: Till) -> None:
    after = await till.after_receiving(await till.owing(), 3000)

    lost = closing.invoice_uncollectible(after, after.open_invoices[0].invoice_id)
    await till.collection.void_invoices(VoidInvoices(state=lost, now=DUE_AT))

    assert (await till.invoice_status(), await till.balance_minor()) == ("uncollectible", 0)
    await till.check_books()


async def written_off(till: Till) -> tuple[SubscriptionState, str]:
    """Nothing of $80.00 was paid, and nobody expects it."""
    owing = await till.owing()
    invoice_id = owing.open_invoices[0].invoice_id
    lost = closing.invoice_uncollectible(owing, invoice_id)
    request = VoidInvoices(state=lost, now=DUE_AT)
    assert refusal(await till.receive(lost, OWED)) == ("invoice_not_open", False)
    await till.collection.void_invoices(request)
    assert refusal(await till.receive(lost, OWED)) == ("invoice_not_open", False)
    after = closing.invoices_closed(
        lost, closed=(invoice_id,), processing=(), lost=(invoice_id,), now=DUE_AT
    )
    return after, invoice_id


async def test_a_bad_debt_is_paid_after_all_in_parts_and_the_excess_is_balance(
    till: Till,
) -> None:
    after, debt = await written_off(till)

    part = await till.receive(after, 3000, invoice_id=debt)
    again = await till.receive(after, 3000, invoice_id=debt, command_id="cmd_b")

    assert isinstance(part, PaymentReceived)
    assert again == PaymentKnown(payment=part.payment)
    assert (await till.invoice_status(), part.payment.left.amount_minor) == ("uncollectible", 5000)
    await till.check_books()
    rest = await till.receive(after, 6000, reference="R-2", invoice_id=debt)
    assert isinstance(rest, PaymentReceived)
    assert (await till.invoice_status(), await till.balance_minor()) == ("paid", 1000)
    late = await till.receive(after, 1, reference="R-3", invoice_id=debt)
    assert refusal(late) == ("invoice_paid", False)
    assert await till.count(journal_entries) == 4
    events = await till.event_types()
    assert (events.count("invoice.payment_received"), events.count("invoice.paid")) == (2, 1)
    assert await till.count(audit_log, command="record_payment") == 2
    await till.check_books()


async def test_what_an_end_promised_of_a_debt_is_given_back_once_it_is_paid_after_all(
    till: Till,
) -> None:
    after, debt = await written_off(till)
    period = after.running_period
    half = Period(start=period.start + period.length / 2, end=period.end)
    promise = PromisedBack(cause="cmd_end", unused=UnusedPart.CREDIT, part=half)
    ended = lifecycle.ended(after, EndReason.REQUESTED, DUE_AT, promised_back=promise)
    for reference, minor, balance in (("R-1", 3000, 0), ("R-2", 5100, 4100), ("R-2", 5100, 4100)):
        request = till.request(ended, minor, reference=reference, invoice_id=debt)
        async with transactions(till.engine)() as tx:
            await received_after_the_end(tx, request)
        assert await till.balance_minor() == balance
        await till.check_books()
    assert await till.count(credit_notes) == 1


async def test_fifty_transfers_at_once_recover_a_debt_once(till: Till) -> None:
    after, debt = await written_off(till)

    outcomes = await asyncio.gather(
        *(
            till.receive(
                after, 2000, reference=f"R-{n % 5}", command_id=f"cmd_{n}", invoice_id=debt
            )
            for n in range(50)
        )
    )

    taken = [each for each in outcomes if isinstance(each, PaymentReceived)]
    known = [each for each in outcomes if isinstance(each, PaymentKnown)]
    refused = {refusal(e) for e in outcomes if isinstance(e, PaymentNotTaken)}
    assert (len(taken), len(known), refused) == (4, 36, {("invoice_paid", False)})
    assert (await received_minor(till), await till.balance_minor()) == (OWED, 0)
    assert await till.invoice_status() == "paid"
    await till.check_books()


async def test_a_bad_debt_becomes_paid_by_what_was_received_alone(till: Till) -> None:
    after, debt = await written_off(till)
    await till.receive(after, 3000, invoice_id=debt)
    for statement, message in (
        ("UPDATE invoices SET status = 'open', uncollectible_at = NULL", "is finalised"),
        ("UPDATE invoices SET paid_minor = 2999", "is finalised"),
        ("UPDATE invoices SET uncollectible_at = now()", "is finalised"),
        ("UPDATE invoices SET paid_minor = 3001", "of which 3000 was received"),
        (
            "UPDATE invoices SET paid_minor = 8000, status = 'paid', paid_at = now()",
            "of which 3000 was received",
        ),
        (
            "UPDATE invoices SET status = 'paid', paid_at = now(), uncollectible_at = NULL",
            "is finalised",
        ),
        (_ANOTHER, "of which 6000 was received"),
    ):
        with pytest.raises((IntegrityError, BooksBroken), match=message):
            async with till.engine.begin() as connection:
                await connection.execute(text(statement))


async def test_what_is_too_little_to_collect_is_lost_at_the_end_and_the_rest_is_kept(
    till: Till,
) -> None:
    declined = await till.after_collecting(await till.owing(card=None))
    after = await till.after_receiving(declined, OWED - 49)

    assert after.status is SubscriptionStatus.ACTIVE
    [left] = after.open_invoices
    assert (left.amount.amount_minor, left.next_attempt_at) == (49, None)
    await till.void(after)
    assert (await till.invoice_status(), await till.balance_minor()) == ("uncollectible", 0)
    await till.check_books()


async def test_what_came_for_a_checkout_that_expired_is_kept_for_the_customer(till: Till) -> None:
    begun = subscription().model_copy(
        update={
            "status": SubscriptionStatus.INCOMPLETE,
            **dict.fromkeys(("period", "period_number", "anchor_at")),
        }
    )
    after = await till.after_receiving(await till.billed(begun), OWED - 49)

    expired = lifecycle.ended(after, EndReason.CHECKOUT_EXPIRED, DUE_AT)
    await till.collection.void_invoices(VoidInvoices(state=expired, now=DUE_AT))

    assert (await till.invoice_status(), await till.balance_minor()) == ("void", OWED - 49)
    await till.check_books()


async def test_what_a_card_paid_goes_back_to_it_and_the_rest_to_the_balance(till: Till) -> None:
    after = await till.after_receiving(await till.owing(), 3000)
    await till.collect(after)
    async with transactions(till.engine)() as tx:
        settled = await tx.invoices.settled(after.open_invoices[0].invoice_id)
    assert (settled.card_left.amount_minor, settled.left.amount_minor) == (5000, OWED)
    assert settled.by_balance.amount_minor == 3000


async def test_the_database_keeps_what_was_received(till: Till) -> None:
    await till.receive(await till.owing(), 3000)
    for statement, message in (
        ("UPDATE received_payments SET applied_minor = 1", "append-only"),
        ("DELETE FROM received_payments", "append-only"),
        ("UPDATE invoices SET paid_minor = 2999", "is finalised"),
        ("UPDATE invoices SET paid_minor = 3001", "of which 3000 was received"),
        (
            "UPDATE invoices SET paid_minor = 4000, status = 'void', voided_at = now()",
            "of which 3000 was received",
        ),
        (
            _ANOTHER,
            "of which 6000 was received",
        ),
    ):
        with pytest.raises((IntegrityError, BooksBroken), match=message):
            async with till.engine.begin() as connection:
                await connection.execute(text(statement))
    assert await till.count(invoices, paid_minor=3000) == 1
