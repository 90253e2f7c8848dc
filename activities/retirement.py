"""Starting the migrations that the catalog in force asks for (policy P33).

Owns when one is started: once per retired price and date, as soon as there is somebody to move and
no other migration of that price runs. Does not own what is asked for (`billing.replacement`) nor
how it is started (`activities.migration_enrolment`).
"""

from datetime import datetime

from activities import migration_enrolment
from billing.actor import Actor
from billing.migration import MigrationPlan
from billing.migration_account import RecordedMigration
from billing.ports.storage import Migrations, Transaction
from billing.replacement import Retirement


async def start_due(
    tx: Transaction, *, actor: Actor, reason: str, now: datetime
) -> tuple[RecordedMigration, ...]:
    """Those that were started; asked again, none are."""
    started: list[RecordedMigration] = []
    for retirement in await tx.prices.retirements(now):
        plan = await plan_of(tx.migrations, retirement)
        if plan is None or await under_way(tx.migrations, retirement) is not None:
            continue
        rehearsal = await migration_enrolment.rehearse(tx, plan, now=now)
        if rehearsal.migrates:
            # Somebody may have changed between the two looks: whoever was shown a plan compares it.
            begun = await migration_enrolment.start(
                tx, plan, digest=None, actor=actor, reason=reason, now=now
            )
            started.append(begun)
    return tuple(started)


async def plan_of(migrations: Migrations, retirement: Retirement) -> MigrationPlan | None:
    """The migration to start; None where it was started before, or nobody can have the price."""
    if await migrations.get(retirement.migration_id) is not None:
        return None
    sources = await migrations.versions_of(retirement.price_id)
    return retirement.plan(sources) if sources else None


async def under_way(migrations: Migrations, retirement: Retirement) -> str | None:
    """Another migration of the same price that has not finished."""
    for other in await migrations.unfinished():
        sources = {source.price_id for source in other.plan.sources}
        if retirement.price_id in sources and other.migration_id != retirement.migration_id:
            return other.migration_id
    return None
