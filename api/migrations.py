"""Migrations: moving running subscriptions to another price version (policy P33).

Owns rehearsing, starting, reading and steering them. What starts is what was rehearsed: a start
names the rehearsal by its digest. Does not own the decisions (`activities.migration_enrolment`) nor
carrying them out (`workflows.catalog_migration`).
"""

from datetime import timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from activities import migration_enrolment
from adapters.db.engine import reading, transactions
from adapters.db.queries import migrations
from adapters.db.queries.migrations import MigrationStanding
from adapters.db.transaction import SqlTransaction
from api.authentication import CallerOf
from api.dependencies import Dependencies, Deps
from api.fields import Body, MigrationId, PriceId, Reason, Timestamp, example
from api.idempotency import Ids, RequestIds
from api.migration_calls import MigrationWorkflows
from api.migration_view import (
    MigratingSubscriptionView,
    MigrationRehearsalView,
    MigrationView,
)
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.present import machine_now
from api.route import ApiRoute
from billing.errors import NotFound
from billing.migration import (
    Canary,
    MigrationPlan,
    MigrationProgress,
    PriceVersion,
    SkipReason,
)
from workflows.messages import (
    AnyMigrationCommand,
    ContinueMigration,
    PauseMigration,
    ResumeMigration,
    RollBackMigration,
)

router = APIRouter(prefix="/v1/migrations", tags=["migrations"], route_class=ApiRoute)

Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class SourceInput(Body):
    """A price that is to be replaced."""

    price: PriceId
    version: Version | None = Field(
        default=None, description="Without it every version but the one that is moved to"
    )


class TargetInput(Body):
    """The price version that is moved to."""

    price: PriceId
    version: Version


class CanaryInput(Body):
    """Who is told first: so many, or so many of a hundred."""

    count: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    wait_hours: Annotated[int, Field(ge=1, le=8_760)] | None = Field(
        default=None, description="How long the others wait; without it until `continue`"
    )

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.count is None) == (self.percent is None):
            raise PydanticCustomError(
                "exactly_one_field", "write either count or percent, not both"
            )
        return self

    @property
    def canary(self) -> Canary:
        """The same for the rules."""
        wait = None if self.wait_hours is None else timedelta(hours=self.wait_hours)
        return Canary(count=self.count, percent=self.percent, wait=wait)


class PlanInput(Body):
    """What is to become of running subscriptions."""

    model_config = example(
        {
            "sources": [{"price": "team_monthly", "version": 1}],
            "target": {"price": "business_monthly", "version": 1},
            "migrates_at": "2026-12-10T00:00:00Z",
            "notice_days": 30,
        }
    )

    sources: Annotated[list[SourceInput], Field(min_length=1, max_length=20)]
    target: TargetInput
    migrates_at: Timestamp = Field(description="No subscription moves before it")
    notice_days: Annotated[int, Field(ge=0, le=365)] = Field(
        default=30, description="How long before its renewal a customer is told, at least"
    )


class MigrationInput(PlanInput):
    """A migration to start, as it was rehearsed."""

    model_config = example(
        {
            "sources": [{"price": "team_monthly", "version": 1}],
            "target": {"price": "business_monthly", "version": 1},
            "migrates_at": "2026-12-10T00:00:00Z",
            "notice_days": 30,
            "rehearsal": "5d41402abc4b2a76b9719d911017c592",
            "canary": {"percent": 1},
            "per_minute": 600,
            "reason": "The price of 2024 ends",
        }
    )

    rehearsal: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] = Field(
        description="The digest of the rehearsal: what starts does exactly that"
    )
    canary: CanaryInput | None = None
    per_minute: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=600, description="How many customers are told in a minute, at most"
    )
    reason: Reason


class SteeringInput(Body):
    """Why a migration is paused, resumed, continued or rolled back."""

    model_config = example({"reason": "Customers ask too many questions"})

    reason: Reason


@router.post("/rehearse", operation_id="rehearse_migration", summary="Rehearse a price migration")
async def rehearse_migration(body: PlanInput, deps: Deps, ids: Ids) -> MigrationRehearsalView:
    """Who would move, who would stay and why, and what it does to revenue. Changes nothing.

    Dates depend on when each customer is told; whoever changes meanwhile is decided about again.
    """
    async with transactions(deps.engine)() as tx:
        plan = await _plan(tx, body, migration_id=ids.new("mig"))
        rehearsal = await migration_enrolment.rehearse(tx, plan, now=machine_now())
    return MigrationRehearsalView.of(rehearsal)


@router.post("", status_code=201, operation_id="start_migration", summary="Start a price migration")
async def start_migration(
    body: MigrationInput, deps: Deps, caller: CallerOf, ids: Ids
) -> MigrationView:
    """Does exactly what was rehearsed, or answers `rehearsal_outdated`.

    Each customer gets one notice and moves at a renewal on or after `migrates_at` and the end of
    the notice. Who has canceled, owes, rests, is in trial or has a contract is skipped.
    """
    canary = None if body.canary is None else body.canary.canary
    async with transactions(deps.engine)() as tx:
        plan = await _plan(tx, body, migration_id=ids.new("mig"))
        plan = plan.model_copy(update={"canary": canary, "per_minute": body.per_minute})
        started = await migration_enrolment.start(
            tx,
            plan,
            digest=body.rehearsal,
            actor=caller.actor,
            reason=body.reason,
            now=machine_now(),
        )
    await MigrationWorkflows.of(deps).start(started)
    return MigrationView.of(await _standing(deps, plan.migration_id))


@router.get("", operation_id="list_migrations", summary="List price migrations")
async def list_migrations(
    deps: Deps, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[MigrationView]:
    """Newest first."""
    async with reading(deps.engine) as connection:
        page = await migrations.standings(connection, cursor=cursor, limit=limit)
    return Page[MigrationView].of(page, MigrationView.of)


@router.get("/{migration_id}", operation_id="read_migration", summary="Read a price migration")
async def read_migration(migration_id: MigrationId, deps: Deps) -> MigrationView:
    """How far it is, and what it has changed so far."""
    return MigrationView.of(await _standing(deps, migration_id))


@router.get(
    "/{migration_id}/subscriptions",
    operation_id="list_migration_subscriptions",
    summary="List the subscriptions of a price migration",
)
async def list_migration_subscriptions(
    *,
    migration_id: MigrationId,
    deps: Deps,
    state: Annotated[MigrationProgress | None, Query()] = None,
    reason: Annotated[SkipReason | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[MigratingSubscriptionView]:
    """Every subscription that had an old price when it began, and where it stands."""
    await _standing(deps, migration_id)
    async with reading(deps.engine) as connection:
        page = await migrations.subscriptions_of(
            connection, migration_id, state=state, reason=reason, cursor=cursor, limit=limit
        )
    return Page[MigratingSubscriptionView].of(page, MigratingSubscriptionView.of)


@router.post(
    "/{migration_id}/pause", operation_id="pause_migration", summary="Pause a price migration"
)
async def pause_migration(
    migration_id: MigrationId, body: SteeringInput, deps: Deps, caller: CallerOf, ids: Ids
) -> MigrationView:
    """Nobody else is told. Who was told moves all the same: `rollback` keeps them."""
    said = _said(body, caller, ids)
    return await _steered(deps, migration_id, PauseMigration.model_validate(said))


@router.post(
    "/{migration_id}/resume", operation_id="resume_migration", summary="Resume a price migration"
)
async def resume_migration(
    migration_id: MigrationId, body: SteeringInput, deps: Deps, caller: CallerOf, ids: Ids
) -> MigrationView:
    """Goes on where it was paused."""
    said = _said(body, caller, ids)
    return await _steered(deps, migration_id, ResumeMigration.model_validate(said))


@router.post(
    "/{migration_id}/continue",
    operation_id="continue_migration",
    summary="Continue after the first ones",
)
async def continue_migration(
    migration_id: MigrationId, body: SteeringInput, deps: Deps, caller: CallerOf, ids: Ids
) -> MigrationView:
    """The first ones were watched long enough: everybody else is told."""
    said = _said(body, caller, ids)
    return await _steered(deps, migration_id, ContinueMigration.model_validate(said))


@router.post(
    "/{migration_id}/rollback",
    operation_id="roll_back_migration",
    summary="Roll a price migration back",
)
async def roll_back_migration(
    migration_id: MigrationId, body: SteeringInput, deps: Deps, caller: CallerOf, ids: Ids
) -> MigrationView:
    """Whoever has not renewed at the new price stays at the old one, and is told so."""
    said = _said(body, caller, ids)
    return await _steered(deps, migration_id, RollBackMigration.model_validate(said))


async def _plan(tx: SqlTransaction, body: PlanInput, *, migration_id: str) -> MigrationPlan:
    return await migration_enrolment.planned(
        tx,
        migration_id=migration_id,
        sources=[(source.price, source.version) for source in body.sources],
        target=PriceVersion(price_id=body.target.price, version=body.target.version),
        migrates_at=body.migrates_at,
        notice_days=body.notice_days,
    )


def _said(body: SteeringInput, caller: CallerOf, ids: RequestIds) -> dict[str, object]:
    return {"command_id": ids.new("cmd"), "actor": caller.actor, "reason": body.reason}


async def _steered(
    deps: Dependencies, migration_id: str, command: AnyMigrationCommand
) -> MigrationView:
    standing = await _standing(deps, migration_id)
    await MigrationWorkflows.of(deps).command(standing.migration, command)
    return MigrationView.of(await _standing(deps, migration_id))


async def _standing(deps: Dependencies, migration_id: str) -> MigrationStanding:
    async with reading(deps.engine) as connection:
        found = await migrations.standing(connection, migration_id)
    if found is None:
        raise NotFound("migration_not_found", f"no migration {migration_id}")
    return found
