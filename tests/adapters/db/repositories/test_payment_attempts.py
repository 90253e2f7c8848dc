"""Payment attempts: replaced while open, unchanged once final."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from billing.decline import Decline
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
from billing.ports.storage import PaymentAttempt
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
    await open_shop(engine)
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
        with pytest.raises(IntegrityError, match="payment_attempts_payment_id_key"):
            await tx.attempts.put(_attempt(2).model_copy(update={"payment_id": "pi_1"}))
