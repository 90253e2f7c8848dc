"""Entitlements, stored: they follow the recorded state and nothing older, and tell what changed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.queries import entitlements as queries
from adapters.db.repositories.entitlements import Grant
from adapters.db.tables.customer import customers
from adapters.db.tables.domain_event import domain_events
from adapters.db.tables.entitlement import features
from adapters.db.tables.test_clock import test_clocks as clocks
from billing.actor import Actor, ActorKind
from billing.catalog import Catalog, Product
from billing.commands import cancel_now
from billing.entitlement import Combine, Entitlement, Limit, combined
from billing.errors import Conflict, NotFound
from billing.subscription import Clock, SubscriptionState, SubscriptionStatus
from tests.adapters.db.company import START, TEAM, open_shop, subscription, terms

LATER = START + timedelta(days=3650)
SSO = Entitlement(feature="single_sign_on")


def _users(amount: int | None, combine: Combine = Combine.HIGHEST) -> Entitlement:
    limit = Limit(amount=amount, unit="user", per_unit=True, combine=combine)
    return Entitlement(feature="users", limit=limit)


def _sold(
    *given: Entitlement, number: int = 1, revision: int = 1, quantity: int = 5
) -> SubscriptionState:
    sold = terms(quantity).model_copy(update={"entitlements": given})
    return subscription(number).model_copy(update={"terms": sold, "revision": revision})


def _grant(number: int = 1, *, amount: int = 3, days: int | None = None) -> Grant:
    limit = Limit(amount=amount, unit="user", combine=Combine.SUM)
    return Grant(
        id=f"grant_{number}",
        customer_id="cus_1",
        entitlement=Entitlement(feature="users", limit=limit),
        until=None if days is None else START + timedelta(days=days),
        reason="asked for it",
        actor=Actor(kind=ActorKind.OPERATOR, id="ops"),
        created_at=START,
    )


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    """Its customers live on a clock, so that time is what the test says."""
    await open_shop(engine, customer_count=2)
    async with engine.begin() as connection:
        await connection.execute(insert(features), [{"id": "users", "unit": "user"}])
        await connection.execute(
            insert(clocks).values(id="clock_1", frozen_at=START, status="ready", created_at=START)
        )
        await connection.execute(update(customers).values(test_clock_id="clock_1"))


async def _has(engine: AsyncEngine, customer_id: str = "cus_1") -> dict[str, int | str]:
    found = await queries.of_customer(engine, customer_id)
    assert found is not None
    return {each.feature: each.extent for each in combined(g.entitlement for g in found.given)}


async def _told(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        found = await connection.scalars(
            select(domain_events.c.details)
            .where(domain_events.c.type == "entitlements.changed")
            .order_by(domain_events.c.id)
        )
        return list(found)


async def test_what_a_subscription_gives_follows_its_stored_state(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    assert await _has(engine) == {}
    async with transaction() as tx:
        await tx.subscriptions.save(_sold(_users(2), SSO))
    assert await _has(engine) == {"users": 10, "single_sign_on": "included"}
    async with transaction() as tx:
        await tx.subscriptions.save(_sold(_users(2), SSO, revision=2, quantity=7))
    assert await _has(engine) == {"users": 14, "single_sign_on": "included"}
    async with transaction() as tx:
        unpaid = _sold(_users(2), SSO, revision=3).model_copy(
            update={"status": SubscriptionStatus.UNPAID}
        )
        await tx.subscriptions.save(unpaid)
    assert await _has(engine) == {}
    assert await _told(engine) == [
        {
            "source": "sub_1",
            "users.before": None,
            "users.after": 10,
            "single_sign_on.before": None,
            "single_sign_on.after": "included",
        },
        {"source": "sub_1", "users.before": 10, "users.after": 14},
        {
            "source": "sub_1",
            "users.before": 14,
            "users.after": None,
            "single_sign_on.before": "included",
            "single_sign_on.after": None,
        },
    ]


async def test_an_older_state_gives_nothing_back(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    active = _sold(_users(2))
    async with transaction() as tx:
        await tx.subscriptions.save(active)
        await tx.subscriptions.save(cancel_now(active, START))
        await tx.subscriptions.save(active)
        same_revision = active.model_copy(update={"revision": 2})
        assert await tx.subscriptions.save(same_revision) == 3
    assert await _has(engine) == {}
    assert len(await _told(engine)) == 2


async def test_what_leaves_everything_as_it_was_is_not_told(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        for revision in range(1, 4):
            await tx.subscriptions.save(_sold(_users(2), revision=revision))
        past_due = _sold(_users(2), revision=4).model_copy(
            update={"status": SubscriptionStatus.PAST_DUE}
        )
        await tx.subscriptions.save(past_due)
        await tx.subscriptions.save(_sold(_users(1), number=2))
    assert await _has(engine) == {"users": 10}
    assert len(await _told(engine)) == 1


async def test_an_event_bears_the_time_of_the_subscriptions_clock(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    arrived = START + timedelta(days=40)
    async with transaction() as tx:
        await tx.subscriptions.save(
            _sold(SSO).model_copy(update={"clock": Clock(frozen_at=arrived)})
        )
    async with engine.connect() as connection:
        assert await connection.scalar(select(domain_events.c.at)) == arrived


async def test_concurrent_changes_of_one_customer_tell_a_chain(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async def save(number: int) -> None:
        async with transaction() as tx:
            await tx.subscriptions.save(_sold(_users(1, Combine.SUM), number=number))

    await asyncio.gather(*(save(number) for number in range(1, 9)))
    told = await _told(engine)
    assert [each["users.before"] for each in told] == [None, *range(5, 40, 5)]
    assert [each["users.after"] for each in told] == [*range(5, 45, 5)]


async def test_a_grant_comes_on_top_until_its_time_and_its_end_is_told_once(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.subscriptions.save(_sold(_users(2)))
        await tx.entitlements.grant(_grant(days=10))
        await tx.entitlements.grant(_grant(days=10))
        assert await tx.entitlements.end_expired_grants(limit=10) == 0
    assert await _has(engine) == {"users": 13}
    async with engine.begin() as connection:
        await connection.execute(update(clocks).values(frozen_at=START + timedelta(days=10)))
    assert await _has(engine) == {"users": 10}
    async with transaction() as tx:
        assert await tx.entitlements.end_expired_grants(limit=10) == 1
        assert await tx.entitlements.end_expired_grants(limit=10) == 0
    assert await _has(engine) == {"users": 10}
    assert [each["users.after"] for each in await _told(engine)] == [10, 13, 10]


async def test_a_grant_is_revoked_once(transaction: Transactions, engine: AsyncEngine) -> None:
    async with transaction() as tx:
        await tx.entitlements.grant(_grant())
    assert await _has(engine) == {"users": 3}
    assert await _has(engine, "cus_2") == {}
    async with transaction() as tx:
        with pytest.raises(NotFound):
            await tx.entitlements.end_grant("cus_2", "grant_1", at=START)
        await tx.entitlements.end_grant("cus_1", "grant_1", at=START)
        with pytest.raises(Conflict):
            await tx.entitlements.end_grant("cus_1", "grant_1", at=LATER)
    assert await _has(engine) == {}


async def test_a_feature_keeps_its_meaning_for_ever(transaction: Transactions) -> None:
    def catalog(*given: Entitlement) -> Catalog:
        team = Product(id="team", name="Team", family="plan", entitlements=given)
        return Catalog(products=(team,), prices=(TEAM,))

    async with transaction() as tx:
        await tx.catalog.put_on_sale(catalog(SSO, _users(2)))
    async with transaction() as tx:
        await tx.catalog.put_on_sale(catalog())
        assert await tx.entitlements.unit_of("single_sign_on") is None
        assert await tx.entitlements.unit_of("users") == "user"
    for changed in (
        Entitlement(feature="users"),
        Entitlement(feature="users", limit=Limit(amount=1, unit="seat")),
    ):
        with pytest.raises(Conflict) as refused:
            async with transaction() as tx:
                await tx.catalog.put_on_sale(catalog(changed))
        assert refused.value.code == "feature_immutable"
