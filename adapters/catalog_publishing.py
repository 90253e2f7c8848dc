"""Planning and publishing a catalog: the one way, for the API, for operators and for the start.

Owns the order of things: read the files, compare, rehearse, publish. Does not own how a catalog is
written (`adapters.catalog_file`), what changes (`billing.catalog_change`) nor storage
(`adapters.db.repositories.catalog`).
"""

import asyncio
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.catalog_file import CatalogFiles, read_files
from adapters.db.engine import snapshot, transactions
from adapters.db.queries import catalog_versions, running_subscriptions
from adapters.db.repositories.catalog import Publication
from billing.actor import Actor
from billing.catalog import Catalog, Price
from billing.catalog_change import CatalogChange, Published, Refusal, changes, refusals
from billing.catalog_plan import (
    CatalogPlan,
    PlannedChange,
    Touched,
    soonest,
    touched_subscription,
)
from billing.catalog_version import CatalogVersion, content_digest, plan_digest
from billing.errors import Conflict
from billing.rehearsal import Effect, Rehearsal, Tally

SHOWN: Final = 10
"""Subscriptions that a plan names for each price, those with the next invoices first."""

_KEPT: Final = 1_000


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


async def plan(engine: AsyncEngine, proposal: Proposal) -> CatalogPlan:
    """What publishing the files would do; nothing is changed.

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
        planned = [
            await _rehearsed(connection, change, files.catalog, published)
            for change in changes(present, files.catalog)
        ]
    return CatalogPlan(
        digest=plan_digest(based_on=number, content=content, effective_at=proposal.effective_at),
        based_on=number,
        effective_at=proposal.effective_at,
        changes=tuple(planned),
        refusals=tuple(_placed(each, files) for each in refusals(files.catalog, published)),
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

    `planned` is the digest of the plan that is to be carried out. Raises `CatalogFileError`, and
    `Conflict`: `catalog_changed` where the catalog or the files are not those of the plan, or
    where somebody else published meanwhile; and those of `SqlCatalog.publish`.
    """
    files = await asyncio.to_thread(read_files, proposal.files)
    content = content_digest(files.catalog)
    async with snapshot(engine) as connection:
        head = await catalog_versions.head(connection)
        published = await catalog_versions.published(connection)
    number = None if head is None else head.number
    _refuse_another_plan(
        planned, plan_digest(based_on=number, content=content, effective_at=proposal.effective_at)
    )
    refused = tuple(_placed(each, files) for each in refusals(files.catalog, published))
    if refused:
        raise Conflict(refused[0].code, "\n".join(each.message for each in refused))
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
    return Applied(version=version, is_new=version.number != number)


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
            "the plan is not the present one any more: the catalog, the files or the instant have"
            " changed since; plan again",
        )


async def _rehearsed(
    connection: AsyncConnection, change: CatalogChange, proposed: Catalog, published: Published
) -> PlannedChange:
    """The change, with what it would mean for those who have the price now."""
    if change.kind != "price":
        return PlannedChange(change=change)
    running = await running_subscriptions.counts(connection, price_id=change.id)
    after = {price.id: price for price in proposed.prices}
    touched: list[Touched] = []
    for old in published.prices:
        if (old.id, old.version) in running:
            new = after.get(change.replaced_by or old.id, old)
            touched.append(await _touched(connection, old, new))
    return PlannedChange(change=change, touched=tuple(touched))


async def _touched(connection: AsyncConnection, old: Price, new: Price) -> Touched:
    rehearsal, tally = Rehearsal(old=old, new=new), Tally()
    first: list[Effect] = []
    count = 0
    async for running in running_subscriptions.at_prices(connection, [(old.id, old.version)]):
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
        first=tuple(touched_subscription(effect) for effect in soonest(first, SHOWN)),
    )


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
