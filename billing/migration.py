"""Moving running subscriptions to another price version: what is asked for (policy P33).

Owns the plan of a migration and the words for what becomes of each subscription in it. Does not own
who is fit for it and when (`billing.migrating`) nor its accounts (`billing.migration_account`).
"""

from enum import StrEnum


class MigrationProgress(StrEnum):
    """Where one subscription stands in a migration."""

    PENDING = "pending"
    """It was not told yet."""
    SCHEDULED = "scheduled"
    """Its customer has the notice, and it moves at the renewal that the notice names."""
    MIGRATED = "migrated"
    SKIPPED = "skipped"
    ROLLED_BACK = "rolled_back"


UNSETTLED: tuple[MigrationProgress, ...] = (
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
    QUANTITY = "quantity"
    """The new price is not sold in its quantity."""
