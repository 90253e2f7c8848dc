"""Renewals per second: all fall due in one instant, and how long until all sleep again.

Owns the rounds and their order. The rate of a round is the number of renewals over the time from
that instant until the last workflow has set its next timer, by the server's clock, so that looking
costs nothing; where webhooks tell of payments, until the last of them is processed. A round of the
bare workflow stands before and after each of ours, and the ratio is taken to the mean of the two:
what else the machine does meanwhile hits both.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from temporalio.client import Client

from bench.arms import Arm
from bench.figures import Spread
from bench.history import Renewal, renewals
from bench.side_by_side import side_by_side

_SECONDS_BETWEEN_LOOKS: Final = 0.25
_PATIENCE_SECONDS: Final = 240.0
_STARTS_PER_SECOND: Final = 60.0
"""A guess, before the first round."""
_CAUTION: Final = 0.7
"""Workflows fall asleep somewhat after they are started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round came to."""

    per_second: float
    renewals: tuple[Renewal, ...]


@dataclass(slots=True, kw_only=True)
class Comparison:
    """The rounds of one of our arms, each with the mean of the bare rounds around it."""

    rounds: list[Round]
    bare_per_second: list[float]

    @property
    def ours(self) -> Spread:
        """Renewals per second."""
        return Spread.of([held.per_second for held in self.rounds])

    @property
    def baseline(self) -> Spread:
        """Of the bare workflow, per second."""
        return Spread.of(self.bare_per_second)

    @property
    def ratio(self) -> Spread:
        """Round by round."""
        pairs = zip(self.rounds, self.bare_per_second, strict=True)
        return Spread.of([held.per_second / bare for held, bare in pairs])

    @property
    def renewals(self) -> tuple[Renewal, ...]:
        """Of all rounds."""
        return tuple(renewal for held in self.rounds for renewal in held.renewals)


async def compare(
    client: Client, bare: Arm, ours: Sequence[Arm], *, count: int, cycles: int, warm_up: int
) -> dict[str, Comparison]:
    """Every arm of ours in each cycle, in turn with the bare one; by the arm's name."""
    ring = _Ring(client)
    compared = {arm.name: Comparison(rounds=[], bare_per_second=[]) for arm in ours}
    for arm in (bare, *ours) if warm_up else ():
        await ring.hold(arm, min(warm_up, count))
    before = await ring.hold(bare, count)
    for _ in range(cycles):
        for arm in ours:
            held = await ring.hold(arm, count)
            after = await ring.hold(bare, count)
            compared[arm.name].rounds.append(held)
            compared[arm.name].bare_per_second.append((before.per_second + after.per_second) / 2)
            before = after
    return compared


@dataclass(slots=True)
class _Ring:
    """Where rounds are held; it learns how fast workflows fall asleep here."""

    client: Client
    per_second: float = _STARTS_PER_SECOND

    async def hold(self, arm: Arm, count: int) -> Round:
        """One round; held again with more time where not everybody slept when all fell due."""
        while True:
            due_at = datetime.now(UTC) + timedelta(seconds=count / self.per_second + 2)
            began = time.monotonic()
            ids = await arm.put_to_sleep(count, due_at=due_at)
            self.per_second = _CAUTION * count / (time.monotonic() - began)
            await self._until_renewed(arm, count)
            last_webhook_at = await arm.settled()
            found = await side_by_side([partial(self._renewal, workflow_id) for workflow_id in ids])
            slept = [renewal for renewal in found if renewal is not None]
            if len(slept) == count:
                return _round_of(slept, due_at, last_webhook_at)
            self.per_second /= 2

    async def _until_renewed(self, arm: Arm, count: int) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (renewed := await arm.renewed()) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{arm.name}: {renewed} of {count} renewed")
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def _renewal(self, workflow_id: str) -> Renewal | None:
        """The one that the workflow woke for, once it sleeps again; None where it never slept."""
        while True:
            history = await self.client.get_workflow_handle(workflow_id).fetch_history()
            found = renewals(history)
            if not found:
                return None
            if found[0].slept_at is not None:
                return found[0]
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


def _round_of(
    slept: Sequence[Renewal], due_at: datetime, last_webhook_at: datetime | None
) -> Round:
    ends = [renewal.slept_at for renewal in slept if renewal.slept_at is not None]
    ended_at = max(ends if last_webhook_at is None else [*ends, last_webhook_at])
    return Round(per_second=len(slept) / (ended_at - due_at).total_seconds(), renewals=tuple(slept))
