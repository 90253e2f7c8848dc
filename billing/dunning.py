"""The ladder of payment attempts after a decline (policy P18, P19).

Owns when an open invoice is tried again, when trying ends, and whose ladder is which. Does not own
what a decline means (`billing.decline`) nor what happens to the subscription afterwards
(`billing.lifecycle`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from billing.decline import DeclineKind
from billing.net_terms import Reminders
from billing.value import Value

Segment = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]
"""Which kind of customer, as the seller divides them: `enterprise`, `students`."""


class FinalAction(StrEnum):
    """What happens to a subscription whose last attempt was declined."""

    DOWNGRADE_TO_FREE = "downgrade_to_free"
    """The product's free fallback is sold instead, and what was not paid is not owed."""
    CANCEL = "cancel"
    UNPAID = "unpaid"
    """Nothing new is billed until everything open is paid; a debt written off is not."""


class RetryLimit(Value):
    """How often one card may be asked for one amount, whoever insists (policy P19).

    Card networks fine those who ask more often; what each of them tolerates is not the same and
    changes, so the limit is data.
    """

    attempts: Annotated[int, Field(ge=1, le=100)] = 15
    days: Annotated[int, Field(ge=1, le=365)] = 30


class DunningLadder(Value):
    """Days after the due time at which an invoice is tried again; the last rung is the end."""

    retry_days: Annotated[
        tuple[Annotated[int, Field(ge=1, le=90)], ...], Field(min_length=1, max_length=8)
    ] = (3, 8, 15)
    final_action: FinalAction = FinalAction.CANCEL
    """Recorded ladders that do not name one end like this; products begin with another."""
    retry_limit: RetryLimit = RetryLimit()
    reminders: Reminders = Reminders()
    """Of invoices that are sent and not charged: they have these instead of rungs (policy P22)."""

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        if any(later <= earlier for earlier, later in pairwise(self.retry_days)):
            raise ValueError("retry_days must grow from one to the next")
        return self

    @property
    def attempts(self) -> int:
        """Automatic attempts in all, the one at the due time included."""
        return len(self.retry_days) + 1

    def ends_at(self, due_at: datetime, *, grace_until: datetime | None = None) -> datetime:
        """When the final action is due, whether or not attempts were still possible.

        An operator's grace moves it to a later instant, never to an earlier one.
        """
        last_rung = due_at + timedelta(days=self.retry_days[-1])
        return last_rung if grace_until is None else max(last_rung, grace_until)

    def next_attempt_at(
        self,
        due_at: datetime,
        *,
        rungs_used: int,
        kind: DeclineKind,
        now: datetime,
        grace_until: datetime | None = None,
    ) -> datetime | None:
        """When to try the same method again after a decline; None where that is pointless.

        Rungs whose day passed during an outage are skipped, not tried back to back. Where a grace
        outlasts the ladder, its end is one rung more.
        """
        if kind is not DeclineKind.SOFT:
            return None
        rungs = [due_at + timedelta(days=days) for days in self.retry_days]
        end = self.ends_at(due_at, grace_until=grace_until)
        left = rungs[rungs_used - 1 :] + [end] * (end > rungs[-1])
        return next((rung for rung in left if rung > now), None)


STANDARD_LADDER: Final = DunningLadder(final_action=FinalAction.DOWNGRADE_TO_FREE)
"""What a product has whose owner says nothing about dunning (policy P18)."""


class DunningPolicy(Value):
    """The ladder of a product, and those of the customer segments that have their own."""

    ladder: DunningLadder = STANDARD_LADDER
    segments: Mapping[Segment, DunningLadder] = {}

    def ladder_for(self, segment: str | None) -> DunningLadder:
        """The ladder of the customer's segment; segments that are not named have the product's."""
        return self.ladder if segment is None else self.segments.get(segment, self.ladder)
