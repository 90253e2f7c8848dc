"""Refunds: they move forward, and their money never changes."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from billing.refund import Refund, RefundState
from tests.adapters.db.company import START, draft, open_shop, sell, subscribe
from tests.adapters.db.reversals import note, refund, usd

_NOTES = tuple(note(draft(), 1000, to_card=1000, source=f"request:{n}") for n in range(3))
_PENDING, _LATER, _LAST = (refund(each) for each in _NOTES)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        await sell(tx, draft())
        for each in _NOTES:
            await tx.credit_notes.issue(each)


def _with(of: Refund = _PENDING, **changes: object) -> Refund:
    return of.model_copy(update=changes)


async def test_a_refund_is_stored_and_replaced_by_where_it_stands(
    transaction: Transactions,
) -> None:
    steps = (
        _PENDING,
        _with(started_at=START, failed_creations=2),
        _with(started_at=START, failed_creations=2, gateway_refund_id="re_1"),
        _with(gateway_refund_id="re_1", state=RefundState.SUCCEEDED),
        _with(gateway_refund_id="re_1", state=RefundState.FAILED, failure_reason="expired_card"),
    )
    async with transaction() as tx:
        assert await tx.refunds.get(_PENDING.id) is None
        for step in steps:
            await tx.refunds.put(step)
            await tx.refunds.put(step)
            assert await tx.refunds.get(_PENDING.id) == step


async def test_a_refund_made_elsewhere_is_marked(transaction: Transactions) -> None:
    external = _with(is_external=True, gateway_refund_id="re_9", state=RefundState.SUCCEEDED)
    async with transaction() as tx:
        await tx.refunds.put(external)
        assert await tx.refunds.by_gateway_id("re_9") == external
        assert await tx.refunds.by_gateway_id("re_1") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (RefundState.SUCCEEDED, RefundState.PENDING),
        (RefundState.FAILED, RefundState.PENDING),
        (RefundState.FAILED, RefundState.SUCCEEDED),
    ],
)
async def test_a_refund_never_goes_back(
    transaction: Transactions, before: RefundState, after: RefundState
) -> None:
    async with transaction() as tx:
        await tx.refunds.put(_with(state=before))
    with pytest.raises(IntegrityError, match="does not go back"):
        async with transaction() as tx:
            await tx.refunds.put(_with(state=after))


async def test_unfinished_refunds_are_the_pending_ones_oldest_first(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await tx.refunds.put(_with(requested_at=START + timedelta(days=2)))
        await tx.refunds.put(_with(_LATER, requested_at=START + timedelta(days=1)))
        await tx.refunds.put(_with(_LAST, state=RefundState.SUCCEEDED))
        assert await tx.refunds.unfinished() == (_LATER.id, _PENDING.id)


async def test_a_note_is_refunded_once(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.refunds.put(_PENDING)
    with pytest.raises(IntegrityError, match="refunds_credit_note_id_key"):
        async with transaction() as tx:
            await tx.refunds.put(_with(id="re_other"))


async def test_the_gateways_refund_is_one_of_ours(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.refunds.put(_with(gateway_refund_id="re_1"))
    with pytest.raises(IntegrityError, match="refunds_gateway_refund_id_key"):
        async with transaction() as tx:
            await tx.refunds.put(_with(_LATER, gateway_refund_id="re_1"))


async def test_putting_does_not_replace_the_money(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.refunds.put(_PENDING)
        await tx.refunds.put(_with(amount=usd(1), payment_id="pi_other", failed_creations=1))
        assert await tx.refunds.get(_PENDING.id) == _with(failed_creations=1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE refunds SET amount_minor = 1",
        "UPDATE refunds SET payment_id = 'pi_other'",
        "UPDATE refunds SET is_external = true",
        "DELETE FROM refunds",
        "TRUNCATE refunds",
    ],
)
async def test_the_database_refuses_another_refund_in_its_place(
    transaction: Transactions, engine: AsyncEngine, statement: str
) -> None:
    async with transaction() as tx:
        await tx.refunds.put(_PENDING)
    with pytest.raises(DBAPIError, match=r"append-only|may change"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))
