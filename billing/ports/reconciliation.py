"""What reconciling recorded subscriptions with running ones needs.

Owns the ports. The database says which subscriptions have something left to happen; the other side
knows which of them somebody looks after.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from billing.subscription import SubscriptionState


class RecordedSubscriptions(Protocol):
    """The database's side."""

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
