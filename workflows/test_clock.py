"""Moving a test clock, as a workflow: durable, and one move at a time by its id."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.test_clock import MoveTestClock, TestClocks
    from workflows import timeouts
    from workflows.messages import TEST_CLOCK_WORKFLOW, TestClockMove


@workflow.defn(name=TEST_CLOCK_WORKFLOW)
class TestClockWorkflow:
    """One move of one clock."""

    __test__ = False

    @workflow.run
    async def run(self, move: TestClockMove) -> None:
        """Returns once the clock stands at its target and everything due is done."""
        await workflow.execute_activity_method(
            TestClocks.move_test_clock,
            MoveTestClock(test_clock_id=move.test_clock_id, target_at=move.target_at),
            summary=f"move the clock to {move.target_at:%Y-%m-%d %H:%M:%S}Z",
            **timeouts.CLOCK_MOVE,
        )
