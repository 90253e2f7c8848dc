"""Publishing a catalog that replaces prices from a day on: planned, done exactly, and once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities import retirement
from adapters import catalog_publishing as publishing
from adapters.catalog_publishing import Applied, Proposal
from adapters.db.engine import reading, transactions
from adapters.db.queries import catalog, migrations
from billing import commands
from billing.actor import Actor, ActorKind
from billing.discount import RedeemedDiscount
from billing.errors import Conflict
from billing.migration import MigrationCounts, MigrationPhase, SkipReason
from billing.migration_account import RecordedMigration
from billing.money import Money
from billing.subscription import SubscriptionState
from tests.adapters.db.company import PERIOD, START, open_shop, subscribe, subscription, terms
from tests.adapters.db.waiting import somebody_waits
from tests.billing.test_discount import coupon

_ADA: Final = Actor(kind=ActorKind.OPERATOR, id="ada")
_NOW: Final = START + timedelta(days=5)
_OLD: Final = """\
products:
  - id: team
    name: Team
    family: plan
    prices:
      - {id: team_monthly, amount: "16.00", currency: USD, interval: month, unit: seat}
"""
_NEW: Final = """\
products:
  - id: team
    name: Team
    family: plan
    replaced_by: club
    migration: {from: "2026-03-01", notice_days: 30}
    prices:
      - {id: team_monthly, amount: "16.00", currency: USD, interval: month, unit: seat}
  - id: club
    name: Club
    family: plan
    prices:
      - {id: club_monthly, amount: "20.00", currency: USD, interval: month, unit: seat,
         minimum_quantity: 4}
"""


def _proposal(content: str = _NEW, *, effective_at: datetime | None = None) -> Proposal:
    return Proposal(files={"catalog.yaml": content.encode()}, effective_at=effective_at)


async def _apply(
    engine: AsyncEngine, proposal: Proposal | None = None, *, planned: str | None = None
) -> Applied:
    return await publishing.apply(
        engine,
        proposal or _proposal(),
        actor=_ADA,
        reason="one price",
        now=datetime.now(UTC),
        planned=planned,
    )


async def _start_due(engine: AsyncEngine) -> tuple[RecordedMigration, ...]:
    """As the hourly reconciliation does."""
    async with transactions(engine)() as tx:
        return await retirement.start_due(tx, actor=_ADA, reason="due", now=datetime.now(UTC))


def _of_quantity(state: SubscriptionState, quantity: int) -> SubscriptionState:
    return state.model_copy(update={"terms": terms(quantity)})


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    """Five seats that stay as they are, two that are canceled, two that are too few."""
    await open_shop(engine, customer_count=3)
    await subscribe(
        engine,
        subscription(1),
        commands.cancel_at_period_end(subscription(2, 2), _NOW),
        _of_quantity(subscription(3, 3), 2),
    )


async def test_a_plan_says_what_the_next_invoice_is_in_all_before_and_after(
    engine: AsyncEngine,
) -> None:
    half = RedeemedDiscount(coupon=coupon(percent=50), redeemed_at=START)
    state = subscription(4, 1).model_copy(update={"discounts": (half,)})
    await subscribe(engine, state.changed())
    dearer = _OLD.replace('amount: "16.00"', 'version: 2, amount: "18.00"')
    plan = await publishing.plan(engine, _proposal(dearer), now=_NOW)
    [touched] = next(each for each in plan.changes if each.change.kind == "price").touched
    found = {
        each.subscription_id: each.invoice and (str(each.invoice.total), str(each.invoice.if_moved))
        for each in touched.first
    }
    assert found == {
        "sub_1": ("USD 80.00", "USD 90.00"),
        "sub_2": None,  # canceled by then
        "sub_3": ("USD 32.00", "USD 36.00"),
        "sub_4": ("USD 40.00", "USD 45.00"),
    }


async def test_a_plan_says_who_moves_when_and_who_stays_and_why(engine: AsyncEngine) -> None:
    plan = await publishing.plan(engine, _proposal(), now=_NOW)
    [move] = plan.moves
    assert (move.begins_at, str(move.plan.target)) == (None, "club_monthly@1")
    [moving] = move.moving
    assert (moving.subscription_id, str(moving.period_amount), str(moving.after)) == (
        "sub_1",
        "USD 80.00",
        "USD 100.00",
    )
    assert moving.moves_at == move.first_at == move.last_at
    assert moving.moves_at is not None
    assert moving.moves_at > PERIOD.end
    assert moving.moves_at >= move.plan.migrates_at
    [total] = move.rehearsal.totals
    assert (int(total.monthly_before), int(total.monthly_change)) == (8000, 2000)
    staying = {each.subscription_id: (each.reason, each.refusal) for each in move.staying}
    assert staying["sub_2"] == (SkipReason.CANCEL_PENDING, None)
    assert staying["sub_3"][0] is SkipReason.QUANTITY
    assert "4" in (staying["sub_3"][1] or "")
    retired = next(each for each in plan.changes if each.change.id == "team_monthly")
    assert (retired.change.replaced_by, retired.touched) == ("club_monthly", ())


async def test_what_was_planned_is_applied_once(engine: AsyncEngine) -> None:
    now = datetime.now(UTC)
    plan = await publishing.plan(engine, _proposal(), now=now)
    applied = await _apply(engine, planned=plan.digest)
    [begun] = applied.migrations
    assert begun.migration_id == plan.moves[0].plan.migration_id
    assert begun.rehearsal == plan.moves[0].rehearsal
    async with reading(engine) as connection:
        standing = await migrations.standing(connection, begun.migration_id)
        sold = [each.id for each in await catalog.products_on_sale(connection)]
    assert standing is not None
    assert standing.counts == MigrationCounts(pending=1, skipped=2)
    assert (standing.migration.actor, standing.migration.reason) == (_ADA, "one price")
    assert sold == ["club"]

    again = await _apply(engine)
    assert (again.is_new, again.migrations) == (False, ())
    assert await _start_due(engine) == ()
    dearer = _NEW.replace('amount: "20.00"', 'version: 2, amount: "21.00"')
    assert (await _apply(engine, _proposal(dearer))).migrations == ()


async def test_a_plan_of_others_who_would_move_is_not_applied(engine: AsyncEngine) -> None:
    plan = await publishing.plan(engine, _proposal(), now=datetime.now(UTC))
    async with transactions(engine)() as tx:
        await tx.subscriptions.save(commands.cancel_at_period_end(subscription(1), _NOW))
    with pytest.raises(Conflict) as refused:
        await _apply(engine, planned=plan.digest)
    assert refused.value.code == "catalog_changed"
    async with reading(engine) as connection:
        assert await catalog.offer(connection, "team_monthly") is not None


async def test_what_comes_into_force_later_begins_then(engine: AsyncEngine) -> None:
    later = datetime.now(UTC) + timedelta(days=90)
    plan = await publishing.plan(engine, _proposal(effective_at=later), now=datetime.now(UTC))
    [move] = plan.moves
    assert move.begins_at == later
    assert (move.first_at or later) >= later + timedelta(days=30)
    scheduled = _proposal(effective_at=later)
    applied = await _apply(engine, scheduled, planned=plan.digest)
    assert (applied.is_new, applied.migrations) == (True, ())
    assert await _start_due(engine) == ()
    async with transactions(engine)() as tx:
        [begun] = await retirement.start_due(tx, actor=_ADA, reason="due", now=later)
    assert begun.rehearsal.migrates == 1


async def test_nothing_begins_before_there_is_somebody_to_move(engine: AsyncEngine) -> None:
    async with transactions(engine)() as tx:
        await tx.subscriptions.save(commands.cancel_at_period_end(subscription(1), _NOW))
    assert (await _apply(engine)).migrations == ()
    async with transactions(engine)() as tx:
        state = await tx.subscriptions.recorded("sub_1")
        assert state is not None
        await tx.subscriptions.save(state.changed(cancellation=None))
    [begun] = await _start_due(engine)
    assert begun.rehearsal.migrates == 1


async def test_another_date_waits_until_the_first_migration_is_over(engine: AsyncEngine) -> None:
    [first] = (await _apply(engine)).migrations
    later = _proposal(_NEW.replace("2026-03-01", "2026-06-01"))
    plan = await publishing.plan(engine, later, now=datetime.now(UTC))
    [refusal] = plan.refusals
    assert (refusal.code, refusal.id) == ("migration_under_way", "team_monthly")
    assert refusal.message.startswith("catalog.yaml:8: those who have team_monthly")
    with pytest.raises(Conflict) as refused:
        await _apply(engine, later)
    assert refused.value.code == "migration_under_way"
    async with transactions(engine)() as tx:
        now = datetime.now(UTC)
        await tx.migrations.settle_untold(first.migration_id, now=now)
        await tx.migrations.enter(first.migration_id, MigrationPhase.ROLLED_BACK, now=now)
    assert await _start_due(engine) == ()
    [second] = (await _apply(engine, later)).migrations
    assert second.migration_id != first.migration_id


async def test_a_catalog_that_moves_people_is_read_back_as_it_was_written(
    engine: AsyncEngine,
) -> None:
    await _apply(engine)
    plan = await publishing.plan(engine, _proposal(), now=_NOW)
    assert plan.is_empty
    kept = _NEW.replace('    migration: {from: "2026-03-01", notice_days: 30}\n', "")
    [changed] = (await publishing.plan(engine, _proposal(kept), now=_NOW)).changes
    assert {each.field for each in changed.change.differences} == {
        "migration.migrates_at",
        "migration.notice_days",
        "migration.per_minute",
    }
    assert (await _apply(engine, _proposal(_OLD))).is_new


async def test_a_plan_compares_each_in_its_own_currency(engine: AsyncEngine) -> None:
    in_yen = "currencies: {JPY: {amount: '2400'}}, version: 2, interval"
    await _apply(engine, _proposal(_OLD.replace("interval", in_yen)))
    paid = terms().model_copy(
        update={
            "currency": "JPY",
            "price_version": 2,
            "period_amount": Money(amount_minor=12_000, currency="JPY"),
        }
    )
    await subscribe(engine, subscription(4).model_copy(update={"terms": paid}))
    dearer = _OLD.replace("interval", in_yen.replace("2400", "2500").replace("2, ", "3, "))
    plan = await publishing.plan(engine, _proposal(dearer), now=_NOW)
    [change] = plan.changes
    dollars, yen = sorted(change.touched, key=lambda touched: touched.price_version)
    assert [total.currency for total in dollars.if_moved] == ["USD"]
    [total] = yen.if_moved
    assert (total.currency, int(total.monthly_before), int(total.monthly_change)) == (
        "JPY",
        12_000,
        500,
    )
    without = await publishing.plan(
        engine, _proposal(_OLD.replace("interval", "version: 3, interval")), now=_NOW
    )
    refused = {each.price_version: each.if_moved for each in without.changes[0].touched}
    assert [(total.refused, total.subscriptions) for total in refused[2]] == [(1, 1)]


async def test_whoever_changes_while_it_is_published_moves_or_stays_as_they_are_then(
    engine: AsyncEngine,
) -> None:
    transaction = transactions(engine)
    async with transaction() as tx:
        await tx.migrations.wait_for_others()
        applying = asyncio.create_task(_apply(engine))
        await somebody_waits(transaction)
        await tx.subscriptions.save(subscription(2, 2).changed().changed().changed())
    [begun] = (await applying).migrations
    assert begun.rehearsal.migrates == 2
