"""The baseline of a renewal: a workflow that sleeps until an instant and does nothing, twice.

Owns that workflow and its activity. It has what a renewal needs of Temporal, one timer and two
activities one after the other, and nothing else: no state, no search attributes, no priorities.
"""

from datetime import datetime, timedelta
from typing import Final

from temporalio import activity, workflow

BARE_WORKFLOW: Final = "BareWorkflow"
BARE_TASK_QUEUE: Final = "bench-bare"
BARE_ACTIVITIES: Final = 2
"""As many as a paid renewal has: billing the period, and collecting."""

_PERIOD: Final = timedelta(days=30)


class NoOps:
    """The activity that does nothing but being counted."""

    def __init__(self) -> None:
        self.done = 0

    @activity.defn
    async def no_op(self) -> None:
        """One more."""
        self.done += 1


@workflow.defn(name=BARE_WORKFLOW)
class BareWorkflow:
    """Wakes at an instant, and then every thirty days."""

    @workflow.run
    async def run(self, due_at: datetime) -> None:
        """Never returns: it sleeps again, as a subscription does."""
        while True:
            # One that is begun too late goes on at once: its round is not counted.
            await workflow.sleep(max(due_at - workflow.now(), timedelta(0)))
            for _ in range(BARE_ACTIVITIES):
                await workflow.execute_activity_method(
                    NoOps.no_op, start_to_close_timeout=timedelta(seconds=30)
                )
            due_at += _PERIOD
