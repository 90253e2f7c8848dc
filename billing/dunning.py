"""The ladder of payment attempts after a decline (policy P18, P19).

Owns when an open invoice is tried again and when trying ends. Does not own what a decline means
(`billing.decline`) nor what happens to the subscription afterwards (`billing.lifecycle`).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from billing.decline import Decline, DeclineKind
from billing.value import Value


class FinalAction(StrEnum):
    """What happens to a subscription whose last attempt was declined."""

    CANCEL = "cancel"


class DunningLadder(Value):
    """Days after the due time at which an invoice is tried again; the last rung is the end."""

    retry_days: Annotated[
        tuple[Annotated[int, Field(ge=1, le=90)], ...], Field(min_length=1, max_length=8)
    ] = (3, 8, 15)
    final_action: FinalAction = FinalAction.CANCEL

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        if any(later <= earlier for earlier, later in pairwise(self.retry_days)):
            raise ValueError("retry_days must grow from one to the next")
        return self

    @property
    def attempts(self) -> int:
        """Automatic attempts in all, the one at the due time included."""
        return len(self.retry_days) + 1

    def ends_at(self, due_at: datetime) -> datetime:
        """When the final action is due, whether or not attempts were still possible."""
        return due_at + timedelta(days=self.retry_days[-1])

    def next_attempt_at(
        self, due_at: datetime, *, rungs_used: int, decline: Decline, now: datetime
    ) -> datetime | None:
        """When to try the same method again after `decline`; None where that is pointless.

        Rungs whose day passed during an outage are skipped, not tried back to back.
        """
        if decline.kind is not DeclineKind.SOFT:
            return None
        rungs = (due_at + timedelta(days=days) for days in self.retry_days[rungs_used - 1 :])
        return next((rung for rung in rungs if rung > now), None)
