"""Subscriptions that began under earlier code go on under this one."""

import json

import pytest
from temporalio.client import WorkflowHistory
from temporalio.workflow import NondeterminismError

from tests.histories import recordings
from tests.histories.lives import LIVES
from worker.process import create_replayer


@pytest.mark.parametrize("name", recordings.names())
async def test_a_recorded_subscription_goes_on_under_this_code(name: str) -> None:
    await create_replayer().replay_workflow(recordings.read(name))


@pytest.mark.parametrize("life", LIVES)
def test_every_life_has_a_recording(life: str) -> None:
    assert life in recordings.names()


@pytest.mark.parametrize(
    ("recorded", "otherwise"), [("bill_period", "start_trial"), ("collect", "void_invoices")]
)
async def test_a_history_that_this_code_would_not_make_is_refused(
    recorded: str, otherwise: str
) -> None:
    history = recordings.read("dunning_recovered").to_json()
    assert f'"{recorded}"' in history
    altered = history.replace(f'"{recorded}"', f'"{otherwise}"')

    with pytest.raises(NondeterminismError):
        await create_replayer().replay_workflow(WorkflowHistory.from_json("altered", altered))


async def test_a_history_without_an_upsert_that_this_code_makes_is_refused() -> None:
    recorded = json.loads(recordings.read("live_renewal").to_json())
    upsert = next(
        event
        for event in recorded["events"]
        if event["eventType"] == "EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"
    )
    upsert["eventType"] = "EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED"
    del upsert["upsertWorkflowSearchAttributesEventAttributes"]
    upsert["workflowPropertiesModifiedEventAttributes"] = {}

    with pytest.raises(NondeterminismError):
        await create_replayer().replay_workflow(
            WorkflowHistory.from_json("altered", json.dumps(recorded))
        )
