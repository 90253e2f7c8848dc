"""What a workflow asked of the server, in order: short enough to be read in a diff.

Owns how a history is abbreviated. Ids, times and payloads are left out: they differ every time.
"""

from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from bench.history import local_activity

_WITHOUT_DETAILS: Final = {
    EventType.EVENT_TYPE_TIMER_STARTED: "timer",
    EventType.EVENT_TYPE_TIMER_CANCELED: "timer canceled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "update accepted",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: "update completed",
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: "activity canceled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "workflow completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "workflow failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "workflow canceled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continued as new",
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: "memo",
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: "child workflow",
}
_NOT_COMMANDED: Final = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        EventType.EVENT_TYPE_TIMER_FIRED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
    }
)


_BESIDE: Final = "activity notify"
"""Messages are told beside everything else, in their order, at no fixed place among the rest."""


def _marker(event: HistoryEvent) -> str:
    return event.marker_recorded_event_attributes.marker_name


def fingerprint(history: WorkflowHistory) -> list[str]:
    """The commands of a run, one line each; what runs beside the rest comes after it."""
    lines = [line for event in history.events if (line := line_of(event)) is not None]
    return sorted(lines, key=lambda line: line == _BESIDE)


def line_of(event: HistoryEvent) -> str | None:
    """The command that caused the event; None for what happens to a workflow.

    Raises `ValueError` for an event of a kind that nobody has considered yet.
    """
    if event.event_type in _NOT_COMMANDED:
        return None
    if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        return f"activity {event.activity_task_scheduled_event_attributes.activity_type.name}"
    if event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
        upserted = event.upsert_workflow_search_attributes_event_attributes.search_attributes
        return f"upsert {', '.join(sorted(upserted.indexed_fields))}"
    if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
        local = local_activity(event)
        return f"marker {_marker(event)}" if local is None else f"local activity {local}"
    if event.event_type not in _WITHOUT_DETAILS:
        raise ValueError(f"what is {EventType.Name(event.event_type)} in a fingerprint?")
    return _WITHOUT_DETAILS[event.event_type]
