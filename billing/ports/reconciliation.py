"""What reconciling records with running workflows needs.

Owns the ports. The database says which subscriptions and refunds have something left to happen; the
other side knows which of them somebody looks after, and the gateway what became of a payment.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from billing.migration_account import RecordedMigration
from billing.subscription import SubscriptionState
from billing.value import Value


class OrphanedAddon(Value):
    """An add-on that does not know that its parent is over."""

    subscription_id: str
    parent: SubscriptionState


class RecordedSubscriptions(Protocol):
    """The database's side."""

    async def orphaned_addons(self) -> tuple[OrphanedAddon, ...]:
        """Add-ons that go on although what they were sold beside has ended."""
        ...

    def unfinished(self) -> AsyncIterator[tuple[SubscriptionState, ...]]:
        """Pages of the recorded states that something is still to happen to."""
        ...


class RunningSubscriptions(Protocol):
    """The workflows' side."""

    async def is_running(self, subscription_id: str) -> bool:
        """Whether a workflow looks after the subscription."""
        ...

    async def restart(self, state: SubscriptionState) -> bool:
        """Starts its workflow from the recorded state; False where one runs already."""
        ...


class PaymentLooks(Protocol):
    """Who looks at payments."""

    async def follow(self, payment_id: str) -> bool:
        """Tells its subscription what is new of the payment; whether it is one of ours.

        Raises as the gateway does.
        """
        ...


class MigrationWorkflows(Protocol):
    """Who carries out price migrations."""

    async def start(self, migration: RecordedMigration) -> bool:
        """Starts the migration's workflow; False where one runs already."""
        ...


class RefundWorkflows(Protocol):
    """Who looks after refunds."""

    async def start(self, refund_id: str) -> bool:
        """Starts the refund's workflow; False where one runs already."""
        ...
