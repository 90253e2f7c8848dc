"""A subscription's state in its workflow, and what storage has of it.

Owns the one value, its revisions, and the three ways in which it moves: an effect that stores what
it leads to, a command that is stored at once, and news that is stored before the next wait. Does
not own what moves it (`billing`), nor the order of things (`workflows.subscription`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.records import AuditEntry, Record
    from billing import lifecycle
    from billing.errors import Overtaken
    from billing.event import DomainEvent
    from billing.ids import effect_key
    from billing.lineage import Lineage
    from billing.subscription import EndReason, SubscriptionState
    from workflows import effects, search_attributes
    from workflows.description import details_of


class StoresState(Protocol):
    """What activities that store a state answer; None where nothing was stored."""

    @property
    def stored_revision(self) -> int | None:
        """The revision that storage has by now."""
        ...


_NOTHING_TO_STORE: Final = "gives-a-reserved-revision-back"

AnswerT = TypeVar("AnswerT")
OutcomeT = TypeVar("OutcomeT", bound=StoresState)
Change = Callable[[SubscriptionState, datetime], SubscriptionState]


class _Heard(NamedTuple):
    """News that is not in storage yet."""

    revision: int
    change: Change
    at: datetime


class StateKeeper:
    """Holds the present state; whoever waits for news compares `wakes`."""

    def __init__(self, state: SubscriptionState) -> None:
        self.state = state.model_copy(update={"lineage": None})
        self.saved_revision = state.revision
        self._heard_revision = state.revision
        """The highest that storage is known to have, whoever's state that is."""
        self._awaited = 0
        """How many activities that store a state were asked and have not answered."""
        self.wakes = 0
        self.lock = asyncio.Lock()
        self.problem: str | None = None
        """What is shown to operators."""
        self.is_stuck = False
        """What is due cannot be done until an operator helps: nobody waits for it."""
        self._heard: list[_Heard] = []
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

    def hear(self, change: Change) -> None:
        """What is said to the subscription changes it; once more where it has to catch up."""
        now = self.now()
        self.take(change(self.state, now))
        self._heard.append(_Heard(self.state.revision, change, now))

    def signed(self) -> SubscriptionState:
        """The present state as effects are handed it: with the run that asks (ADR 0008)."""
        return self._signed(self.state)

    async def effect(
        self,
        run: Callable[[SubscriptionState], Awaitable[OutcomeT]],
        change: Callable[[SubscriptionState, OutcomeT], SubscriptionState],
    ) -> OutcomeT:
        """Runs an activity that stores the state it leads to, and follows it here.

        The revision that the activity stores is reserved before it starts, so that a command in
        the meantime stores a higher one. Then the state is stored again. Raises `Overtaken`.
        """
        asked = self.state
        reserved = self.state = lifecycle.reserved(asked)
        signed = self._signed(asked, heard_revision=self._heard_by_now())
        with self._answer_on_its_way():
            outcome = await self.unless_overtaken(run(signed))
        self._heard_of(outcome.stored_revision)
        was_alone = self.state.revision == asked.revision + 1
        self.state = change(self.state, outcome)
        is_as_before = self.state.revision == reserved.revision
        stores_nothing = outcome.stored_revision is None
        if self.state is reserved and stores_nothing:
            self.state = asked
        elif stores_nothing and is_as_before and workflow.patched(_NOTHING_TO_STORE):
            # Meanwhile a message was handed over, or the clock moved: storage need not see that.
            self.state = self.state.model_copy(update={"revision": asked.revision})
        elif was_alone and outcome.stored_revision == asked.revision + 1:
            self._is_saved_up_to(asked.revision + 1)
            self.state = self.state.model_copy(update={"revision": self.saved_revision})
        elif outcome.stored_revision is not None:
            self.state = lifecycle.revised(self.state, outcome.stored_revision)
        return outcome

    async def unless_overtaken(self, effect: Awaitable[AnswerT]) -> AnswerT:
        """What the effect answers.

        Where a run before a reset has gone on, nothing was done: what it recorded is taken up, and
        `Overtaken` raised, so that the caller looks again at what is due or asked for.
        """
        try:
            return await effect
        except ActivityError as error:
            cause = error.cause
            if not isinstance(cause, ApplicationError) or cause.type != Overtaken.__name__:
                raise
        await self.save()
        raise Overtaken("overtaken", "what a run before a reset has recorded counts")

    async def save(self, *events: DomainEvent, audit: AuditEntry | None = None) -> None:
        """Stores the present state, or takes up what is recorded and unknown here.

        A run before a reset may have gone on, or a worker died before anybody heard what it did.
        """
        while True:
            saving = self.state
            signed = self._signed(saving, heard_revision=self._heard_by_now())
            with self._answer_on_its_way():
                recorded = await effects.record(Record(state=signed, events=events, audit=audit))
            self._heard_of(recorded.stored_revision)
            if recorded.ahead is not None:
                self._adopt(recorded.ahead)
                return
            if recorded.stored_revision <= max(saving.revision, self.saved_revision):
                self._is_saved_up_to(max(saving.revision, self.saved_revision))
                return
            self.state = lifecycle.revised(self.state, recorded.stored_revision)

    @contextmanager
    def _answer_on_its_way(self) -> Iterator[None]:
        self._awaited += 1
        try:
            yield
        finally:
            self._awaited -= 1

    def _heard_by_now(self) -> int | None:
        return None if self._awaited else self._heard_revision

    def _heard_of(self, stored_revision: int | None) -> None:
        self._heard_revision = max(self._heard_revision, stored_revision or 0)

    def _signed(
        self, state: SubscriptionState, *, heard_revision: int | None = None
    ) -> SubscriptionState:
        lineage = Lineage(
            run_id=workflow.info().run_id,
            recorded_revision=self.saved_revision,
            heard_revision=heard_revision,
        )
        return state.model_copy(update={"lineage": lineage})

    def _is_saved_up_to(self, revision: int) -> None:
        self.saved_revision = revision
        self._heard = [heard for heard in self._heard if heard.revision > revision]

    def _adopt(self, recorded: SubscriptionState) -> None:
        """What was decided and paid counts, and what was heard since.

        The time is this run's.
        """
        heard, self._heard = self._heard, []
        self.saved_revision = recorded.revision
        self.take(recorded.model_copy(update={"clock": self.state.clock, "lineage": None}))
        for each in heard:
            self.take(each.change(self.state, each.at))
            self._heard.append(each._replace(revision=self.state.revision))

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
        kind = f"{self.state.noun}.{self.state.status}"
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
