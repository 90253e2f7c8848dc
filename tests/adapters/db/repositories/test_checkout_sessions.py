"""Checkout sessions: one page at a time, closed once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries import checkout_sessions as queries
from adapters.db.queries.checkout_sessions import CheckoutSession
from adapters.db.tables.checkout_session import CheckoutSessionStatus
from tests.adapters.db.company import START, open_shop

_SESSION = CheckoutSession(
    id="cs_1",
    subscription_id="sub_1",
    customer_id="cus_1",
    stripe_session_id=None,
    url=None,
    success_url="https://shop.example/done",
    cancel_url="https://shop.example/",
    status=CheckoutSessionStatus.OPEN,
    expires_at=START + timedelta(days=1),
    created_at=START,
)
_PAGE = "https://gateway.example/p1"


@pytest.fixture(autouse=True)
async def session(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine)
    async with transaction() as tx:
        assert await tx.checkout_sessions.create(_SESSION) == _SESSION


async def _get(engine: AsyncEngine) -> CheckoutSession:
    async with reading(engine) as connection:
        found = await queries.get(connection, "cs_1")
        assert found is not None
        assert await queries.of_subscription(connection, "sub_1") == found
        assert (await queries.page_of(connection, customer_id="cus_1", limit=2)).items == (found,)
        return found


async def test_a_session_is_recorded_once_and_gets_its_page_once(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        other = _SESSION.model_copy(update={"cancel_url": "https://other.example/"})
        assert await tx.checkout_sessions.create(other) == _SESSION
        at = _SESSION.expires_at
        for page, is_first in (("p1", True), ("p2", False)):
            assert is_first == await tx.checkout_sessions.set_page(
                "cs_1",
                stripe_session_id=page,
                url=f"https://gateway.example/{page}",
                expires_at=at,
            )
    stored = await _get(engine)
    assert (stored.stripe_session_id, stored.url, stored.is_open) == ("p1", _PAGE, True)


async def test_a_session_is_closed_once(transaction: Transactions, engine: AsyncEngine) -> None:
    async with transaction() as tx:
        sessions = tx.checkout_sessions
        await sessions.set_page(
            "cs_1", stripe_session_id="p1", url=_PAGE, expires_at=_SESSION.expires_at
        )
        assert await sessions.mark_complete("cs_1")
        assert not await sessions.mark_complete("cs_1")
        assert not await sessions.mark_expired("p1")
    assert (await _get(engine)).status is CheckoutSessionStatus.COMPLETE


async def test_a_refused_page_is_replaced_by_one_page(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.checkout_sessions.set_page(
            "cs_1", stripe_session_id="p1", url=_PAGE, expires_at=_SESSION.expires_at
        )
        await tx.checkout_sessions.mark_complete("cs_1")

    async def replace(page: str) -> bool:
        async with transaction() as tx:
            return await tx.checkout_sessions.replace_page(
                "cs_1", replaced="p1", by=page, url=f"https://gateway.example/{page}"
            )

    replaced = await asyncio.gather(replace("p2"), replace("p3"))
    assert sorted(replaced) == [False, True]
    stored = await _get(engine)
    assert stored.is_open
    assert stored.stripe_session_id in {"p2", "p3"}
    async with transaction() as tx:
        assert not await tx.checkout_sessions.mark_expired("p1")
        assert await tx.checkout_sessions.mark_expired(stored.stripe_session_id)
        locked = await tx.checkout_sessions.get_for_update("cs_1")
        assert await tx.checkout_sessions.get_for_update("cs_9") is None
    assert locked is not None
    assert locked.status is CheckoutSessionStatus.EXPIRED
