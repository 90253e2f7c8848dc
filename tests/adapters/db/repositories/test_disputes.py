"""Disputes: they move forward to one end, and keep the amount that was withdrawn."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from billing.dispute import DisputeState
from tests.adapters.db.company import START, draft, open_shop, sell, subscribe
from tests.adapters.db.reversals import dispute, usd

_CLOSED = (DisputeState.WON, DisputeState.LOST)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        await sell(tx, draft())


@pytest.mark.parametrize("end", _CLOSED)
async def test_a_dispute_is_stored_and_replaced_as_it_moves_forward(
    transaction: Transactions, end: DisputeState
) -> None:
    """An inquiry may become a dispute of another amount, opened later."""
    inquiry = dispute(draft(), 100, state=DisputeState.INQUIRY)
    opened = dispute(draft()).model_copy(update={"opened_at": START + timedelta(days=1)})
    closed = opened.model_copy(
        update={"state": end, "reason": "general", "closed_at": START + timedelta(days=9)}
    )
    async with transaction() as tx:
        assert await tx.disputes.get(inquiry.id) is None
        for step in (inquiry, opened, closed, closed):
            await tx.disputes.put(step)
            assert await tx.disputes.get(inquiry.id) == step


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DisputeState.OPEN, DisputeState.INQUIRY),
        (DisputeState.WON, DisputeState.OPEN),
        (DisputeState.LOST, DisputeState.INQUIRY),
        (DisputeState.WON, DisputeState.LOST),
        (DisputeState.LOST, DisputeState.WON),
    ],
)
async def test_a_dispute_never_goes_back_and_ends_once(
    transaction: Transactions, before: DisputeState, after: DisputeState
) -> None:
    async with transaction() as tx:
        await tx.disputes.put(dispute(draft(), state=before))
    with pytest.raises(IntegrityError, match="does not go back"):
        async with transaction() as tx:
            await tx.disputes.put(dispute(draft(), state=after))


@pytest.mark.parametrize(
    "change", [{"amount": usd(7999)}, {"opened_at": START + timedelta(days=1)}]
)
async def test_what_was_withdrawn_and_when_is_not_replaced(
    transaction: Transactions, change: dict[str, object]
) -> None:
    async with transaction() as tx:
        await tx.disputes.put(dispute(draft()))
    with pytest.raises(IntegrityError, match="may change"):
        async with transaction() as tx:
            await tx.disputes.put(dispute(draft()).model_copy(update=change))


async def test_a_closed_dispute_was_closed_at_some_time(transaction: Transactions) -> None:
    for wrong in (
        dispute(draft(), state=DisputeState.WON).model_copy(update={"closed_at": None}),
        dispute(draft()).model_copy(update={"closed_at": START}),
    ):
        with pytest.raises(IntegrityError, match="disputes_closed_check"):
            async with transaction() as tx:
                await tx.disputes.put(wrong)


@pytest.mark.parametrize("statement", ["DELETE FROM disputes", "TRUNCATE disputes"])
async def test_a_dispute_is_never_removed(
    transaction: Transactions, engine: AsyncEngine, statement: str
) -> None:
    async with transaction() as tx:
        await tx.disputes.put(dispute(draft()))
    with pytest.raises(DBAPIError, match="append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))
