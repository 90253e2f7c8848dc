"""Subscriptions read: found by every filter, with what happened to them."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries import subscriptions as queries
from adapters.db.queries.subscriptions import SubscriptionFilter
from adapters.db.tables.customer import customers
from billing.commands import cancel_now
from billing.event import DomainEvent
from billing.lifecycle import period_billed
from billing.message import Message, MessageKind
from billing.money import Money
from billing.subscription import SubscriptionStatus
from tests.adapters.db.company import PERIOD, START, draft, open_shop, subscribe, subscription

_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine, customer_count=2)
    async with transaction() as tx:
        await tx.test_clocks.create(
            test_clock_id="clock_1", name=None, frozen_at=START, created_at=START
        )
    async with engine.begin() as connection:
        await connection.execute(
            update(customers).where(customers.c.id == "cus_2").values(test_clock_id="clock_1")
        )
    await subscribe(
        engine,
        subscription(1),
        cancel_now(subscription(2).model_copy(update={"created_at": START + _DAY}), START + _DAY),
        subscription(3, customer_number=2).model_copy(update={"created_at": START + 2 * _DAY}),
    )


async def test_subscriptions_are_found_by_every_filter(
    engine: AsyncEngine, subtests: pytest.Subtests
) -> None:
    cases: tuple[tuple[SubscriptionFilter, list[str]], ...] = (
        (SubscriptionFilter(), ["sub_3", "sub_2", "sub_1"]),
        (SubscriptionFilter(customer_id="cus_1"), ["sub_2", "sub_1"]),
        (SubscriptionFilter(status=SubscriptionStatus.CANCELED), ["sub_2"]),
        (SubscriptionFilter(product_id="team"), ["sub_3", "sub_2", "sub_1"]),
        (SubscriptionFilter(product_id="pro"), []),
        (SubscriptionFilter(price_id="team_monthly"), ["sub_3", "sub_2", "sub_1"]),
        (SubscriptionFilter(price_id="team_annual"), []),
        (SubscriptionFilter(test_clock_id="clock_1"), ["sub_3"]),
        (SubscriptionFilter(created_from=START + _DAY), ["sub_3", "sub_2"]),
        (SubscriptionFilter(created_before=START + _DAY), ["sub_1"]),
        (
            SubscriptionFilter(customer_id="cus_1", status=SubscriptionStatus.ACTIVE),
            ["sub_1"],
        ),
    )
    for where, found in cases:
        with subtests.test(where=where, found=found):
            async with reading(engine) as connection:
                page = await queries.page_of(connection, where, limit=10)
            assert [item.state.subscription_id for item in page.items] == found


async def test_a_subscription_is_read_with_its_surroundings(engine: AsyncEngine) -> None:
    async with reading(engine) as connection:
        found = await queries.get(connection, "sub_3")
        assert await queries.get(connection, "sub_9") is None
        assert await queries.state_of(connection, "sub_9") is None
        assert await queries.state_of(connection, "sub_1") == subscription(1)
    assert found is not None
    assert found.state.customer_id == "cus_2"
    assert (found.test_clock_id, found.metadata) == ("clock_1", {})


async def test_the_timeline_tells_the_latest_first(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        await tx.events.append(
            *(
                DomainEvent(
                    key=f"{number}:{subscription_id}",
                    type="subscription.renewed",
                    at=START + at * _DAY,
                    customer_id="cus_1",
                    subscription_id=subscription_id,
                    details={"number": number},
                )
                for number, at, subscription_id in (
                    (1, 5, "sub_1"),
                    (2, 1, "sub_1"),
                    (3, 5, "sub_1"),
                    (4, 5, "sub_2"),
                )
            )
        )
    async with reading(engine) as connection:
        first = await queries.timeline(connection, "sub_1", limit=2)
        rest = await queries.timeline(connection, "sub_1", cursor=first.next_cursor, limit=2)
    assert [entry.details["number"] for entry in first.items] == [3, 1]
    assert [entry.details["number"] for entry in rest.items] == [2]
    assert (rest.next_cursor, rest.items[0].type) == (None, "subscription.renewed")


async def test_a_clock_moves_what_is_not_finished(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    owing = period_billed(
        subscription(3, customer_number=2),
        number=1,
        period=PERIOD,
        anchor_at=START,
        invoice_id=draft().id,
        amount_due=Money(amount_minor=1, currency="USD"),
        due_at=START,
    )
    ended = cancel_now(owing, START)
    silent = ended.model_copy(update={"open_invoices": (), "revision": 8, "messages": ()})
    telling = Message(
        key="m",
        kind=MessageKind.SUBSCRIPTION_CANCELED,
        customer_id="cus_2",
        subscription_id="sub_3",
        product_name="Team",
        at=START,
    )
    for state, found in (
        (owing, ("sub_3",)),
        (ended, ("sub_3",)),
        (silent, ()),
        (silent.model_copy(update={"revision": 9, "messages": (telling,)}), ("sub_3",)),
    ):
        async with transaction() as tx:
            await tx.subscriptions.save(state)
        async with reading(engine) as connection:
            assert await queries.unfinished_on_clock(connection, "clock_1") == found


async def test_who_holds_the_place_and_who_used_the_trial(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with reading(engine) as connection:
        family = {"customer_id": "cus_1", "family": "plan"}
        assert await queries.live_in_family(connection, **family) is None
        assert not await queries.trial_is_used(connection, **family)
        async with transaction() as tx:
            await tx.subscriptions.claim(subscription(1), with_trial=True)
            assert await tx.subscriptions.charged_to("cus_1") == ("sub_1",)
            assert await tx.subscriptions.charged_to("cus_2") == ()
        assert await queries.live_in_family(connection, **family) == "sub_1"
        assert await queries.trial_is_used(connection, **family)
