"""A migration over running subscriptions: the first ones, everybody, and the ways to stop it."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities import migration_enrolment
from adapters.db.engine import reading, transactions
from adapters.db.queries import audit
from adapters.db.queries import migrations as read_migrations
from adapters.temporal.migration_workflows import TemporalMigrations
from billing.entitlement import Entitlement
from billing.migration import (
    Canary,
    MigrationCounts,
    MigrationPhase,
    MigrationRule,
    PriceVersion,
)
from billing.migration_account import RecordedMigration
from tests.workflows.company import CATALOG, OPERATOR, Company, Subscription, at
from tests.workflows.reconciling import reconciliation_of
from worker.process import create_replayer
from workflows.messages import (
    MIGRATION_UPDATES,
    AnyMigrationCommand,
    ContinueMigration,
    MigrationReport,
    PauseMigration,
    ResumeMigration,
    RollBackMigration,
    UndoMigration,
    migration_workflow_id,
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One that runs, from Team to Business."""

    company: Company
    recorded: RecordedMigration

    @property
    def handle(self) -> WorkflowHandle[object, object]:
        workflow_id = migration_workflow_id(self.recorded.migration_id)
        return self.company.client.get_workflow_handle(workflow_id)

    async def progress(self) -> MigrationReport:
        report: MigrationReport = await self.handle.query("progress", result_type=MigrationReport)
        return report

    async def give(self, kind: type[AnyMigrationCommand]) -> MigrationReport:
        command = kind.model_validate(
            {"command_id": f"cmd_{uuid.uuid4().hex}", "actor": OPERATOR, "reason": "because"}
        )
        report: MigrationReport = await self.handle.execute_update(
            MIGRATION_UPDATES[kind], command, result_type=MigrationReport
        )
        return report

    async def counts(self) -> MigrationCounts:
        """As listed."""
        async with reading(self.company.engine) as connection:
            found = await read_migrations.standing(connection, self.recorded.migration_id)
        assert found is not None
        return found.counts

    async def until(self, wanted: Callable[[MigrationReport], bool]) -> MigrationReport:
        async with asyncio.timeout(60):
            while not wanted(report := await self.progress()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return report

    async def start(self) -> bool:
        workflows = TemporalMigrations(self.company.client, task_queue=self.company.task_queue)
        return await workflows.start(self.recorded)

    async def replays(self) -> None:
        await create_replayer().replay_workflow(await self.handle.fetch_history())


async def begin(company: Company, *, canary: Canary | None = None) -> Migration:
    async with transactions(company.engine)() as tx:
        plan = await migration_enrolment.planned(
            tx,
            migration_id=f"mig_{uuid.uuid4().hex[:12]}",
            sources=[("team_m", None)],
            target=PriceVersion(price_id="business_m", version=1),
            migrates_at=at("2026-02-01T00:00"),
            notice_days=14,
        )
        plan = plan.model_copy(update={"canary": canary, "per_minute": 10_000})
        now = datetime.now(UTC)
        rehearsal = await migration_enrolment.rehearse(tx, plan, now=now)
        recorded = await migration_enrolment.start(
            tx, plan, digest=rehearsal.digest, actor=OPERATOR, reason="the costs", now=now
        )
    migration = Migration(company, recorded)
    assert await migration.start()
    return migration


async def sell(company: Company, count: int) -> list[Subscription]:
    sold = [await company.subscribe(await company.customer()) for _ in range(count)]
    for subscription in sold:
        await subscription.activated()
    return sorted(sold, key=lambda subscription: subscription.id)


async def prices(sold: list[Subscription]) -> list[str]:
    return [(await each.report()).state.terms.price_id for each in sold]


async def test_the_first_ones_are_watched_and_the_others_follow_when_somebody_says_so(
    company: Company,
) -> None:
    async with company.working():
        first, *others = await sell(company, 3)
        await others[-1].cancel()
        migration = await begin(company, canary=Canary(count=1))
        watched = await migration.until(lambda r: r.phase is MigrationPhase.WATCHING)
        assert watched.counts == MigrationCounts(scheduled=1, pending=1, skipped=1)
        assert (await first.report()).state.waiting_migration is not None

        await migration.give(PauseMigration)
        await migration.give(ContinueMigration)
        assert (await migration.progress()).phase is MigrationPhase.PAUSED
        await migration.give(ResumeMigration)
        told = await migration.until(lambda r: r.phase is MigrationPhase.RENEWING)
        assert told.counts == MigrationCounts(scheduled=2, skipped=1)
        assert not await migration.start()

        await company.advance("2026-02-18T00:00")
        assert await migration.counts() == MigrationCounts(migrated=2, skipped=1)
        assert await prices([first, *others]) == ["business_m", "business_m", "team_m"]
        assert company.mailbox.kinds().count("price_will_change") == 2
        await migration.handle.terminate("somebody's mistake")
        await finished_after_a_restart(migration)
        await migration.replays()

        again = await begin(company)
        await again.handle.result()
        assert await again.counts() == MigrationCounts()
        assert company.mailbox.kinds().count("price_will_change") == 2

    async with reading(company.engine) as connection:
        asked = await audit.of_subject(connection, migration.recorded.migration_id, limit=9)
    assert {command.command for command in asked} == {
        "start_migration",
        "pause_migration",
        "continue_migration",
        "resume_migration",
    }


async def finished_after_a_restart(migration: Migration) -> None:
    assert await migration.start()
    await migration.handle.result()
    assert (await migration.progress()).phase is MigrationPhase.COMPLETED


async def test_a_rollback_keeps_whoever_has_not_renewed(company: Company) -> None:
    async with company.working():
        sold = await sell(company, 2)
        migration = await begin(company, canary=Canary(count=1))
        await migration.until(lambda r: r.phase is MigrationPhase.WATCHING)
        await company.advance("2026-02-18T00:00")
        [late] = await sell(company, 1)
        await migration.give(ContinueMigration)
        await migration.until(lambda r: r.phase is MigrationPhase.RENEWING)
        await migration.give(RollBackMigration)
        await migration.handle.result()

        assert await migration.counts() == MigrationCounts(migrated=1, rolled_back=1)
        with pytest.raises(RPCError, match="already completed"):
            await migration.give(PauseMigration)
        await company.advance("2026-04-01T00:00")
        assert await prices([*sold, late]) == ["business_m", "team_m", "team_m"]
        assert company.mailbox.kinds().count("price_change_withdrawn") == 1
        await migration.replays()


RETIRED: Final = MigrationRule(migrates_at=at("2026-03-01T00:00"), notice_days=14)


async def replaced_by_the_catalog(company: Company) -> Migration:
    """The catalog that replaces Team by Business comes into force, and an hour passes."""
    catalog = CATALOG.model_copy(
        update={
            "products": tuple(
                product.model_copy(update={"entitlements": (Entitlement(feature=product.id),)})
                for product in CATALOG.products
            ),
            "replacements": {"team_m": "business_m"},
            "migrations": {"team_m": RETIRED},
        }
    )
    async with transactions(company.engine)() as tx:
        await tx.catalog.put_on_sale(catalog)
    reconciliation = reconciliation_of(company)
    report = await ActivityEnvironment().run(reconciliation.start_missing_migrations)
    [migration_id] = report.started_migration_ids
    again = await ActivityEnvironment().run(reconciliation.start_missing_migrations)
    assert again.started_migration_ids == ()
    async with transactions(company.engine)() as tx:
        recorded = await tx.migrations.get(migration_id)
    assert recorded is not None
    return Migration(company, recorded)


async def test_who_has_a_retired_product_has_the_other_one_from_a_later_renewal(
    company: Company,
) -> None:
    async with company.working():
        kept, moved = await sell(company, 2)
        migration = await replaced_by_the_catalog(company)
        await migration.until(lambda r: r.phase is MigrationPhase.RENEWING)
        await kept.give(UndoMigration, migration_id=migration.recorded.migration_id)
        await company.advance("2026-02-18T00:00")
        state = (await moved.report()).state
        assert (state.terms.price_id, state.period_number) == ("team_m", 1)

        await company.advance("2026-03-18T00:00")
        assert await prices([kept, moved]) == ["team_m", "business_m"]
        state = (await moved.report()).state
        assert (state.terms.product_id, state.terms.quantity) == ("business", 5)
        assert [each.feature for each in state.entitlements] == ["business"]
        amounts = [invoice["total_minor"] for invoice in await company.invoices()]
        assert sorted(amounts) == [8000] * 5 + [12000]
        assert await migration.counts() == MigrationCounts(migrated=1, rolled_back=1)
        await create_replayer().replay_workflow(await moved.handle.fetch_history())
