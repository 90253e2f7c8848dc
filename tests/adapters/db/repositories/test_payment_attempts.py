"""Payment attempts: replaced while open, unchanged once final."""

from datetime import timedelta

import pytest
from asyncpg import UniqueViolationError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.transaction import SqlTransaction
from billing.decline import Decline
from billing.invoice import InvoiceDraft
from billing.money import Money
from billing.payment import (
    ActionRequired,
    AlreadyClosed,
    CollectionOutcome,
    Declined,
    NoPaymentMethod,
    Paid,
    Processing,
)
from billing.ports.books import EarlierAttempts, PaymentAttempt
from tests.adapters.db.company import START, draft, open_shop, subscribe

_AMOUNT = Money(amount_minor=8000, currency="USD")
_PAID = Paid(amount=_AMOUNT, paid_at=START)
_FINAL: list[CollectionOutcome] = [
    _PAID,
    Declined(decline=Decline(code="card_declined", decline_code="insufficient_funds")),
    NoPaymentMethod(),
    AlreadyClosed(),
]


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine, customer_count=2)
    await subscribe(engine)
    async with transaction() as tx:
        await tx.invoices.finalize(draft())


def _attempt(number: int = 1, outcome: CollectionOutcome | None = None) -> PaymentAttempt:
    return PaymentAttempt(
        invoice_id=draft().id,
        number=number,
        payment_method_id="pm_1",
        amount=_AMOUNT,
        started_at=START,
        attempted_at=START,
        payment_id=f"pi_{number}",
        outcome=outcome,
    )


async def test_an_attempt_is_replaced_while_it_is_open(transaction: Transactions) -> None:
    begun = _attempt().model_copy(update={"payment_id": None, "failed_creations": 2})
    waiting = _attempt(outcome=ActionRequired(url="https://bank.example/3ds"))
    async with transaction() as tx:
        assert await tx.attempts.get(draft().id, 1) is None
        for attempt in (begun, _attempt(), waiting, _attempt(outcome=_PAID)):
            await tx.attempts.put(attempt)
            assert await tx.attempts.get(draft().id, 1) == attempt


@pytest.mark.parametrize("final", _FINAL, ids=lambda outcome: outcome.kind)
async def test_a_final_outcome_never_changes(
    transaction: Transactions, final: CollectionOutcome
) -> None:
    async with transaction() as tx:
        await tx.attempts.put(_attempt(outcome=final))
        for outcome in (None, Processing(), *_FINAL):
            await tx.attempts.put(_attempt(outcome=outcome))
        assert await tx.attempts.get(draft().id, 1) == _attempt(outcome=final)


async def test_unfinished_attempts_are_those_that_might_take_money(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await tx.attempts.put(_attempt(6, Processing()))
        for number, outcome in enumerate(_FINAL, start=1):
            await tx.attempts.put(_attempt(number, outcome))
        await tx.attempts.put(_attempt(5))
        await tx.attempts.put(_attempt(7, ActionRequired(url="https://bank.example/3ds")))
        assert [a.number for a in await tx.attempts.unfinished(draft().id)] == [5, 6, 7]
        assert await tx.attempts.unfinished("in_other") == ()


async def test_a_payment_belongs_to_one_attempt(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.attempts.put(_attempt(1))
    with pytest.raises(UniqueViolationError, match="payment_attempts_payment_id_key"):
        async with transaction() as tx:
            await tx.attempts.put(_attempt(2).model_copy(update={"payment_id": "pi_1"}))


async def test_an_attempt_is_found_by_its_payment(transaction: Transactions) -> None:
    async with transaction() as tx:
        for number in (1, 2):
            await tx.attempts.put(_attempt(number))
        assert await tx.attempts.by_payment("pi_2") == _attempt(2)
        assert await tx.attempts.by_payment("pi_3") is None


async def _earlier(tx: SqlTransaction, invoice: InvoiceDraft) -> EarlierAttempts:
    record = await tx.invoices.get(invoice.id)
    assert record is not None
    return await tx.attempts.earlier(record, payment_method_id="pm_1", since=START)


async def test_the_attempts_of_an_invoice_come_in_the_order_of_their_numbers(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await tx.invoices.finalize(draft(1))
        for number in (2, 1):
            await tx.attempts.put(_attempt(number))
        await tx.attempts.put(
            _attempt().model_copy(update={"invoice_id": draft(1).id, "payment_id": "pi_9"})
        )
        assert (await _earlier(tx, draft())).of_invoice == (_attempt(1), _attempt(2))


_BEGUN = _attempt().model_copy(update={"payment_id": None})


async def test_the_payment_of_an_attempt_is_recorded_once_and_again_for_a_repetition(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        assert not await tx.attempts.start_payment(_attempt())
        await tx.attempts.put(_BEGUN)
        assert await tx.attempts.start_payment(_attempt())
        assert await tx.attempts.start_payment(_attempt())
        assert await tx.attempts.get(draft().id, 1) == _attempt()


@pytest.mark.parametrize(
    "recorded",
    [
        _BEGUN.model_copy(update={"failed_creations": 1}),
        _attempt().model_copy(update={"payment_id": "pi_other"}),
        _attempt(outcome=_PAID),
    ],
    ids=["another_request", "another_payment", "over"],
)
async def test_a_payment_is_refused_to_who_was_overtaken(
    transaction: Transactions, recorded: PaymentAttempt
) -> None:
    async with transaction() as tx:
        await tx.attempts.put(recorded)
        assert not await tx.attempts.start_payment(_attempt())
        assert await tx.attempts.get(draft().id, 1) == recorded


async def test_no_payment_is_made_of_an_invoice_that_is_closed(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.attempts.put(_BEGUN)
        await tx.invoices.mark_void(draft().id, voided_at=START)
        assert not await tx.attempts.start_payment(_attempt())


def _at(
    days: int, number: int, outcome: CollectionOutcome | None, **changes: object
) -> PaymentAttempt:
    attempted = {"attempted_at": START + timedelta(days=days)}
    return _attempt(number, outcome).model_copy(update=attempted | changes)


_DECLINED = Declined(decline=Decline(code="card_declined", decline_code="insufficient_funds"))


async def test_declines_of_a_customer_over_an_amount_are_counted_from_an_instant_on(
    transaction: Transactions,
) -> None:
    """In the subscription's time: when the machine tried says nothing on a test clock."""
    counted = [
        _at(0, 1, _DECLINED),
        _at(2, 2, _DECLINED),
        _at(1, 3, _DECLINED, started_at=START + timedelta(days=9), payment_method_id="pm_2"),
    ]
    theirs = draft(1).model_copy(update={"customer_id": "cus_2"})
    others = [
        _at(-1, 4, _DECLINED),
        _at(1, 5, _PAID),
        _at(1, 6, None),
        _at(1, 7, _DECLINED, amount=Money(amount_minor=8001, currency="USD")),
        _at(1, 8, _DECLINED, amount=Money(amount_minor=8000, currency="EUR")),
    ]
    async with transaction() as tx:
        for attempt in (*counted, *others):
            await tx.attempts.put(attempt)
        await tx.invoices.finalize(theirs)
        found = (await _earlier(tx, draft())).declined
        assert (await _earlier(tx, theirs)).declined == ()
    assert [attempt.number for attempt in found] == [2, 3, 1]
    assert found[0] == counted[1]


async def test_the_last_attempt_on_a_method_is_the_latest_that_came_to_an_outcome(
    transaction: Transactions,
) -> None:
    later = START + timedelta(hours=1)
    async with transaction() as tx:
        assert (await _earlier(tx, draft())).last_of_method is None
        for attempt in (
            _at(2, 1, _DECLINED),
            _at(1, 2, _PAID),
            _at(3, 3, None),
            _at(4, 4, _PAID, payment_method_id="pm_2"),
        ):
            await tx.attempts.put(attempt)
        last = (await _earlier(tx, draft())).last_of_method
        assert last is not None
        assert last.number == 1
        await tx.attempts.put(_at(2, 5, _PAID, started_at=later))
        same_instant = (await _earlier(tx, draft())).last_of_method
        assert same_instant is not None
        assert same_instant.number == 5
