"""What the API says about migrations.

Owns the public shape. Revenue is in minor units per month, rounded once. Does not own operations
(`api.migrations`).
"""

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Self

from pydantic import BaseModel, Field

from adapters.db.queries.migrations import MigratingSubscription, MigrationStanding
from api.money_view import MoneyView
from billing.migration import (
    MigrationPhase,
    MigrationProgress,
    PriceVersion,
    SkippedCount,
    SkipReason,
)
from billing.migration_account import Applied, MigrationRehearsal
from billing.money import Money, round_half_away
from billing.rehearsal import Total


class PriceVersionView(BaseModel):
    """One version of a price."""

    price: str = Field(examples=["team_monthly"])
    version: int

    @classmethod
    def of(cls, version: PriceVersion) -> Self:
        """The version."""
        return cls(price=version.price_id, version=version.version)


class SkippedView(BaseModel):
    """How many stay at their price for one reason."""

    reason: SkipReason
    subscriptions: int

    @classmethod
    def all_of(cls, skipped: Iterable[SkippedCount]) -> list[Self]:
        """One for each reason."""
        return [cls(reason=each.reason, subscriptions=each.subscriptions) for each in skipped]


class RevenueView(BaseModel):
    """What the subscriptions that move pay, before and after, in one currency."""

    currency: str = Field(examples=["USD"])
    subscriptions: int
    next_invoices_before: MoneyView = Field(
        description="Their whole periods, together; in arrears those after the renewal at which"
        " they move"
    )
    next_invoices_after: MoneyView
    monthly_before: MoneyView = Field(description="Monthly recurring revenue, rounded")
    monthly_after: MoneyView
    monthly_change: MoneyView

    @classmethod
    def of_applied(cls, applied: Applied) -> Self:
        """What is so far."""
        return cls._of(
            applied.currency,
            applied.subscriptions,
            (applied.invoices_before_minor, applied.invoices_after_minor),
            (applied.monthly_before, applied.monthly_after),
        )

    @classmethod
    def _of(
        cls,
        currency: str,
        subscriptions: int,
        invoices: tuple[int, int],
        monthly: tuple[Fraction, Fraction],
    ) -> Self:
        def money(exact: Fraction | int) -> MoneyView:
            return MoneyView.of(Money(amount_minor=round_half_away(exact), currency=currency))

        return cls(
            currency=currency,
            subscriptions=subscriptions,
            next_invoices_before=money(invoices[0]),
            next_invoices_after=money(invoices[1]),
            monthly_before=money(monthly[0]),
            monthly_after=money(monthly[1]),
            monthly_change=money(monthly[1] - monthly[0]),
        )


class RehearsedRevenueView(RevenueView):
    """What will be."""

    accrued: MoneyView | None = Field(
        default=None,
        description="In arrears: what the renewals at which they move still bill of the time before"
        " them, at the old price; null where everything is paid in advance",
    )

    @classmethod
    def of_rehearsed(cls, total: Total) -> Self:
        """One currency of a rehearsal."""
        view = cls._of(
            total.currency,
            total.subscriptions,
            (total.next_invoices_before_minor, total.next_invoices_after_minor),
            (total.monthly_before, total.monthly_after),
        )
        if total.accrued_minor is not None:
            accrued = Money(amount_minor=total.accrued_minor, currency=total.currency)
            view.accrued = MoneyView.of(accrued)
        return view


class MigrationRehearsalView(BaseModel):
    """What a migration would do if it started now."""

    migrates: int
    skipped: list[SkippedView]
    revenue: list[RehearsedRevenueView]
    digest: str = Field(
        description="Start the migration with it: it does exactly this or is refused",
        examples=["5d41402abc4b2a76b9719d911017c592"],
    )

    @classmethod
    def of(cls, rehearsal: MigrationRehearsal) -> Self:
        """The rehearsal."""
        return cls(
            migrates=rehearsal.migrates,
            skipped=SkippedView.all_of(rehearsal.skipped),
            revenue=[RehearsedRevenueView.of_rehearsed(total) for total in rehearsal.totals],
            digest=rehearsal.digest,
        )


class MigrationView(BaseModel):
    """A migration and how far it is."""

    id: str = Field(examples=["mig_4a1b9c0d2e3f4a1b9c0d2e3f"])
    phase: MigrationPhase
    sources: list[PriceVersionView]
    target: PriceVersionView
    migrates_at: datetime
    notice_days: int
    per_minute: int
    reason: str
    created_at: datetime
    finished_at: datetime | None
    pending: int = Field(description="To be told")
    scheduled: int = Field(description="Told, and waiting for their renewal")
    migrated: int
    skipped: list[SkippedView]
    rolled_back: int
    rehearsal: MigrationRehearsalView
    applied: list[RevenueView] = Field(description="What those that moved have changed so far")

    @classmethod
    def of(cls, standing: MigrationStanding) -> Self:
        """The migration."""
        migration, counts = standing.migration, standing.counts
        plan = migration.plan
        return cls(
            id=plan.migration_id,
            phase=migration.phase,
            sources=[PriceVersionView.of(source) for source in plan.sources],
            target=PriceVersionView.of(plan.target),
            migrates_at=plan.migrates_at,
            notice_days=plan.notice_days,
            per_minute=plan.per_minute,
            reason=migration.reason,
            created_at=migration.created_at,
            finished_at=migration.finished_at,
            pending=counts.pending,
            scheduled=counts.scheduled,
            migrated=counts.migrated,
            skipped=SkippedView.all_of(standing.skipped),
            rolled_back=counts.rolled_back,
            rehearsal=MigrationRehearsalView.of(migration.rehearsal),
            applied=[RevenueView.of_applied(applied) for applied in standing.applied],
        )


class MigratingSubscriptionView(BaseModel):
    """Where one subscription stands in a migration."""

    subscription: str = Field(examples=["sub_4a1b9c0d2e3f4a1b9c0d2e3f"])
    state: MigrationProgress
    reason: SkipReason | None = Field(description="Why it is skipped")
    old: PriceVersionView
    quantity: int
    period_before: MoneyView
    period_after: MoneyView
    not_before: datetime | None
    scheduled_at: datetime | None = Field(description="When its customer was told")
    settled_at: datetime | None

    @classmethod
    def of(cls, row: MigratingSubscription) -> Self:
        """The subscription."""
        return cls(
            subscription=row.subscription_id,
            state=row.state,
            reason=row.reason,
            old=PriceVersionView(price=row.old_price_id, version=row.old_version),
            quantity=row.quantity,
            period_before=MoneyView.of(row.before),
            period_after=MoneyView.of(row.after),
            not_before=row.not_before,
            scheduled_at=row.scheduled_at,
            settled_at=row.settled_at,
        )
