"""Planning and publishing a catalog: the one way, for the API, for operators and for the start.

Owns the order of things: read the files, compare, rehearse, publish. Does not own how a catalog is
written (`adapters.catalog_file`), what changes (`billing.catalog_change`) nor storage
(`adapters.db.repositories.catalog`).
"""

import asyncio
import posixpath
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities import migration_enrolment, retirement
from adapters.catalog_file import CatalogFiles, read_files
from adapters.db.engine import snapshot, transactions
from adapters.db.queries import catalog as queries
from adapters.db.queries import catalog_versions, running_subscriptions
from adapters.db.repositories.catalog import Publication
from adapters.db.repositories.migrations import SqlMigrations
from adapters.next_invoices import next_invoice
from billing.actor import Actor
from billing.catalog import Catalog
from billing.catalog_change import CatalogChange, Published, Refusal, changes, refusals
from billing.catalog_plan import (
    CatalogPlan,
    MovePreview,
    PlannedChange,
    PlannedMove,
    Touched,
    soonest,
    touched_subscription,
)
from billing.catalog_version import CatalogVersion, content_digest, plan_digest
from billing.errors import Conflict
from billing.migration import MigrationPlan
from billing.migration_account import Decisions, RecordedMigration
from billing.offer import Offer
from billing.price import Price
from billing.rehearsal import Effect, Rehearsal, Tally
from billing.replacement import migration_under_way, retirements

SHOWN: Final = 10
"""Subscriptions that a plan names for each price, those with the next invoices first."""

_KEPT: Final = 1_000
_WHY: Final = "the catalog replaces the price"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Files that somebody wants to publish."""

    files: Mapping[str, bytes]
    effective_at: datetime | None = None
    """None: at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying came to."""

    version: CatalogVersion
    is_new: bool
    """False where the present version sells the same."""
    migrations: tuple[RecordedMigration, ...] = ()
    """Those that began with it; their workflows are the caller's to start, or begin within the
    hour."""


async def plan(engine: AsyncEngine, proposal: Proposal, *, now: datetime) -> CatalogPlan:
    """What publishing the files would do at `now`; nothing is changed.

    Everything is read at one moment. Raises `CatalogFileError` where the files are no catalog; what
    the catalog's history forbids stands in the plan.
    """
    files = await asyncio.to_thread(read_files, proposal.files)
    async with snapshot(engine) as connection:
        head = await catalog_versions.head(connection)
        number = None if head is None else head.number
        present = await catalog_versions.catalog_of(connection, number)
        published = await catalog_versions.published(connection)
        content = content_digest(files.catalog)
        differs = head is None or head.digest != content
        moves = await _moves(connection, files.catalog, proposal, now=now) if differs else ()
        moved = {source.price_id for move in moves for source in move.plan.sources}
        planned = [
            await _rehearsed(connection, change, files.catalog, published, moved=moved)
            for change in changes(present, files.catalog)
        ]
        refused = await _refused(connection, files, published, differs=differs)
    begins = (move for move in moves if move.begins_at is None)
    return CatalogPlan(
        digest=plan_digest(
            based_on=number,
            content=content,
            effective_at=proposal.effective_at,
            rehearsals=(move.rehearsal.digest for move in begins),
        ),
        based_on=number,
        effective_at=proposal.effective_at,
        changes=tuple(planned),
        refusals=refused,
        moves=moves,
    )


async def apply(
    engine: AsyncEngine,
    proposal: Proposal,
    *,
    actor: Actor,
    reason: str | None,
    now: datetime,
    planned: str | None = None,
) -> Applied:
    """Publishes the files, wholly or not at all; what is published already changes nothing.

    Those who have a price that is replaced from a day on are enrolled in the same transaction.
    `planned` is the digest of the plan that is to be carried out. Raises `CatalogFileError`, and
    `Conflict`: `catalog_changed` where the catalog, the files or those who would move are not those
    of the plan, or where somebody else published meanwhile; `migration_under_way`; and those of
    `SqlCatalog.publish`.
    """
    files = await asyncio.to_thread(read_files, proposal.files)
    content = content_digest(files.catalog)
    async with snapshot(engine) as connection:
        head = await catalog_versions.head(connection)
        published = await catalog_versions.published(connection)
        differs = head is None or head.digest != content
        refused = await _refused(connection, files, published, differs=differs)
    number = None if head is None else head.number
    if refused:
        raise Conflict(refused[0].code, "\n".join(each.message for each in refused))
    migrations: tuple[RecordedMigration, ...] = ()
    async with transactions(engine)() as tx:
        version = await tx.catalog.publish(
            Publication(
                catalog=files.catalog,
                actor=actor,
                now=now,
                files=_named_within(proposal.files),
                reason=reason,
                effective_at=proposal.effective_at,
                based_on=number,
            )
        )
        if version.number != number and proposal.effective_at is None:
            migrations = await retirement.start_due(tx, actor=actor, reason=reason or _WHY, now=now)
        _refuse_another_plan(
            planned,
            plan_digest(
                based_on=number,
                content=content,
                effective_at=proposal.effective_at,
                rehearsals=(each.rehearsal.digest for each in migrations),
            ),
        )
    return Applied(version=version, is_new=version.number != number, migrations=migrations)


async def publish_first(
    engine: AsyncEngine, files: Mapping[str, bytes], *, actor: Actor, now: datetime
) -> Applied | None:
    """Publishes the files where no files were ever published; None where some were.

    Whoever starts with old files must not take back what was published since.
    """
    async with snapshot(engine) as connection:
        if await catalog_versions.any_of_files(connection):
            return None
    try:
        return await apply(
            engine, Proposal(files=files), actor=actor, reason="the first start", now=now
        )
    except Conflict as conflict:
        if conflict.code != "catalog_changed":
            raise
        return None  # another process was first


async def is_published(engine: AsyncEngine, files: Mapping[str, bytes]) -> bool:
    """Whether the files are what was published last."""
    content = content_digest(read_files(files).catalog)
    async with snapshot(engine) as connection:
        head = await catalog_versions.head(connection)
    return head is not None and head.digest == content


def _refuse_another_plan(planned: str | None, present: str) -> None:
    if planned is not None and planned != present:
        raise Conflict(
            "catalog_changed",
            "the plan is not the present one any more: the catalog, the files, the instant or those"
            " who move have changed since; plan again",
        )


async def _moves(
    connection: AsyncConnection,
    catalog: Catalog,
    proposal: Proposal,
    *,
    now: datetime,
) -> tuple[PlannedMove, ...]:
    """The migrations that begin with the catalog: whoever has a price that is replaced by then."""
    migrations = SqlMigrations(connection)
    moves: list[PlannedMove] = []
    for each in retirements(catalog):
        planned = await retirement.plan_of(migrations, each)
        if planned is None or await retirement.under_way(migrations, each) is not None:
            continue
        decisions = await _decisions(connection, planned, catalog)
        preview = MovePreview(planned, shown=SHOWN)
        begins_at = proposal.effective_at
        async for decision in migration_enrolment.decided(
            migrations, planned, decisions, now=begins_at or now
        ):
            preview.add(decision)
        move = preview.move(begins_at=begins_at)
        moves += () if move is None else (move,)
    return tuple(moves)


async def _decisions(
    connection: AsyncConnection, planned: MigrationPlan, catalog: Catalog
) -> Decisions:
    """Who decides about moving to what is not published yet."""
    price = next(each for each in catalog.prices if each.id == planned.target.price_id)
    product = next(each for each in catalog.products if each.id == price.product_id)
    sources = {
        source: await queries.price(connection, source.price_id, source.version)
        for source in planned.sources
    }
    return Decisions(planned, offer=Offer(product=product, price=price), sources=sources)


async def _refused(
    connection: AsyncConnection, files: CatalogFiles, published: Published, *, differs: bool
) -> tuple[Refusal, ...]:
    """What the catalog's history forbids, and what runs."""
    found = list(refusals(files.catalog, published))
    migrations = SqlMigrations(connection)
    for each in retirements(files.catalog) if differs else ():
        other = await retirement.under_way(migrations, each)
        if other is not None and await migrations.get(each.migration_id) is None:
            found.append(migration_under_way(each, other))
    return tuple(_placed(refusal, files) for refusal in found)


async def _rehearsed(
    connection: AsyncConnection,
    change: CatalogChange,
    proposed: Catalog,
    published: Published,
    *,
    moved: AbstractSet[str],
) -> PlannedChange:
    """The change, with what it would mean for those who have the price now and keep it."""
    if change.kind != "price" or change.id in moved:
        return PlannedChange(change=change)
    running = await running_subscriptions.counts(connection, price_id=change.id)
    touched: list[Touched] = []
    for old in published.prices:
        if (old.id, old.version) in running:
            new = _offered(proposed, change.replaced_by or old.id)
            touched.append(await _touched(connection, old, new, published))
    return PlannedChange(change=change, touched=tuple(touched))


async def _touched(
    connection: AsyncConnection, old: Price, offer: Offer | None, published: Published
) -> Touched:
    new = old if offer is None else offer.price
    rehearsal, tally = Rehearsal(old=old, new=new), Tally()
    first: list[Effect] = []
    count = 0
    versions = [(old.id, old.version)]
    found = (
        running_subscriptions.in_arrears(connection, versions, price_of=published.price_of)
        if old.is_in_arrears
        else running_subscriptions.at_prices(connection, versions, configured=old.is_configurable)
    )
    async for running in found:
        effect = rehearsal.effect_on(running)
        tally.add(effect)
        first.append(effect)
        count += 1
        if len(first) >= _KEPT:
            first = soonest(first, SHOWN)
    return Touched(
        price_id=old.id,
        price_version=old.version,
        to_price_id=new.id,
        to_version=new.version,
        count=count,
        if_moved=tally.totals,
        first=tuple(
            [
                touched_subscription(
                    effect,
                    await next_invoice(
                        connection,
                        effect.subscription.subscription_id,
                        published=published,
                        moved_to=offer if effect.refusal is None else None,
                    ),
                )
                for effect in soonest(first, SHOWN)
            ]
        ),
    )


def _offered(catalog: Catalog, price_id: str) -> Offer | None:
    """None where the catalog has the price no more."""
    price = next((each for each in catalog.prices if each.id == price_id), None)
    if price is None:
        return None
    product = next(each for each in catalog.products if each.id == price.product_id)
    return Offer(product=product, price=price)


def _placed(refusal: Refusal, files: CatalogFiles) -> Refusal:
    place = files.places.get((refusal.kind, refusal.id))
    if place is None:
        return refusal
    return refusal.model_copy(update={"message": f"{place}: {refusal.message}"})


def _named_within(files: Mapping[str, bytes]) -> dict[str, str]:
    """Their texts, by names that say nothing of the folder in which they lie."""
    folder = posixpath.commonpath([posixpath.dirname(name) for name in files])
    return {
        posixpath.relpath(name, folder) if folder else name: content.decode()
        for name, content in files.items()
    }
