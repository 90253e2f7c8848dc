"""A customer's time in the demo, and the memory of what happened in it.

Owns the test clock and the keys of requests. Each step is asked for under a key made of the run,
the customer and the story's own present, so that a story told again by a later process finds what
the first one did and goes on from there. Does not own the steps (`cli.demo.customer`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cli.demo.answers import Problem, TestClock
from cli.demo.client import AnswerT, Client, Json
from cli.demo.patience import Patience


def at(text: str) -> datetime:
    """`2026-01-17T09:30`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What every customer of one run shares."""

    run_id: str
    api: Client
    stripe: Client
    patience: Patience


class Life:
    """One customer's time, from the instant at which the story begins."""

    def __init__(self, world: World, name: str, present: datetime) -> None:
        self.world = world
        self.name = name
        self.present = present
        self._clock = TestClock(id="", status="ready", frozen_at=present)

    @property
    def is_told(self) -> bool:
        """Whether an earlier process of the run came further than here."""
        return self._clock.status != "ready" or self._clock.frozen_at > self.present

    async def begin(self) -> str:
        """The id of a clock that stands at the story's beginning, or where it was left."""
        body = {"frozen_at": self.present.isoformat(), "name": f"{self.name}'s year"}
        self._clock = await self.post(TestClock, "/v1/test_clocks", body, step="clock")
        await self._look()
        return self._clock.id

    async def go_on(self, target: datetime) -> None:
        """Moves the clock; what falls due on the way happens."""

        async def has_arrived() -> bool:
            await self._look()
            return self._clock.status == "ready" and self._clock.frozen_at >= target

        if self._clock.frozen_at < target:
            path = f"/v1/test_clocks/{self._clock.id}/advance"
            step = f"advance:{target.isoformat()}"
            await self.post(TestClock, path, {"frozen_at": target.isoformat()}, step=step)
            await self.world.patience.until(has_arrived, f"{self.name}'s clock to arrive")
        self.present = target

    async def post(self, kind: type[AnswerT], path: str, body: Json, *, step: str) -> AnswerT:
        """What a POST makes, once in this life."""
        return await self.world.api.post(kind, path, body, key=self.key(step))

    async def refused(self, path: str, body: Json, *, step: str) -> Problem:
        """Why a POST is refused."""
        return await self.world.api.refused(path, body, key=self.key(step))

    async def until(self, has_happened: Callable[[], Awaitable[bool]], what: str) -> None:
        """Waits for it, unless the story is further already."""

        async def is_so() -> bool:
            if await has_happened():
                return True
            await self._look()
            return self.is_told

        await self.world.patience.until(is_so, f"{self.name} {what}")

    def now(self, name: str) -> str:
        """A step that happens once at the story's present."""
        return f"{name}:{self.present.isoformat()}"

    def key(self, step: str) -> str:
        """The idempotency key of a step."""
        return f"demo:{self.world.run_id}:{self.name}:{step}"

    async def _look(self) -> None:
        self._clock = await self.world.api.read(TestClock, f"/v1/test_clocks/{self._clock.id}")
