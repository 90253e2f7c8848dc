"""What a renewal adds to the history of its workflow: events, activities, bytes, and when.

Owns the counting, for our workflow and the bare one alike. Times are the Temporal server's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from pydantic_core import from_json
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

_LOCAL_ACTIVITY: Final = "core_local_activity"
_SKIPPED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED
"""Left out: where time is not skipped, there is no such event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """From the timer that ended to the next one that ends, or to the end of the history."""

    woke_at: datetime
    slept_at: datetime | None
    """When the next timer began; None while the renewal is under way."""
    events: int
    activities: int
    upserts: int
    signals: int
    size_bytes: int


def renewals(history: WorkflowHistory) -> list[Renewal]:
    """Every renewal that a sleeping subscription woke for, in order."""
    events = [event for event in history.events if event.event_type != _SKIPPED]
    wakings = [
        index
        for index, event in enumerate(events)
        if event.event_type == EventType.EVENT_TYPE_TIMER_FIRED
    ]
    return [_renewal(events[begin:end]) for begin, end in pairwise([*wakings, len(events)])]


def _renewal(events: Sequence[HistoryEvent]) -> Renewal:
    slept = [e for e in events if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
    return Renewal(
        woke_at=_time(events[0]),
        slept_at=_time(slept[0]) if slept else None,
        events=len(events),
        activities=_count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
        + sum(local_activity(event) is not None for event in events),
        upserts=_count(events, EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES),
        signals=_count(events, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED),
        size_bytes=sum(event.ByteSize() for event in events),
    )


def local_activity(event: HistoryEvent) -> str | None:
    """The type of the local activity that an event tells the end of."""
    marker = event.marker_recorded_event_attributes
    if marker.marker_name != _LOCAL_ACTIVITY:
        return None
    told: dict[str, str] = from_json(marker.details["data"].payloads[0].data)
    return told["activity_type"]


def _count(events: Sequence[HistoryEvent], kind: EventType.ValueType) -> int:
    return sum(event.event_type == kind for event in events)


def _time(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)
