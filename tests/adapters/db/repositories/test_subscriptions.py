"""Subscriptions: the highest revision stays, one live place and one trial per family."""

import asyncio
import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.tables.customer import customers
from adapters.db.tables.subscription import subscriptions
from adapters.db.tables.test_clock import test_clocks as clocks
from billing.catalog import PauseMode
from billing.commands import cancel_at_period_end, cancel_now
from billing.errors import NotFound
from billing.ports.storage import Claim
from billing.subscription import Pause, PendingChange, SubscriptionState, SubscriptionStatus
from tests.adapters.db.company import PERIOD, START, open_shop, subscribe, subscription, terms


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=2)


async def _stored(engine: AsyncEngine, subscription_id: str = "sub_1") -> SubscriptionState:
    async with engine.connect() as connection:
        state = await connection.scalar(
            select(subscriptions.c.state).where(subscriptions.c.id == subscription_id)
        )
    return SubscriptionState.model_validate(state)


async def test_a_state_is_stored_whole_and_findable(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    state = cancel_at_period_end(subscription(), START + timedelta(days=1))
    async with transaction() as tx:
        assert await tx.subscriptions.save(state) == 2
    assert await _stored(engine) == state
    async with engine.connect() as connection:
        row = (await connection.execute(select(subscriptions))).one()
    assert (row.customer_id, row.product_id, row.family) == ("cus_1", "team", "plan")
    assert (row.price_id, row.price_version, row.quantity) == ("team_monthly", 1, 5)
    assert (row.status, row.currency, row.revision) == ("active", "USD", 2)
    assert (row.period_start, row.period_end) == (PERIOD.start, PERIOD.end)
    assert row.cancel_at == row.next_action_at == PERIOD.end
    assert row.next_action_kind == "cancel"
    assert (row.trial_end, row.ended_at, row.test_clock_id) == (None, None, None)
    assert (row.pending_change_at, row.resumes_at) == (None, None)
    assert row.metadata == {}


async def test_what_waits_for_its_time_is_findable(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    resumes_at = START + timedelta(days=5)
    change = PendingChange(change_id="chg_1", target=terms(3), at=PERIOD.end, requested_at=START)
    pause = Pause(mode=PauseMode.VOID, paused_at=START, resumes_at=resumes_at)
    paused = subscription(2, customer_number=2).changed(
        status=SubscriptionStatus.PAUSED, pause=pause
    )
    await subscribe(engine, subscription().changed(pending_change=change), paused)
    async with engine.connect() as connection:
        found = await connection.execute(
            select(subscriptions.c.pending_change_at, subscriptions.c.resumes_at).order_by(
                subscriptions.c.id
            )
        )
        assert [tuple(row) for row in found] == [(PERIOD.end, None), (None, resumes_at)]
    async with transaction() as tx:
        await tx.subscriptions.save(subscription().model_copy(update={"revision": 9}))
        cleared = select(subscriptions.c.pending_change_at).where(subscriptions.c.id == "sub_1")
        assert await tx.connection.scalar(cleared) is None


async def test_an_older_state_is_not_stored(transaction: Transactions, engine: AsyncEngine) -> None:
    newer = cancel_at_period_end(subscription(), START)
    async with transaction() as tx:
        assert await tx.subscriptions.save(newer) == 2
        assert await tx.subscriptions.save(subscription()) == 2
    assert await _stored(engine) == newer


async def test_another_state_of_the_same_revision_is_told_that_it_is_not_stored(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    before_the_reset = cancel_at_period_end(subscription(), START)
    after_it = cancel_now(subscription(), START)
    async with transaction() as tx:
        assert await tx.subscriptions.save(before_the_reset) == 2
        assert await tx.subscriptions.save(before_the_reset) == 2
        assert await tx.subscriptions.save(after_it) == 3
        assert await tx.subscriptions.save(after_it.model_copy(update={"revision": 4})) == 4
    assert (await _stored(engine)).status == "canceled"


async def test_saving_keeps_what_is_not_the_workflows(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            insert(clocks).values(id="clock_1", frozen_at=START, status="ready", created_at=START)
        )
        await connection.execute(update(customers).values(test_clock_id="clock_1"))
    async with transaction() as tx:
        await tx.subscriptions.save(subscription())
        await tx.subscriptions.set_metadata("sub_1", {"team": "a"})
        await tx.subscriptions.save(cancel_now(subscription(), START))
        with pytest.raises(NotFound):
            await tx.subscriptions.set_metadata("sub_2", {})
    async with engine.connect() as connection:
        row = (await connection.execute(select(subscriptions))).one()
    assert (row.metadata, row.test_clock_id) == ({"team": "a"}, "clock_1")
    assert (row.status, row.ended_at, row.next_action_at) == ("canceled", START, None)


async def test_of_concurrent_revisions_the_highest_stays(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    revisions = [*range(1, 31)] * 2
    random.Random(7).shuffle(revisions)  # noqa: S311 - an order, not a secret

    async def save(revision: int) -> int:
        async with transaction() as tx:
            state = subscription().model_copy(update={"revision": revision})
            return await tx.subscriptions.save(state)

    answers = await asyncio.gather(*(save(revision) for revision in revisions))
    assert all(known >= given for known, given in zip(answers, revisions, strict=True))
    assert (await _stored(engine)).revision == 30


async def test_a_live_place_is_held_by_one_until_it_is_given_back(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await subscribe(engine, *(subscription(number) for number in (1, 2, 3)))
    async with transaction() as tx:
        claim = tx.subscriptions.claim
        assert await claim(subscription(1), with_trial=True) is Claim.GRANTED
        assert await claim(subscription(1), with_trial=True) is Claim.GRANTED
        assert await claim(subscription(2), with_trial=False) is Claim.FAMILY_TAKEN
        await tx.subscriptions.release("sub_1")
        await tx.subscriptions.release("sub_1")
        assert await claim(subscription(2), with_trial=True) is Claim.TRIAL_USED
        assert await claim(subscription(3), with_trial=False) is Claim.GRANTED


async def test_a_place_is_each_customers_own(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await subscribe(engine, subscription(1), subscription(2, customer_number=2))
    async with transaction() as tx:
        first = await tx.subscriptions.claim(subscription(1), with_trial=True)
        second = await tx.subscriptions.claim(subscription(2, customer_number=2), with_trial=True)
    assert first is second is Claim.GRANTED


async def test_a_claim_that_is_rolled_back_takes_nothing(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await subscribe(engine, subscription(1), subscription(2))

    async def fail() -> None:
        async with transaction() as tx:
            await tx.subscriptions.claim(subscription(1), with_trial=True)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with transaction() as tx:
        assert await tx.subscriptions.claim(subscription(2), with_trial=True) is Claim.GRANTED


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(with_trial=st.booleans(), contenders=st.integers(2, 12))
async def test_of_concurrent_claims_one_wins(
    transaction: Transactions, engine: AsyncEngine, *, with_trial: bool, contenders: int
) -> None:
    customer_id = f"cus_c{contenders}{with_trial}"
    async with engine.begin() as connection:
        await connection.execute(
            insert(customers).from_select(
                ["id", "email", "created_at"],
                select(
                    customers.c.id + customer_id, customers.c.email, customers.c.created_at
                ).where(customers.c.id == "cus_1"),
            )
        )
    owner = f"cus_1{customer_id}"
    states = [
        subscription().model_copy(
            update={"subscription_id": f"sub_{owner}_{number}", "customer_id": owner}
        )
        for number in range(contenders)
    ]
    await subscribe(engine, *states)

    async def claim(state: SubscriptionState) -> Claim:
        async with transaction() as tx:
            return await tx.subscriptions.claim(state, with_trial=with_trial)

    answers = await asyncio.gather(*(claim(state) for state in states))
    assert sorted(answers) == [Claim.FAMILY_TAKEN] * (contenders - 1) + [Claim.GRANTED]
    winner = states[answers.index(Claim.GRANTED)]
    async with transaction() as tx:
        await tx.subscriptions.release(winner.subscription_id)
