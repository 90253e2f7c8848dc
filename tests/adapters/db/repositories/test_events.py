"""Domain events: written once per key, never changed, marked as delivered."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.tables.domain_event import domain_events
from billing.event import DomainEvent
from tests.adapters.db.company import START, open_shop, subscribe


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine)
    await subscribe(engine)


def _event(key: str, **details: str | int | None) -> DomainEvent:
    return DomainEvent(
        key=key,
        type="subscription.activated",
        at=START,
        customer_id="cus_1",
        subscription_id="sub_1",
        details=details,
    )


async def test_an_event_is_written_once_per_key_in_order(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.events.append()
        await tx.events.append(_event("a", seats=5), _event("b"), _event("a", seats=6))
    async with transaction() as tx:
        await tx.events.append(_event("c", note=None), _event("b", seats=1))
    async with engine.connect() as connection:
        rows = (await connection.execute(select(domain_events).order_by("id"))).all()
    assert [(row.key, row.details) for row in rows] == [
        ("a", {"seats": 5}),
        ("b", {}),
        ("c", {"note": None}),
    ]
    assert rows[0].at == START


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE domain_events SET type = 'other'",
        "DELETE FROM domain_events",
        "TRUNCATE domain_events",
    ],
)
async def test_events_are_append_only(
    transaction: Transactions, engine: AsyncEngine, change: str
) -> None:
    async with transaction() as tx:
        await tx.events.append(_event("a"))
    with pytest.raises(DBAPIError, match=r"append-only|only be marked as delivered"):
        async with engine.begin() as connection:
            await connection.execute(text(change))


async def test_an_event_can_be_marked_as_delivered(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.events.append(_event("a"))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE domain_events SET delivered_at = now()"))
        [row] = await connection.execute(select(domain_events))
        assert row.delivered_at is not None
