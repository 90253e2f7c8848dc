"""`perennial migrations`: rehearsing, starting, watching and steering price migrations.

Owns how they look in a terminal. Everything is read from the database; a migration is steered by
the updates that the API sends too. Does not own what is decided (`activities.migration_enrolment`).
"""

import asyncio
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy.ext.asyncio import AsyncEngine

from activities import migration_enrolment
from adapters.db.engine import create_engine, reading, transactions
from adapters.db.queries import migrations
from adapters.db.queries.migrations import MigratingSubscription, MigrationStanding
from adapters.db.transaction import SqlTransaction
from api.migration_calls import MigrationWorkflows
from api.migration_view import (
    MigratingSubscriptionView,
    MigrationRehearsalView,
    MigrationView,
    RehearsedRevenueView,
    RevenueView,
)
from api.problems import Unavailable
from billing.actor import Actor
from billing.errors import InvalidInput, NotFound
from billing.migration import (
    Canary,
    MigrationPlan,
    MigrationProgress,
    PriceVersion,
    SkipReason,
)
from billing.migration_account import MigrationRehearsal, RecordedMigration
from billing.value import Instant, Value
from cli import temporal
from cli.database import run
from cli.operator import operator_named
from cli.refusals import Unanswered
from cli.tables import print_table
from workflows.messages import (
    MIGRATION_UPDATES,
    SUBSCRIPTION_TASK_QUEUE,
    AnyMigrationCommand,
)
from workflows.migration_page import migration_name
from workflows.wording import instant

_PATIENCE: Final = timedelta(seconds=20)
_VERSION: Final = re.compile(r"([a-z][a-z0-9_]{1,62})(?:@([1-9][0-9]{0,8}))?")
_SHARE: Final = re.compile(r"([1-9][0-9]{0,6})(%?)")
_PAGE: Final = 100
_LOOK_AGAIN_SECONDS: Final = 1.0


class Wish(Value):
    """A migration as it is typed."""

    sources: tuple[str, ...]
    target: str
    migrates_at: Instant
    notice_days: int
    canary: Canary | None = None
    per_minute: int = 600


def canary_of(text: str | None, *, hours: int | None) -> Canary | None:
    """`5%` or `20`. Raises `InvalidInput` (`canary_unreadable`)."""
    if text is None:
        return None
    found = _SHARE.fullmatch(text)
    wait = None if hours is None else timedelta(hours=hours)
    if found is not None and not found[2]:
        return Canary(count=int(found[1]), wait=wait)
    if found is not None and int(found[1]) <= _PAGE:
        return Canary(percent=int(found[1]), wait=wait)
    raise InvalidInput("canary_unreadable", f"--canary takes 5% or 20, not {text!r}")


def rehearse(database_url: str, wish: Wish, *, as_json: bool) -> None:
    """Says what the migration would do. Raises `InvalidInput`."""

    async def work(engine: AsyncEngine) -> tuple[MigrationPlan, MigrationRehearsal]:
        async with transactions(engine)() as tx:
            plan = await _plan(tx, wish, migration_id="rehearsal")
            now = datetime.now(UTC)
            return plan, await migration_enrolment.rehearse(tx, plan, now=now)

    plan, rehearsal = run(database_url, work)
    view = MigrationRehearsalView.of(rehearsal)
    if as_json:
        typer.echo(view.model_dump_json(indent=2))
        return
    typer.echo(f"{migration_name(plan)}: {view.migrates} move, {rehearsal.stays} stay")
    _print_skipped(view)
    _print_rehearsed(view.revenue)
    typer.echo(f"\nstart exactly this with --rehearsal {view.digest}")


def start(
    root: Path,
    database_url: str,
    wish: Wish,
    *,
    digest: str,
    reason: str,
    actor: str | None,
    as_json: bool,
) -> None:
    """Starts what was rehearsed. Raises `InvalidInput` and `Conflict` (`rehearsal_outdated`)."""
    said_by, why = operator_named(actor), _why(reason)
    started = asyncio.run(_started(root, database_url, wish, digest, said_by, why))
    if as_json:
        typer.echo(json.dumps({"id": started.migration_id}))
        return
    typer.echo(f"{started.migration_id}: {migration_name(started.plan)}")
    typer.echo(f"watch it with: perennial migrations show {started.migration_id}")


async def _started(
    root: Path, database_url: str, wish: Wish, digest: str, actor: Actor, reason: str
) -> RecordedMigration:
    engine = create_engine(database_url)
    try:
        async with transactions(engine)() as tx:
            plan = await _plan(tx, wish, migration_id=f"mig_{secrets.token_hex(12)}")
            now = datetime.now(UTC)
            started = await migration_enrolment.start(
                tx, plan, digest=digest, actor=actor, reason=reason, now=now
            )
        await (await _workflows(root)).start(started)
        return started
    finally:
        await engine.dispose()


def show_list(database_url: str, *, limit: int, as_json: bool) -> None:
    """Lists migrations, newest first."""

    async def read(engine: AsyncEngine) -> tuple[MigrationStanding, ...]:
        async with reading(engine) as connection:
            return (await migrations.standings(connection, limit=limit)).items

    found = run(database_url, read)
    if as_json:
        _print_json(MigrationView.of(standing) for standing in found)
        return
    header = ("migration", "phase", "moved", "told", "to tell", "stay", "since", "what")
    print_table(header, (_row(standing) for standing in found))


def _row(standing: MigrationStanding) -> tuple[str, ...]:
    counts, migration = standing.counts, standing.migration
    return (
        migration.migration_id,
        migration.phase,
        str(counts.migrated),
        str(counts.scheduled),
        str(counts.pending),
        str(counts.skipped + counts.rolled_back),
        instant(migration.created_at),
        migration_name(migration.plan),
    )


def show(database_url: str, migration_id: str, *, watch: bool, as_json: bool) -> None:
    """Shows how far it is. Raises `NotFound` (`migration_not_found`)."""

    async def read(engine: AsyncEngine) -> MigrationStanding:
        if not as_json:
            return await _drawn(engine, migration_id, watch=watch)
        return await _standing(engine, migration_id)

    standing = run(database_url, read)
    view = MigrationView.of(standing)
    if as_json:
        typer.echo(view.model_dump_json(indent=2))
        return
    migration = standing.migration
    typer.echo(f"{migration_name(migration.plan)} is {migration.phase}: {migration.reason}")
    _print_skipped(view)
    typer.echo("\nrehearsed")
    _print_rehearsed(view.rehearsal.revenue)
    typer.echo("\napplied so far")
    _print_revenue(view.applied)


async def _drawn(engine: AsyncEngine, migration_id: str, *, watch: bool) -> MigrationStanding:
    """Two bars, drawn once or until nobody is left to tell."""
    columns = (TextColumn("{task.description:>6}"), BarColumn(bar_width=40), MofNCompleteColumn())
    with Progress(*columns, console=Console()) as progress:
        told, moved = progress.add_task("told"), progress.add_task("moved")
        while True:
            standing = await _standing(engine, migration_id)
            counts = standing.counts
            moving = counts.total - counts.skipped
            progress.update(told, total=moving, completed=moving - counts.pending)
            progress.update(moved, total=moving, completed=counts.migrated)
            if not watch or counts.pending == 0:
                return standing
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def show_skipped(
    database_url: str, migration_id: str, *, reason: str | None, as_json: bool
) -> None:
    """Lists who stays. Raises `NotFound` and `InvalidInput` (`reason_unknown`)."""
    wanted = None if reason is None else _reason(reason)

    async def read(engine: AsyncEngine) -> list[MigratingSubscription]:
        await _standing(engine, migration_id)
        found: list[MigratingSubscription] = []
        cursor = None
        async with reading(engine) as connection:
            while True:
                page = await migrations.subscriptions_of(
                    connection,
                    migration_id,
                    state=MigrationProgress.SKIPPED,
                    reason=wanted,
                    cursor=cursor,
                    limit=_PAGE,
                )
                found += page.items
                cursor = page.next_cursor
                if cursor is None:
                    return found

    found = run(database_url, read)
    if as_json:
        _print_json(MigratingSubscriptionView.of(row) for row in found)
        return
    header = ("subscription", "reason", "price", "quantity", "a period costs")
    print_table(
        header,
        (
            (
                row.subscription_id,
                row.reason or "-",
                f"{row.old_price_id}@{row.old_version}",
                str(row.quantity),
                str(row.before),
            )
            for row in found
        ),
    )


def steer(
    root: Path,
    database_url: str,
    migration_id: str,
    update: str,
    *,
    reason: str,
    actor: str | None,
) -> None:
    """Has the migration paused, resumed, continued or rolled back.

    Raises `NotFound` (`migration_not_found`), `Conflict` (`migration_finished`), `Unanswered`.
    """
    kind = next(kind for kind, name in MIGRATION_UPDATES.items() if name == update)
    command = kind(
        command_id=f"cmd_{secrets.token_hex(12)}",
        actor=operator_named(actor),
        reason=_why(reason),
    )
    standing = asyncio.run(_steered(root, database_url, migration_id, command))
    typer.echo(f"{migration_id} is {standing.migration.phase}")


async def _steered(
    root: Path, database_url: str, migration_id: str, command: AnyMigrationCommand
) -> MigrationStanding:
    engine = create_engine(database_url)
    try:
        standing = await _standing(engine, migration_id)
        try:
            await (await _workflows(root)).command(standing.migration, command)
        except Unavailable as error:
            raise Unanswered(f"{error.message}; look with `perennial migrations show`") from None
        return await _standing(engine, migration_id)
    finally:
        await engine.dispose()


async def _workflows(root: Path) -> MigrationWorkflows:
    client = await temporal.connect(root)
    return MigrationWorkflows(client, task_queue=SUBSCRIPTION_TASK_QUEUE, patience=_PATIENCE)


async def _plan(tx: SqlTransaction, wish: Wish, *, migration_id: str) -> MigrationPlan:
    target_id, target_version = _version(wish.target)
    if target_version is None:
        offered = await tx.prices.offer(target_id)
        target_version = offered.price.version
    plan = await migration_enrolment.planned(
        tx,
        migration_id=migration_id,
        sources=[_version(source) for source in wish.sources],
        target=PriceVersion(price_id=target_id, version=target_version),
        migrates_at=wish.migrates_at,
        notice_days=wish.notice_days,
    )
    return plan.model_copy(update={"canary": wish.canary, "per_minute": wish.per_minute})


def _version(text: str) -> tuple[str, int | None]:
    found = _VERSION.fullmatch(text)
    if found is None:
        raise InvalidInput("price_unreadable", f"write team_monthly@2, not {text!r}")
    return found[1], None if found[2] is None else int(found[2])


def _reason(text: str) -> SkipReason:
    try:
        return SkipReason(text)
    except ValueError:
        known = ", ".join(SkipReason)
        raise InvalidInput("reason_unknown", f"there are the reasons {known}") from None


def _why(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput("reason_required", "say why with --reason: the audit log keeps it")
    return reason.strip()


async def _standing(engine: AsyncEngine, migration_id: str) -> MigrationStanding:
    async with reading(engine) as connection:
        found = await migrations.standing(connection, migration_id)
    if found is None:
        raise NotFound("migration_not_found", f"no migration {migration_id}")
    return found


def _print_skipped(view: MigrationRehearsalView | MigrationView) -> None:
    if view.skipped:
        print_table(
            ("stays", "subscriptions"),
            ((each.reason, str(each.subscriptions)) for each in view.skipped),
        )


def _print_rehearsed(revenue: Sequence[RehearsedRevenueView]) -> None:
    _print_revenue(revenue)
    for each in revenue:
        if each.accrued is not None:
            typer.echo(
                f"the renewals at which they move bill {each.accrued.text} for what was had until"
                " then, at the old price"
            )


def _print_revenue(revenue: Iterable[RevenueView]) -> None:
    header = (
        "currency",
        "subscriptions",
        "next invoices",
        "become",
        "a month",
        "becomes",
        "change",
    )
    print_table(
        header,
        (
            (
                each.currency,
                str(each.subscriptions),
                each.next_invoices_before.text,
                each.next_invoices_after.text,
                each.monthly_before.text,
                each.monthly_after.text,
                each.monthly_change.text,
            )
            for each in revenue
        ),
    )


def _print_json(views: Iterable[BaseModel]) -> None:
    typer.echo(json.dumps([json.loads(view.model_dump_json()) for view in views], indent=2))
