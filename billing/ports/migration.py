"""What migrating subscriptions needs of those who look after them (policy P33).

Owns the port by which subscriptions are told of another price, many at once. Does not own who is
told (`activities.catalog_migration`) nor what that does to one (`billing.migrating`).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from billing.actor import Actor
from billing.ids import effect_key
from billing.migration import SkipReason
from billing.subscription import Terms
from billing.value import Instant, Value


class Announcement(Value):
    """Tell one subscription that its price changes."""

    migration_id: str
    subscription_id: str
    target: Terms
    version: int
    """Of the subscription that was decided about: another one is decided about again."""
    migrates_at: Instant
    notice_days: int
    actor: Actor
    reason: str

    @property
    def command_id(self) -> str:
        """The same however often it is told."""
        return effect_key("migration", self.migration_id, self.subscription_id)


class Withdrawal(Value):
    """Tell one subscription that its price stays."""

    migration_id: str
    subscription_id: str
    actor: Actor
    reason: str

    @property
    def command_id(self) -> str:
        """The same however often it is told."""
        return effect_key("migration_rollback", self.migration_id, self.subscription_id)


class Answer(StrEnum):
    """What came of telling one subscription."""

    TAKEN = "taken"
    """It is recorded with the subscription."""
    REFUSED = "refused"
    """It stays; the reason says why."""
    ASK_AGAIN = "ask_again"
    """It changed meanwhile, or nobody looks after it just now."""


class Told(Value):
    """The answer of one subscription."""

    subscription_id: str
    answer: Answer
    reason: SkipReason | None = None


class SubscriptionTelling(Protocol):
    """Tells subscriptions, many at once; each takes effect once, however often it is told.

    Raises where nobody can be told at all: then it is tried again.
    """

    async def announce(self, announcements: Sequence[Announcement]) -> tuple[Told, ...]:
        """In any order; one answer each."""
        ...

    async def withdraw(self, withdrawals: Sequence[Withdrawal]) -> tuple[Told, ...]:
        """In any order; one answer each. What has renewed already is refused."""
        ...
