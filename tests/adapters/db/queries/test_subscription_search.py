"""What operators find in the database is what Temporal's search attributes say."""

from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries import audit, subscription_search
from adapters.db.queries.subscription_search import SubscriptionSearch
from billing.actor import Actor, ActorKind
from billing.subscription import SubscriptionState, SubscriptionStatus
from tests.adapters.db.company import START, open_shop, subscribe
from tests.workflows.situations import SITUATIONS
from workflows.search_attributes import dunning_attempt, next_billing_at

EVERYTHING = tuple(
    make().model_copy(update={"subscription_id": f"sub_{number:02}", "revision": 1})
    for number, make in enumerate(SITUATIONS.values())
)
STATES = tuple(state for state in EVERYTHING if state.purchase is None)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=2)
    unbilled = next(s for s in STATES if s.status is SubscriptionStatus.ACTIVE)
    resumed = unbilled.model_copy(
        update={
            "subscription_id": "sub_99",
            "customer_id": "cus_2",
            "unbilled_from": unbilled.running_period.start,
        }
    )
    await subscribe(engine, *EVERYTHING, resumed)


async def found(engine: AsyncEngine, where: SubscriptionSearch, *, limit: int = 100) -> list[str]:
    async with reading(engine) as connection:
        subscriptions = await subscription_search.search(connection, where, limit=limit)
    return [subscription.state.subscription_id for subscription in subscriptions]


def ids(*states: SubscriptionState) -> set[str]:
    return {state.subscription_id for state in states}


async def test_subscriptions_are_found_by_status(
    engine: AsyncEngine, subtests: pytest.Subtests
) -> None:
    for status in SubscriptionStatus:
        with subtests.test(status=status):
            wanted = ids(*(state for state in STATES if state.status is status))
            where = SubscriptionSearch(status=status, customer_id="cus_1")
            assert set(await found(engine, where)) == wanted
            bought = (each for each in EVERYTHING if each.purchase and each.status is status)
            of_purchases = where.model_copy(update={"purchases": True})
            assert set(await found(engine, of_purchases)) == ids(*bought)


async def test_the_next_billing_is_what_the_search_attribute_says(
    engine: AsyncEngine, subtests: pytest.Subtests
) -> None:
    for day in (
        "2026-01-31",
        "2026-02-01",
        "2026-03-17",
        "2026-03-18",
    ):
        with subtests.test(day=day):
            before = datetime.fromisoformat(f"{day}T09:30:00Z")
            billed = {state: next_billing_at(state) for state in STATES}
            wanted = ids(*(state for state, at in billed.items() if at is not None and at < before))
            where = SubscriptionSearch(next_billing_before=before, customer_id="cus_1")
            assert set(await found(engine, where)) == wanted


async def test_what_a_pause_left_unbilled_is_billed_from_there(engine: AsyncEngine) -> None:
    before = datetime.fromisoformat("2026-02-18T00:00:00Z")
    where = SubscriptionSearch(next_billing_before=before, customer_id="cus_2")
    assert await found(engine, where) == ["sub_99"]


@pytest.mark.parametrize("least", [1, 2])
async def test_dunning_is_found_from_an_attempt_on(engine: AsyncEngine, least: int) -> None:
    wanted = ids(*(state for state in STATES if dunning_attempt(state) >= least))
    assert bool(wanted) == (least == 1)
    assert set(await found(engine, SubscriptionSearch(dunning_attempt=least))) == wanted


async def test_the_plan_is_the_price_and_a_limit_holds(engine: AsyncEngine) -> None:
    assert len(await found(engine, SubscriptionSearch(price_id="team_monthly"))) == len(STATES) + 1
    assert await found(engine, SubscriptionSearch(price_id="other")) == []
    assert len(await found(engine, SubscriptionSearch(), limit=3)) == 3


async def test_commands_are_read_from_the_audit_log_latest_first(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    ada = Actor(kind=ActorKind.OPERATOR, id="ada")
    async with transaction() as tx:
        for number, subject in enumerate(("sub_1", "sub_1", "sub_2")):
            await tx.audit.append(
                command_id=f"cmd_{number}",
                command="cancel_now",
                subject=subject,
                actor=ada,
                reason="asked",
                at=START.replace(hour=number),
            )
    async with reading(engine) as connection:
        both = await audit.of_subject(connection, "sub_1", limit=10)
        latest = await audit.of_subject(connection, "sub_1", limit=1)
    assert [(entry.command_id, entry.actor, entry.reason) for entry in both] == [
        ("cmd_1", ada, "asked"),
        ("cmd_0", ada, "asked"),
    ]
    assert latest == both[:1]
