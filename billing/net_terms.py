"""Net terms: how long an invoice customer may take, and what they hear meanwhile (policy P22).

Owns the days: of the terms, of the reminders and of the grace. Does not own what they do to a
subscription (`billing.sending`, `billing.giving_up`) nor when it is due (`billing.agenda`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from billing.value import Value

LONGEST_TERMS: Final = 365
NetDays = Annotated[int, Field(ge=1, le=LONGEST_TERMS)]
"""Days from the invoice to its due date."""


class Reminders(Value):
    """When an invoice that was sent is reminded of, and how long its payment is waited for."""

    days: Annotated[tuple[Annotated[int, Field(ge=-365, le=365)], ...], Field(max_length=8)] = (
        -10,
        0,
        15,
    )
    """From the due date; before it they are negative."""
    grace_days: Annotated[int, Field(ge=0, le=365)] = 30
    """Days after the due date at which the subscription is suspended."""

    @model_validator(mode="after")
    def _come_in_order(self) -> Self:
        if any(later <= earlier for earlier, later in pairwise(self.days)):
            raise ValueError("days must grow from one to the next")
        if self.days and self.days[-1] > self.grace_days:
            raise ValueError("the last reminder must not come after the grace")
        return self

    def after(self, due_at: datetime, last: datetime) -> Iterator[tuple[int, datetime]]:
        """Those that come later than `last`, first things first: the day and its instant."""
        for day in self.days:
            at = due_at + timedelta(days=day)
            if at > last:
                yield day, at

    def grace_ends_at(self, due_at: datetime, *, grace_until: datetime | None = None) -> datetime:
        """An operator's grace moves it to a later instant, never to an earlier one."""
        ends_at = due_at + timedelta(days=self.grace_days)
        return ends_at if grace_until is None else max(ends_at, grace_until)
