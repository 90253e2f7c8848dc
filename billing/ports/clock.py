"""What moving a test clock needs of the running subscriptions.

Owns the port. A test clock moves each subscription from one due thing to the next, in the order of
their due times; who keeps the subscriptions' time does not matter here.
"""

from datetime import datetime
from typing import Protocol

from billing.value import Instant, Value


class ClockStanding(Value):
    """Where one subscription stands."""

    is_idle: bool
    """Whether everything due on its clock is done."""
    next_due_at: Instant | None


class ClockDriver(Protocol):
    """Reads and moves the subscriptions on a test clock."""

    async def subscription_ids(self, test_clock_id: str) -> tuple[str, ...]:
        """Those that something can still happen to."""
        ...

    async def standing(self, subscription_id: str) -> ClockStanding | None:
        """None once the subscription is over."""
        ...

    async def move(self, subscription_id: str, to: datetime) -> None:
        """Lets the subscription's clock run to `to`, and no further; never back."""
        ...

    async def arrived(self, test_clock_id: str, at: datetime) -> None:
        """Records that the clock stands at `at` and is ready."""
        ...
