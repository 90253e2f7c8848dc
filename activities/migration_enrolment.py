"""Rehearsing a migration and starting one: two readings of the same decisions (policy P33).

Owns what is written when a migration begins. It begins only if every decision is still what was
rehearsed. Does not own the decisions (`billing.migration_account`) nor telling anybody
(`activities.catalog_migration`).
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from billing.actor import Actor
from billing.errors import Conflict, InvalidInput, NotFound
from billing.migration import MigrationPhase, MigrationPlan, PriceVersion
from billing.migration_account import (
    Account,
    Decision,
    Decisions,
    MigrationRehearsal,
    RecordedMigration,
    check_replaceable,
)
from billing.offer import Offer
from billing.ports.storage import Migrations, Transaction


async def planned(
    tx: Transaction,
    *,
    migration_id: str,
    sources: Sequence[tuple[str, int | None]],
    target: PriceVersion,
    migrates_at: datetime,
    notice_days: int,
) -> MigrationPlan:
    """A plan with every source's version. Raises `InvalidInput` (`price_not_found`)."""
    versions = [
        found
        for price_id, version in sources
        for found in await resolved(tx, price_id, version=version, beside=target)
    ]
    return MigrationPlan(
        migration_id=migration_id,
        sources=tuple(dict.fromkeys(versions)),
        target=target,
        migrates_at=migrates_at,
        notice_days=notice_days,
    )


async def resolved(
    tx: Transaction, price_id: str, *, version: int | None, beside: PriceVersion | None = None
) -> tuple[PriceVersion, ...]:
    """The version, or all there are `beside` one. Raises `InvalidInput` (`price_not_found`)."""
    known = await tx.migrations.versions_of(price_id)
    wanted = tuple(each for each in known if version in (None, each.version) and each != beside)
    if not wanted:
        named = price_id if version is None else f"{price_id}@{version}"
        raise InvalidInput("price_not_found", f"there is no other price {named}")
    return wanted


async def rehearse(tx: Transaction, plan: MigrationPlan, *, now: datetime) -> MigrationRehearsal:
    """What the migration would do if it began now.

    Raises `InvalidInput` (`price_not_found`, `nothing_changes`, `different_family`).
    """
    decisions, account = await decisions_of(tx, plan), Account(plan)
    async for decision in decided(tx.migrations, plan, decisions, now=now):
        account.add(decision)
    return account.rehearsal


async def decided(
    migrations: Migrations, plan: MigrationPlan, decisions: Decisions, *, now: datetime
) -> AsyncIterator[Decision]:
    """Of everybody at one of the old prices, in the order of ids."""
    async for page in migrations.candidates(plan.migration_id, plan.sources):
        for candidate in page:
            yield decisions.of(candidate, now=now)


async def start(
    tx: Transaction,
    plan: MigrationPlan,
    *,
    digest: str | None,
    actor: Actor,
    reason: str,
    now: datetime,
) -> RecordedMigration:
    """Enrols every subscription, once per migration id; nobody is told yet.

    Raises what `rehearse` does, and `Conflict` (`rehearsal_outdated`) where the digest of the
    rehearsal is another one by now: nothing is written then. Without a digest nobody has been
    promised anything.
    """
    known = await tx.migrations.get(plan.migration_id)
    if known is not None:
        return known
    await tx.migrations.wait_for_others()
    decisions, account = await decisions_of(tx, plan), Account(plan)
    async for page in tx.migrations.candidates(plan.migration_id, plan.sources):
        decided = [decisions.of(candidate, now=now) for candidate in page]
        for decision in decided:
            account.add(decision)
        await tx.migrations.enrol(plan.migration_id, decided, now=now)
    if digest is not None and account.rehearsal.digest != digest:
        raise Conflict(
            "rehearsal_outdated",
            "subscriptions or prices have changed since the rehearsal: rehearse it again",
        )
    migration = RecordedMigration(
        plan=plan,
        rehearsal=account.rehearsal,
        phase=MigrationPhase.TELLING,
        actor=actor,
        reason=reason,
        created_at=now,
    )
    await tx.migrations.create(migration)
    await tx.audit.append(
        command_id=plan.migration_id,
        command="start_migration",
        subject=plan.migration_id,
        actor=actor,
        reason=reason,
        at=now,
    )
    return migration


async def decisions_of(tx: Transaction, plan: MigrationPlan) -> Decisions:
    """Who decides. Raises `InvalidInput` as `rehearse` does."""
    offer = await _offer(tx, plan.target)
    sources = {version: await _offer(tx, version) for version in plan.sources}
    families = {version.price_id: sold.product.family for version, sold in sources.items()}
    check_replaceable(plan, offer=offer, families=families)
    prices = {version: sold.price for version, sold in sources.items()}
    return Decisions(plan, offer=offer, sources=prices)


async def _offer(tx: Transaction, version: PriceVersion) -> Offer:
    try:
        return await tx.prices.version_offered(version.price_id, version.version)
    except NotFound:
        raise InvalidInput("price_not_found", f"there is no price {version}") from None
