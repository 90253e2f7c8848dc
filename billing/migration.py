"""Moving running subscriptions to another price version: what is asked for (policy P33).

Owns the plan of a migration and the words for what becomes of each subscription in it. Does not own
who is fit for it and when (`billing.migrating`) nor its accounts (`billing.migration_account`).
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from billing.value import Instant, Value


class MigrationProgress(StrEnum):
    """Where one subscription stands in a migration."""

    PENDING = "pending"
    """It was not told yet."""
    SCHEDULED = "scheduled"
    """Its customer has the notice, and it moves at the renewal that the notice names."""
    MIGRATED = "migrated"
    SKIPPED = "skipped"
    ROLLED_BACK = "rolled_back"


UNSETTLED: Final = (
    MigrationProgress.PENDING,
    MigrationProgress.SCHEDULED,
)
"""Something is still to happen to it."""


class SkipReason(StrEnum):
    """Why a subscription stays at its price. The first that applies is told."""

    ENDED = "ended"
    NOT_STARTED = "not_started"
    """Its customer is still at the checkout."""
    TRIALING = "trialing"
    PAUSED = "paused"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    CANCEL_PENDING = "cancel_pending"
    CHANGE_PENDING = "change_pending"
    """A change that its customer asked for waits or is being paid."""
    CONTRACT_LOCKED = "contract_locked"
    """Its price is promised beyond the renewal at which it would move."""
    OTHER_MIGRATION = "other_migration"
    """Another migration has told it already."""
    CHANGED = "changed"
    """Its customer chose something else after the notice."""
    CURRENCY = "currency"
    """The new price is not in its currency."""
    BILLING = "billing"
    """One is billed in advance and the other in arrears."""
    QUANTITY = "quantity"
    """The new price is not sold in its quantity."""


class PriceVersion(Value):
    """One immutable version of a price."""

    price_id: str
    version: int

    def __str__(self) -> str:
        return f"{self.price_id}@{self.version}"


class Canary(Value):
    """Who is told first, before everybody else: so many, or so many of a hundred."""

    count: Annotated[int, Field(ge=1)] | None = None
    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    wait: timedelta | None = None
    """How long the others wait after them; None: until somebody says `continue`."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.count is None) == (self.percent is None):
            raise ValueError("give either count or percent")
        return self

    def of(self, subscriptions: int) -> int:
        """How many that are; a share is rounded up, so that there is one."""
        if self.count is not None:
            return min(self.count, subscriptions)
        return -(-subscriptions * (self.percent or 0) // 100)


NoticeDays = Annotated[int, Field(ge=0, le=365)]
PerMinute = Annotated[int, Field(ge=1, le=10_000)]


class MigrationRule(Value):
    """How those who have a price that is no longer sold are moved to what replaces it (P33)."""

    migrates_at: Instant
    """No renewal before it moves."""
    notice_days: NoticeDays = 30
    canary: Canary | None = None
    per_minute: PerMinute = 600


class MigrationPlan(Value):
    """What somebody wants: these price versions become that one (policy P33)."""

    migration_id: str
    sources: tuple[PriceVersion, ...]
    target: PriceVersion
    migrates_at: Instant
    notice_days: NoticeDays = 30
    canary: Canary | None = None
    per_minute: PerMinute = 600
    """How many customers are told in a minute, at most."""

    @property
    def notice(self) -> timedelta:
        """How long before the renewal a customer is told, at least."""
        return timedelta(days=self.notice_days)


class MigrationPhase(StrEnum):
    """Where a whole migration stands."""

    TELLING = "telling"
    """Customers are told, the first ones or all."""
    WATCHING = "watching"
    """The first ones are told; the others wait."""
    PAUSED = "paused"
    """Nobody is told; who was told moves all the same."""
    RENEWING = "renewing"
    """Everybody is told; their renewals move them one by one."""
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    COMPLETED = "completed"


FINISHED_PHASES: Final = frozenset({MigrationPhase.ROLLED_BACK, MigrationPhase.COMPLETED})
"""Nothing is left to do."""


class MigrationCounts(Value):
    """How many subscriptions stand where."""

    pending: int = 0
    scheduled: int = 0
    migrated: int = 0
    skipped: int = 0
    rolled_back: int = 0

    @property
    def total(self) -> int:
        """All that had one of the old prices when it began."""
        return self.pending + self.scheduled + self.migrated + self.skipped + self.rolled_back

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to happen."""
        return self.pending == 0 and self.scheduled == 0


class SkippedCount(Value):
    """How many stay at their price for one reason."""

    reason: SkipReason
    subscriptions: int
