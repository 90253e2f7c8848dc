"""Ten thousand subscriptions that move to another price: what is rehearsed is what is applied."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

import pytest
from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from activities import migration_enrolment
from activities.catalog_migration import CatalogMigration, EnterPhase, LookAt, Outlook, TellSome
from adapters.db.engine import create_engine, reading, transactions, unit_of_work
from adapters.db.queries import migrations as read_migrations
from adapters.db.queries.migrations import MigrationStanding
from adapters.db.repositories.catalog import SqlCatalog
from adapters.db.tables.customer import customers
from adapters.db.tables.subscription import subscriptions
from billing import commands, migrating
from billing.actor import Actor, ActorKind
from billing.catalog import Catalog, Product
from billing.errors import Conflict, InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.migration import (
    MigrationCounts,
    MigrationPhase,
    MigrationPlan,
    MigrationProgress,
    PriceVersion,
    SkipReason,
)
from billing.migration_account import MigrationRehearsal
from billing.ports.migration import Announcement, Answer, Told, Withdrawal
from billing.price import Price
from billing.price_model import PerUnit
from billing.subscription import SubscriptionState
from tests.billing.subscriptions import billed
from tests.workflows import situations
from tests.workflows.situations import NOW

TEAM: Final = Product(id="team", name="Team", family="team")
OLD: Final = Price(
    id="team_monthly",
    product_id="team",
    currency="USD",
    model=PerUnit(unit_amount_minor=Decimal(1600)),
    interval=Interval(unit=IntervalUnit.MONTH),
    unit_name="seat",
)
NEW: Final = OLD.model_copy(
    update={"version": 2, "model": PerUnit(unit_amount_minor=Decimal(1800))}
)
OPERATOR: Final = Actor(kind=ActorKind.OPERATOR, id="test")
PLAN: Final = MigrationPlan(
    migration_id="mig_1",
    sources=(PriceVersion(price_id=OLD.id, version=1),),
    target=PriceVersion(price_id=NEW.id, version=2),
    migrates_at=NOW,
    notice_days=10,
)
FIGURE: Final = {
    "active": 9_112,
    "to be canceled": 400,
    "past due": 300,
    "locked": 150,
    "trialing": 38,
}


STATES: Final = select(subscriptions.c.state).where(
    subscriptions.c.id.in_(bindparam("ids", expanding=True))
)
SAVE: Final = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("which"))
    .values(state=bindparam("after"), price_version=bindparam("version"))
)


class Renewals:
    """Subscriptions of a database that answer as their workflows would, and renew when told to.

    Implements `billing.ports.migration.SubscriptionTelling`: the rule is applied to the records.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._known: dict[str, SubscriptionState] = {}
        self.told: Counter[str] = Counter()

    async def announce(self, announcements: Sequence[Announcement]) -> tuple[Told, ...]:
        """All are fit: who is not was found out before."""
        asked = {each.subscription_id: each for each in announcements}
        self.told.update(list(asked))

        def planned(state: SubscriptionState) -> SubscriptionState:
            announcement = asked[state.subscription_id]
            assert announcement.version == state.version
            return migrating.planned(
                state,
                migration_id=announcement.migration_id,
                target=announcement.target,
                migrates_at=announcement.migrates_at,
                notice=timedelta(days=announcement.notice_days),
                now=NOW,
            )

        return await self._all(list(asked), planned)

    async def withdraw(self, withdrawals: Sequence[Withdrawal]) -> tuple[Told, ...]:
        """What has renewed is not asked."""
        asked = {each.subscription_id: each for each in withdrawals}
        return await self._all(
            list(asked),
            lambda state: migrating.undone(state, asked[state.subscription_id].migration_id, NOW),
        )

    async def renew(self) -> None:
        """The next period of whoever was told is billed."""
        await self._all(list(self._known), lambda state: billed(state, NOW))

    async def _all(
        self, ids: list[str], change: Callable[[SubscriptionState], SubscriptionState]
    ) -> tuple[Told, ...]:
        async with self._engine.begin() as connection:
            unknown = [each for each in ids if each not in self._known]
            for state in await connection.scalars(STATES, {"ids": unknown}):
                self._known[state["subscription_id"]] = SubscriptionState.model_validate(state)
            after = {each: change(self._known[each]) for each in ids}
            if after:
                rows = [
                    {"which": each, "after": state, "version": state.terms.price_version}
                    for each, state in after.items()
                ]
                await connection.execute(SAVE, rows)
        self._known |= after
        return tuple(Told(subscription_id=each, answer=Answer.TAKEN) for each in ids)


@dataclass(frozen=True, slots=True)
class Seller:
    """A database with subscriptions, and the activities of a migration on it."""

    engine: AsyncEngine
    renewals: Renewals

    @property
    def activities(self) -> CatalogMigration:
        return CatalogMigration(open_transaction=unit_of_work(self.engine), telling=self.renewals)

    async def open(self, **counts: int) -> None:
        """So many subscriptions in each situation, with one to seven seats."""
        async with self.engine.begin() as connection:
            await connection.execute(
                insert(customers).values(
                    id="cus_1", email="ada@example.com", name="Ada", created_at=NOW
                )
            )
            for price in (OLD, NEW):
                await SqlCatalog(connection).put_on_sale(Catalog(products=(TEAM,), prices=(price,)))
        for name, count in counts.items():
            async with transactions(self.engine)() as tx:
                proto = situation(name.replace("_", " ")).model_copy(
                    update={"subscription_id": f"sub_{name}"}
                )
                await tx.subscriptions.save(proto)
            async with self.engine.begin() as connection:
                await connection.execute(COPY, {"proto": f"sub_{name}", "copies": count - 1})

    async def rehearse(self, plan: MigrationPlan = PLAN) -> MigrationRehearsal:
        async with transactions(self.engine)() as tx:
            return await migration_enrolment.rehearse(tx, plan, now=NOW)

    async def start(self, digest: str, plan: MigrationPlan = PLAN) -> None:
        async with transactions(self.engine)() as tx:
            await migration_enrolment.start(
                tx, plan, digest=digest, actor=OPERATOR, reason="the costs", now=NOW
            )

    async def tell(self, *, limit: int, migration_id: str = "mig_1") -> int:
        """One step; how many were looked at."""
        step = TellSome(migration_id=migration_id, after="", limit=limit, now=NOW)
        return (await self.activities.tell_some(step)).seen

    async def standing(self, migration_id: str = "mig_1") -> MigrationStanding:
        async with reading(self.engine) as connection:
            found = await read_migrations.standing(connection, migration_id)
        assert found is not None
        return found


COPY: Final = text("""
    INSERT INTO subscriptions (
        id, customer_id, product_id, price_id, price_version, family, quantity, currency, status,
        period_start, period_end, trial_end, cancel_at, next_action_kind, next_action_at, revision,
        created_at, state
    )
    SELECT proto.id || '_' || n, customer_id, product_id, price_id, price_version, family,
        1 + n % 7, currency, status, period_start, period_end, trial_end, cancel_at,
        next_action_kind, next_action_at, revision, created_at,
        state || jsonb_build_object(
            'subscription_id', proto.id || '_' || n,
            'terms', state -> 'terms' || jsonb_build_object(
                'quantity', 1 + n % 7,
                'period_amount',
                jsonb_build_object('amount_minor', 1600 * (1 + n % 7), 'currency', 'USD')
            )
        )
    FROM subscriptions AS proto, generate_series(1, :copies) AS n WHERE proto.id = :proto
""")


def situation(name: str) -> SubscriptionState:
    if name != "locked":
        return situations.SITUATIONS[name]()
    state = situations.active()
    until = NOW + timedelta(days=400)
    return state.model_copy(
        update={"terms": state.terms.model_copy(update={"contract_until": until})}
    )


@pytest.fixture
async def seller(database_url: str) -> AsyncIterator[Seller]:
    engine = create_engine(database_url)
    yield Seller(engine, Renewals(engine))
    await engine.dispose()


async def test_of_10_000_subscriptions_9_112_move_and_888_are_listed(seller: Seller) -> None:
    await seller.open(**{name.replace(" ", "_"): count for name, count in FIGURE.items()})
    rehearsed = await seller.rehearse()
    assert (rehearsed.migrates, rehearsed.stays) == (9_112, 888)
    assert {each.reason: each.subscriptions for each in rehearsed.skipped} == {
        SkipReason.TRIALING: 38,
        SkipReason.PAST_DUE: 300,
        SkipReason.CANCEL_PENDING: 400,
        SkipReason.CONTRACT_LOCKED: 150,
    }

    await seller.start(rehearsed.digest)
    while await seller.tell(limit=1_000):
        pass
    assert len(seller.renewals.told) == 9_112
    assert set(seller.renewals.told.values()) == {1}
    await seller.renewals.renew()

    standing = await seller.standing()
    assert standing.counts == MigrationCounts(migrated=9_112, skipped=888)
    assert standing.skipped == rehearsed.skipped
    [applied], [total] = standing.applied, rehearsed.totals
    assert applied.monthly_change == total.monthly_change > 0
    assert applied.invoices_before_minor == total.next_invoices_before_minor
    assert applied.invoices_after_minor == total.next_invoices_after_minor

    again = PLAN.model_copy(update={"migration_id": "mig_2"})
    assert (await seller.rehearse(again)).migrates == 0


async def test_a_step_that_is_repeated_tells_nobody_twice(seller: Seller) -> None:
    await seller.open(active=5)
    await seller.start((await seller.rehearse()).digest)
    assert [await seller.tell(limit=3) for _ in range(3)] == [3, 2, 0]
    assert set(seller.renewals.told.values()) == {1}
    await seller.start("whatever it was")
    assert (await seller.standing()).counts == MigrationCounts(scheduled=5)


async def test_who_is_told_by_one_migration_is_left_alone_by_another(seller: Seller) -> None:
    await seller.open(active=3)
    await seller.start((await seller.rehearse()).digest)
    other = PLAN.model_copy(update={"migration_id": "mig_2"})
    rehearsed = await seller.rehearse(other)
    [skipped] = rehearsed.skipped
    assert (skipped.reason, skipped.subscriptions) == (SkipReason.OTHER_MIGRATION, 3)


async def test_a_world_that_changed_since_the_rehearsal_starts_nothing(seller: Seller) -> None:
    await seller.open(active=3)
    rehearsed = await seller.rehearse()
    async with transactions(seller.engine)() as tx:
        state = await tx.subscriptions.recorded("sub_active_1")
        assert state is not None
        await tx.subscriptions.save(commands.cancel_at_period_end(state, NOW))
    with pytest.raises(Conflict) as refused:
        await seller.start(rehearsed.digest)
    assert refused.value.code == "rehearsal_outdated"
    async with transactions(seller.engine)() as tx:
        assert await tx.migrations.get("mig_1") is None
        assert (await tx.migrations.counts("mig_1")).total == 0


async def test_who_is_not_fit_any_more_when_told_is_skipped_with_the_reason(
    seller: Seller,
) -> None:
    await seller.open(active=2)
    await seller.start((await seller.rehearse()).digest)
    async with transactions(seller.engine)() as tx:
        state = await tx.subscriptions.recorded("sub_active")
        assert state is not None
        await tx.subscriptions.save(commands.cancel_now(state, NOW))
    await seller.tell(limit=10)
    standing = await seller.standing()
    assert standing.counts == MigrationCounts(scheduled=1, skipped=1)
    assert [each.reason for each in standing.skipped] == [SkipReason.ENDED]


async def test_a_rollback_lets_those_stay_that_have_not_renewed(seller: Seller) -> None:
    await seller.open(active=4)
    await seller.start((await seller.rehearse()).digest)
    await seller.tell(limit=1)
    await seller.renewals.renew()
    await seller.tell(limit=2)
    await seller.activities.enter_phase(
        EnterPhase(
            migration_id="mig_1",
            phase=MigrationPhase.ROLLING_BACK,
            now=NOW,
            tells_nobody_else=True,
        )
    )
    await seller.activities.withdraw_some(
        TellSome(migration_id="mig_1", after="", limit=10, now=NOW)
    )
    outlook = await seller.activities.look_at(LookAt(migration_id="mig_1"))
    assert outlook == Outlook(counts=MigrationCounts(migrated=1, rolled_back=3), next_move_at=None)


async def test_a_state_that_forgot_its_migration_is_told_again(seller: Seller) -> None:
    """A run before a reset was told; the one after it was not."""
    await seller.open(active=1)
    await seller.start((await seller.rehearse()).digest)
    await seller.tell(limit=1)
    async with transactions(seller.engine)() as tx:
        state = await tx.subscriptions.recorded("sub_active")
        assert state is not None
        await tx.subscriptions.save(state.changed(migration=None).changed())
        pending = await tx.migrations.next_in("mig_1", MigrationProgress.PENDING, after="", limit=5)
    assert pending == ("sub_active",)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"target": PLAN.sources[0]}, "nothing_changes"),
        ({"target": PriceVersion(price_id="team_monthly", version=9)}, "price_not_found"),
    ],
)
async def test_a_plan_that_can_never_be_carried_out_is_refused(
    seller: Seller, changes: dict[str, object], code: str
) -> None:
    await seller.open(active=1)
    with pytest.raises(InvalidInput) as refused:
        await seller.rehearse(PLAN.model_copy(update=changes))
    assert refused.value.code == code


async def test_every_version_of_a_price_is_meant_where_none_is_named(seller: Seller) -> None:
    await seller.open()
    async with transactions(seller.engine)() as tx:
        all_but = await migration_enrolment.resolved(tx, OLD.id, version=None, beside=PLAN.target)
        with pytest.raises(InvalidInput):
            await migration_enrolment.resolved(tx, OLD.id, version=3)
    assert all_but == PLAN.sources
