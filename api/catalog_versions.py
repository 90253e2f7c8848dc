"""Publishing the catalog: its plan, its versions and their files.

Owns the operations; they do what `perennial catalog` does, by the same way
(`adapters.catalog_publishing`). Does not own what is on sale (`api.catalog`).
"""

from datetime import datetime
from fractions import Fraction
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from adapters import catalog_publishing as publishing
from adapters.catalog_file import MAX_FILES
from adapters.catalog_publishing import Proposal
from adapters.db.engine import snapshot, transactions
from adapters.db.queries import catalog_versions as queries
from api.authentication import CallerOf
from api.dependencies import Deps
from api.fields import Body, CatalogFileName, Reason, Timestamp, example
from api.migration_calls import MigrationWorkflows
from api.migration_view import PriceVersionView, RehearsedRevenueView, SkippedView
from api.money_view import MoneyView
from api.page import DEFAULT_LIMIT, Limit
from api.present import machine_now
from api.route import ApiRoute, problem_responses
from billing.catalog_change import ChangeAction
from billing.catalog_plan import (
    CatalogPlan,
    MovingSubscription,
    PlannedChange,
    PlannedMove,
    Touched,
    TouchedSubscription,
)
from billing.catalog_version import CatalogVersion, VersionStatus
from billing.errors import NotFound
from billing.migration import SkipReason
from billing.money import Money, round_half_away
from billing.rehearsal import Total
from billing.subscription import SubscriptionStatus

router = APIRouter(prefix="/v1/catalog", tags=["catalog"], route_class=ApiRoute)

_LARGEST_NUMBER = 2**31 - 1
_EXAMPLE = """\
products:
  - id: studio
    name: Studio
    family: studio
    prices:
      - {id: studio_monthly, amount: "29.00", currency: USD, interval: month, unit: user}
"""

VersionNumber = Annotated[int, Path(ge=1, le=_LARGEST_NUMBER)]
WantedVersion = Annotated[
    int | None, Query(ge=1, le=_LARGEST_NUMBER, description="Else the one published last")
]
Before = Annotated[
    int | None,
    Query(ge=1, le=_LARGEST_NUMBER, description="`next_before` of the page before"),
]


class PlanInput(Body):
    """A whole catalog: its files by name. What they do not have is no longer sold."""

    model_config = example({"files": {"catalog.yaml": _EXAMPLE}})

    files: Annotated[dict[CatalogFileName, str], Field(min_length=1, max_length=MAX_FILES)]
    effective_at: Timestamp | None = Field(
        default=None, description="On sale from then on; at once where not given"
    )

    @property
    def proposal(self) -> Proposal:
        """The files as they are read."""
        return Proposal(
            files={name: content.encode() for name, content in self.files.items()},
            effective_at=self.effective_at,
        )


class ApplyInput(PlanInput):
    """A whole catalog to publish, and why."""

    model_config = example({"files": {"catalog.yaml": _EXAMPLE}, "reason": "Studio is launched"})

    plan: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="The `digest` of the plan that is to be carried out, no other"
    )
    reason: Reason | None = None


class DifferenceView(BaseModel):
    """One field before and after."""

    field: str
    before: str | None
    after: str | None


class TotalView(BaseModel):
    """What would become of all of them in one currency, if they were moved."""

    currency: str
    subscriptions: int
    dearer: int
    cheaper: int
    refused: int = Field(description="The other price is not sold in their currency or quantity")
    next_invoices_before: MoneyView = Field(
        description="For whole periods; in arrears those after the next boundary"
    )
    next_invoices_after: MoneyView
    accrued: MoneyView | None = Field(
        description="In arrears: what is invoiced first, at the old price either way, for time that"
        " was had"
    )
    monthly_revenue_before: MoneyView = Field(description="Monthly recurring revenue, rounded")
    monthly_revenue_after: MoneyView
    monthly_revenue_change: MoneyView

    @classmethod
    def of(cls, total: Total) -> Self:
        """The total; revenue is rounded once, here."""

        def money(exact: Fraction | int) -> MoneyView:
            rounded = Money(amount_minor=round_half_away(exact), currency=total.currency)
            return MoneyView.of(rounded)

        return cls(
            currency=total.currency,
            subscriptions=total.subscriptions,
            dearer=total.dearer,
            cheaper=total.cheaper,
            refused=total.refused,
            next_invoices_before=money(total.next_invoices_before_minor),
            next_invoices_after=money(total.next_invoices_after_minor),
            accrued=None if total.accrued_minor is None else money(total.accrued_minor),
            monthly_revenue_before=money(total.monthly_before),
            monthly_revenue_after=money(total.monthly_after),
            monthly_revenue_change=money(total.monthly_change),
        )


class TouchedSubscriptionView(BaseModel):
    """One that keeps its price."""

    subscription: str
    customer: str
    status: SubscriptionStatus
    quantity: int
    next_invoice_at: datetime | None
    next_invoice: MoneyView = Field(
        description="Before discounts and what comes once. For a whole period; in arrears for"
        " what will have been had by then, at the prices that it was had at"
    )
    if_moved: MoneyView = Field(
        description="The next invoice if it moved; in arrears the same, for the time before it"
    )
    following: MoneyView = Field(description="What each whole period costs from then on")
    following_if_moved: MoneyView
    invoice_total: MoneyView | None = Field(
        description="All of the next invoice with its discounts and what waits for it, before tax;"
        " null where none comes"
    )
    invoice_total_if_moved: MoneyView | None
    refusal: str | None

    @classmethod
    def of(cls, touched: TouchedSubscription) -> Self:
        """The subscription."""
        invoice = touched.invoice
        return cls(
            subscription=touched.subscription_id,
            customer=touched.customer_id,
            status=touched.status,
            quantity=touched.quantity,
            next_invoice_at=touched.next_invoice_at,
            next_invoice=MoneyView.of(touched.next_invoice),
            if_moved=MoneyView.of(touched.if_moved),
            following=MoneyView.of(touched.following),
            following_if_moved=MoneyView.of(touched.following_if_moved),
            invoice_total=None if invoice is None else MoneyView.of(invoice.total),
            invoice_total_if_moved=None if invoice is None else MoneyView.of(invoice.if_moved),
            refusal=touched.refusal,
        )


class TouchedView(BaseModel):
    """Those that run at a version of a price; publishing changes nothing for them."""

    price: str
    price_version: int
    to_price: str
    to_price_version: int
    subscriptions: int
    if_moved: list[TotalView]
    first: list[TouchedSubscriptionView] = Field(description="Those with the next invoices")

    @classmethod
    def of(cls, touched: Touched) -> Self:
        """All of them."""
        return cls(
            price=touched.price_id,
            price_version=touched.price_version,
            to_price=touched.to_price_id,
            to_price_version=touched.to_version,
            subscriptions=touched.count,
            if_moved=[TotalView.of(total) for total in touched.if_moved],
            first=[TouchedSubscriptionView.of(each) for each in touched.first],
        )


class ChangeView(BaseModel):
    """One thing that is added, changed or retired."""

    action: ChangeAction
    kind: str = Field(examples=["price"])
    id: str = Field(examples=["studio_monthly"])
    differences: list[DifferenceView]
    replaced_by: str | None
    touched: list[TouchedView]

    @classmethod
    def of(cls, planned: PlannedChange) -> Self:
        """The change."""
        change = planned.change
        return cls(
            action=change.action,
            kind=change.kind,
            id=change.id,
            differences=[
                DifferenceView(field=each.field, before=each.before, after=each.after)
                for each in change.differences
            ],
            replaced_by=change.replaced_by,
            touched=[TouchedView.of(touched) for touched in planned.touched],
        )


class MovingView(BaseModel):
    """One subscription at a price that is replaced from a day on."""

    subscription: str
    customer: str
    quantity: int
    period_amount: MoneyView
    moves_at: datetime | None = Field(description="If told at once; null where it stays")
    after: MoneyView | None = Field(description="What a period costs from then on")
    renewal: MoneyView | None = Field(
        description="In arrears: what the renewal at which it moves still bills, of the time before"
    )
    reason: SkipReason | None = Field(description="Why it stays")
    refusal: str | None

    @classmethod
    def of(cls, moving: MovingSubscription) -> Self:
        """The subscription."""
        return cls(
            subscription=moving.subscription_id,
            customer=moving.customer_id,
            quantity=moving.quantity,
            period_amount=MoneyView.of(moving.period_amount),
            moves_at=moving.moves_at,
            after=None if moving.after is None else MoneyView.of(moving.after),
            renewal=None if moving.renewal is None else MoneyView.of(moving.renewal),
            reason=moving.reason,
            refusal=moving.refusal,
        )


class MoveView(BaseModel):
    """A migration that publishing starts."""

    id: str = Field(examples=["mig_4a1b9c0d2e3f4a1b9c0d2e3f"])
    sources: list[PriceVersionView]
    target: PriceVersionView
    migrates_at: datetime
    notice_days: int
    begins_at: datetime | None = Field(description="When customers are told; null: at once")
    first_at: datetime | None = Field(description="The first renewal at the new price")
    last_at: datetime | None
    migrates: int
    skipped: list[SkippedView]
    revenue: list[RehearsedRevenueView]
    moving: list[MovingView] = Field(description="Those that move first")
    staying: list[MovingView] = Field(description="Some of those that keep their price")

    @classmethod
    def of(cls, move: PlannedMove) -> Self:
        """The migration."""
        plan, rehearsal = move.plan, move.rehearsal
        return cls(
            id=plan.migration_id,
            sources=[PriceVersionView.of(source) for source in plan.sources],
            target=PriceVersionView.of(plan.target),
            migrates_at=plan.migrates_at,
            notice_days=plan.notice_days,
            begins_at=move.begins_at,
            first_at=move.first_at,
            last_at=move.last_at,
            migrates=rehearsal.migrates,
            skipped=SkippedView.all_of(rehearsal.skipped),
            revenue=[RehearsedRevenueView.of_rehearsed(total) for total in rehearsal.totals],
            moving=[MovingView.of(each) for each in move.moving],
            staying=[MovingView.of(each) for each in move.staying],
        )


class RefusalView(BaseModel):
    """What keeps the catalog from being published."""

    code: str = Field(examples=["price_version_immutable"])
    kind: str
    id: str
    message: str


class PlanView(BaseModel):
    """What publishing would do; nothing has changed."""

    digest: str
    based_on: int | None = Field(description="The version that it is compared with")
    effective_at: datetime | None
    changes: list[ChangeView]
    refusals: list[RefusalView]
    moves: list[MoveView] = Field(description="Who is moved from a price that is replaced")

    @classmethod
    def of(cls, plan: CatalogPlan) -> Self:
        """The plan."""
        return cls(
            digest=plan.digest,
            based_on=plan.based_on,
            effective_at=plan.effective_at,
            changes=[ChangeView.of(change) for change in plan.changes],
            refusals=[
                RefusalView(code=each.code, kind=each.kind, id=each.id, message=each.message)
                for each in plan.refusals
            ],
            moves=[MoveView.of(move) for move in plan.moves],
        )


class VersionView(BaseModel):
    """One published version."""

    number: int
    status: VersionStatus
    digest: str
    actor: str = Field(examples=["operator ada"])
    reason: str | None
    published_at: datetime
    effective_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, version: CatalogVersion, status: VersionStatus) -> Self:
        """The version, and where it stands."""
        return cls(
            number=version.number,
            status=status,
            digest=version.digest,
            actor=f"{version.actor.kind} {version.actor.id}",
            reason=version.reason,
            published_at=version.published_at,
            effective_at=version.effective_at,
            withdrawn_at=version.withdrawn_at,
        )


class AppliedView(VersionView):
    """A version that was published, or is sold already."""

    migrations: list[str] = Field(
        default=[], description="Those that began with it: GET /v1/migrations/{id}"
    )


class Versions(BaseModel):
    """Versions, latest first."""

    data: list[VersionView]
    next_before: int | None = Field(description="Where the next page begins; null on the last")


class Files(BaseModel):
    """The files of a version, as they were written."""

    version: int
    files: dict[str, str]


class WithdrawInput(Body):
    """Why."""

    model_config = example({"reason": "The launch is later"})

    reason: Reason | None = None


@router.post("/plan", operation_id="plan_catalog", summary="Plan a catalog")
async def plan_catalog(body: PlanInput, deps: Deps) -> PlanView:
    """What publishing the files would do: to what is sold, and for whom. Nothing is changed."""
    return PlanView.of(await publishing.plan(deps.engine, body.proposal, now=machine_now()))


@router.post("/apply", operation_id="apply_catalog", summary="Publish a catalog")
async def apply_catalog(body: ApplyInput, deps: Deps, caller: CallerOf) -> AppliedView:
    """Publishes the files as the next version, wholly or not at all.

    Where prices are replaced from a day on, the migrations of those who have them begin; where the
    version is in force later, they begin within an hour of it.

    What is published already changes nothing. Of two at once, one is told `catalog_changed`.
    """
    applied = await publishing.apply(
        deps.engine,
        body.proposal,
        actor=caller.actor,
        reason=body.reason,
        now=machine_now(),
        planned=body.plan,
    )
    workflows = MigrationWorkflows.of(deps)
    for migration in applied.migrations:
        await workflows.start(migration)
    shown = await _shown(deps, applied.version)
    begun = [migration.migration_id for migration in applied.migrations]
    return AppliedView(**shown.model_dump(), migrations=begun)


@router.get(
    "/export",
    operation_id="export_catalog",
    summary="Export a catalog",
    responses=problem_responses(404),
)
async def export_catalog(deps: Deps, version: WantedVersion = None) -> Files:
    """The files of a version as they were written, comments included."""
    async with snapshot(deps.engine) as connection:
        head = await queries.head(connection)
        number = version if version is not None else (None if head is None else head.number)
        files = {} if number is None else await queries.files_of(connection, number)
    if number is None or not files:
        raise NotFound(
            "catalog_version_not_found",
            "there is no such version, or it was put on sale before the catalog had files",
        )
    return Files(version=number, files=files)


@router.get("/versions", operation_id="list_catalog_versions", summary="List versions")
async def list_catalog_versions(
    deps: Deps, before: Before = None, limit: Limit = DEFAULT_LIMIT
) -> Versions:
    """Every version that was published, latest first."""
    now = machine_now()
    async with snapshot(deps.engine) as connection:
        found = await queries.latest(connection, before=before, limit=limit + 1)
        in_force = await queries.in_force(connection, now)
    shown = found[:limit]
    return Versions(
        data=[
            VersionView.of(each, queries.status_of(each, in_force=in_force, now=now))
            for each in shown
        ],
        next_before=shown[-1].number if len(found) > limit else None,
    )


@router.post(
    "/versions/{catalog_version}/withdraw",
    operation_id="withdraw_catalog_version",
    summary="Withdraw a version",
)
async def withdraw_catalog_version(
    catalog_version: VersionNumber, body: WithdrawInput, deps: Deps, caller: CallerOf
) -> VersionView:
    """Takes a version back that is not in force yet."""
    async with transactions(deps.engine)() as tx:
        version = await tx.catalog.withdraw(
            catalog_version, actor=caller.actor, reason=body.reason, now=machine_now()
        )
    return await _shown(deps, version)


async def _shown(deps: Deps, version: CatalogVersion) -> VersionView:
    now = machine_now()
    async with snapshot(deps.engine) as connection:
        in_force = await queries.in_force(connection, now)
    return VersionView.of(version, queries.status_of(version, in_force=in_force, now=now))
