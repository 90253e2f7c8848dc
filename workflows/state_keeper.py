"""A subscription's state in its workflow, and what storage has of it.

Owns the one value, its revisions, and the three ways in which it moves: an effect that stores what
it leads to, a command that is stored at once, and news that is stored before the next wait. Does
not own what moves it (`billing`), nor the order of things (`workflows.subscription`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records import AuditEntry, Record
    from billing import lifecycle
    from billing.event import DomainEvent
    from billing.ids import effect_key
    from billing.subscription import EndReason, SubscriptionState
    from workflows import effects, search_attributes
    from workflows.description import details_of


class StoresState(Protocol):
    """What activities that store a state answer; None where nothing was stored."""

    @property
    def stored_revision(self) -> int | None:
        """The revision that storage has by now."""
        ...


OutcomeT = TypeVar("OutcomeT", bound=StoresState)
Change = Callable[[SubscriptionState, datetime], SubscriptionState]


class StateKeeper:
    """Holds the present state; whoever waits for news compares `wakes`."""

    def __init__(self, state: SubscriptionState) -> None:
        self.state = state
        self.saved_revision = state.revision
        self.wakes = 0
        self.lock = asyncio.Lock()
        self.problem: str | None = None
        """What is shown to operators."""
        self.is_stuck = False
        """What is due cannot be done until an operator helps: nobody waits for it."""
        self.is_behind = False
        """Storage has a state that no part of this run made: it was reset, and has to catch up."""
        self._effects = 0
        self._attributes = workflow.info().typed_search_attributes

    @property
    def is_saved(self) -> bool:
        """Whether storage has the present state, or a later one."""
        return self.saved_revision >= self.state.revision

    def now(self) -> datetime:
        """The subscription's present."""
        return self.state.clock.read(workflow.now())

    def take(self, state: SubscriptionState) -> None:
        """Another state from now on; what waited looks again."""
        if state is self.state:
            return
        self.state = state
        self.wakes += 1

    async def effect(
        self,
        run: Callable[[SubscriptionState], Awaitable[OutcomeT]],
        change: Callable[[SubscriptionState, OutcomeT], SubscriptionState],
    ) -> OutcomeT:
        """Runs an activity that stores the state it leads to, and follows it here.

        The revision that the activity stores is reserved before it starts, so that a command in
        the meantime stores a higher one. Then the state is stored again.
        """
        asked = self.state
        reserved = self.state = lifecycle.reserved(asked)
        outcome = await self._counted(run(asked))
        was_alone = self.state.revision == asked.revision + 1
        self.state = change(self.state, outcome)
        if self.state is reserved and outcome.stored_revision is None:
            self.state = asked
        elif was_alone and outcome.stored_revision == asked.revision + 1:
            self.saved_revision = asked.revision + 1
            self.state = self.state.model_copy(update={"revision": self.saved_revision})
        elif outcome.stored_revision is not None:
            self.is_behind = outcome.stored_revision > self.state.revision
            if not self.is_behind:
                self.state = lifecycle.revised(self.state, outcome.stored_revision)
        return outcome

    async def save(self, *events: DomainEvent, audit: AuditEntry | None = None) -> None:
        """Stores the present state, or follows what a run before a reset has stored since."""
        while True:
            saving = self.state
            recorded = await effects.record(Record(state=saving, events=events, audit=audit))
            self.is_behind = False
            if recorded.ahead is None:
                self.saved_revision = max(saving.revision, self.saved_revision)
                return
            # What is ahead may be this run's own: of an effect whose answer is still on its way.
            await workflow.wait_condition(lambda: self._effects == 0)
            if recorded.ahead.has_ended or recorded.stored_revision > self.state.revision:
                self._adopt(recorded.ahead)
                return

    async def _counted(self, effect: Awaitable[OutcomeT]) -> OutcomeT:
        self._effects += 1
        try:
            return await effect
        finally:
            self._effects -= 1

    def _adopt(self, recorded: SubscriptionState) -> None:
        """What was decided and paid before the reset counts; the time is this run's."""
        self.take(recorded.model_copy(update={"clock": self.state.clock}))
        self.saved_revision = recorded.revision

    async def save_news(self) -> None:
        """Stores what signals changed; a command stores what it changed by itself."""
        async with self.lock:
            if not self.is_saved:
                ended_by_news = self.state.end_reason is EndReason.DISPUTE_LOST
                events = (self.end_event(),) if ended_by_news else ()
                await self.save(*events)

    def event(self, kind: str, subject: str) -> DomainEvent:
        """Something that happened now."""
        return DomainEvent(
            key=effect_key(kind, subject),
            type=kind,
            at=self.now(),
            customer_id=self.state.customer_id,
            subscription_id=self.state.subscription_id,
            details={"status": self.state.status.value},
        )

    def end_event(self) -> DomainEvent:
        """The subscription is over, and why."""
        kind = f"subscription.{self.state.status}"
        event = self.event(kind, self.state.subscription_id)
        reason = self.state.end_reason
        details = {**event.details, "reason": None if reason is None else reason.value}
        return event.model_copy(update={"details": details})

    def describe(self) -> None:
        """What operators see and search for, brought up to date before every wait."""
        self.show_details()
        attributes = search_attributes.search_attributes(
            self.state, needs_operator=self.problem is not None
        )
        updates = search_attributes.changes(self._attributes, attributes)
        if updates:
            workflow.upsert_search_attributes(updates)
            self._attributes = attributes

    def show_details(self) -> None:
        """The page alone, which costs no event."""
        workflow.set_current_details(details_of(self.state, problem=self.problem))
