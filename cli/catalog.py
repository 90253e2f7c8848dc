"""`perennial catalog`: validate, plan, apply, export, history and withdraw.

Owns what the commands say. Operators publish by the same way as the API, with their name in the
audit log (policy P34).
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Final

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters import catalog_publishing as publishing
from adapters.catalog_file import read_files, read_sources
from adapters.catalog_publishing import Applied, Proposal
from adapters.db.engine import snapshot, transactions
from adapters.db.queries import catalog_versions as queries
from api.migration_calls import MigrationWorkflows
from billing.catalog_plan import CatalogPlan
from billing.catalog_version import CatalogVersion, VersionStatus
from billing.errors import InvalidInput, NotFound
from billing.migration_account import RecordedMigration
from cli import temporal
from cli.catalog_plan import show
from cli.database import run
from cli.operator import operator_named
from cli.tables import print_table
from local.process import ProcessError
from workflows.messages import SUBSCRIPTION_TASK_QUEUE
from workflows.migration_page import migration_name
from workflows.wording import instant

_PATIENCE: Final = timedelta(seconds=20)


def validate(path: Path) -> None:
    """Raises `CatalogFileError`, whose lines say what to correct and where."""
    catalog = read_files(read_sources(path)).catalog
    typer.echo(
        f"{path}: {len(catalog.products)} products and {len(catalog.prices)} prices,"
        " nothing to correct"
    )


def plan(database_url: str, path: Path, *, effective_at: datetime | None, as_json: bool) -> bool:
    """Shows the plan; whether it may be applied."""
    proposal = Proposal(files=read_sources(path), effective_at=effective_at)
    now = datetime.now(UTC)

    async def work(engine: AsyncEngine) -> CatalogPlan:
        return await publishing.plan(engine, proposal, now=now)

    found = run(database_url, work)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        show(found, path)
    return not found.refusals


def apply(
    root: Path,
    database_url: str,
    path: Path,
    *,
    planned: str | None,
    reason: str | None,
    effective_at: datetime | None,
    actor: str | None,
) -> None:
    """Publishes the files; what is published already is said so."""
    author, now = operator_named(actor), datetime.now(UTC)
    proposal = Proposal(files=read_sources(path), effective_at=effective_at)

    async def work(engine: AsyncEngine) -> Applied:
        applied = await publishing.apply(
            engine, proposal, actor=author, reason=reason, now=now, planned=planned
        )
        await _begin(root, applied.migrations)
        return applied

    applied = run(database_url, work)
    version = applied.version
    if not applied.is_new:
        typer.echo(f"version {version.number} sells this already: nothing is changed")
    elif version.is_scheduled(now):
        typer.echo(
            f"version {version.number} is published and comes into force at"
            f" {instant(version.effective_at)}; until then: perennial catalog withdraw"
            f" {version.number}"
        )
    else:
        typer.echo(f"version {version.number} is published and in force")
    for migration in applied.migrations:
        typer.echo(f"{migration.migration_id}: {migration_name(migration.plan)}")
        typer.echo(f"watch it with: perennial migrations show {migration.migration_id}")


async def _begin(root: Path, migrations: tuple[RecordedMigration, ...]) -> None:
    """Now, or by the hourly reconciliation where Temporal is out of reach."""
    if not migrations:
        return
    try:
        client = await temporal.connect(root)
    except ProcessError as error:
        typer.echo(f"{error}; they begin within an hour", err=True)
        return
    workflows = MigrationWorkflows(client, task_queue=SUBSCRIPTION_TASK_QUEUE, patience=_PATIENCE)
    for migration in migrations:
        await workflows.start(migration)


def export(database_url: str, *, number: int | None, to: Path | None) -> None:
    """Shows the one file, or writes all of them into the folder.

    Raises `NotFound` (`catalog_version_not_found`) and `InvalidInput` (`folder_needed`).
    """

    async def work(engine: AsyncEngine) -> dict[str, str]:
        async with snapshot(engine) as connection:
            head = await queries.head(connection)
            wanted = number if number is not None else (None if head is None else head.number)
            return {} if wanted is None else await queries.files_of(connection, wanted)

    files = run(database_url, work)
    if not files:
        raise NotFound(
            "catalog_version_not_found",
            "there is no such version, or it was put on sale before the catalog had files",
        )
    if to is not None:
        for name, content in files.items():
            _write(to, name, content)
        typer.echo(f"{to}: {len(files)} files")
        return
    if len(files) > 1:
        raise InvalidInput(
            "folder_needed", f"the version has {len(files)} files: say where with --to FOLDER"
        )
    for content in files.values():
        typer.echo(content, nl=False)


def history(database_url: str, *, limit: int, as_json: bool) -> None:
    """Lists versions, latest first."""
    now = datetime.now(UTC)

    async def work(
        engine: AsyncEngine,
    ) -> tuple[tuple[CatalogVersion, ...], CatalogVersion | None]:
        async with snapshot(engine) as connection:
            versions = await queries.latest(connection, before=None, limit=limit)
            return versions, await queries.in_force(connection, now)

    versions, in_force = run(database_url, work)
    statuses = {v.number: queries.status_of(v, in_force=in_force, now=now) for v in versions}
    if as_json:
        documents = [
            json.loads(version.model_dump_json()) | {"status": statuses[version.number]}
            for version in versions
        ]
        typer.echo(json.dumps(documents, indent=2))
        return
    header = ("version", "status", "effective", "published", "by", "digest", "reason")
    print_table(header, (_row(version, statuses[version.number]) for version in versions))


def withdraw(database_url: str, number: int, *, reason: str | None, actor: str | None) -> None:
    """Takes a scheduled version back."""
    author, now = operator_named(actor), datetime.now(UTC)

    async def work(engine: AsyncEngine) -> CatalogVersion:
        async with transactions(engine)() as tx:
            return await tx.catalog.withdraw(number, actor=author, reason=reason, now=now)

    version = run(database_url, work)
    typer.echo(f"version {version.number} is withdrawn; what was on sale stays")


def _row(version: CatalogVersion, status: VersionStatus) -> tuple[str, ...]:
    return (
        str(version.number),
        str(status),
        instant(version.effective_at),
        instant(version.published_at),
        f"{version.actor.kind} {version.actor.id}",
        version.digest[:12],
        version.reason or "-",
    )


def _write(folder: Path, name: str, content: str) -> None:
    """Never outside of the folder, whatever somebody called a file."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InvalidInput("file_name_unsafe", f"{name!r} would lie outside of the folder")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, encoding="utf-8")
