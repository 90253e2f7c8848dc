"""Asking subscriptions' workflows, with bounded patience.

Owns how Temporal's answers and silences become errors with codes: a refusal of the rules, a
workflow that is over, a server or worker out of reach. Does not own what is asked
(`workflows.messages`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, Self

import structlog
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.dependencies import Dependencies
from api.problems import Unavailable
from billing.errors import Conflict, InvalidInput, NotFound, PerennialError
from billing.subscription import SubscriptionState
from workflows.description import name_of
from workflows.messages import (
    SUBSCRIPTION_WORKFLOW,
    TEST_CLOCK_WORKFLOW,
    UPDATES,
    ActivationReport,
    AnyCommand,
    CommandReceipt,
    SubscriptionStart,
    TestClockMove,
    subscription_workflow_id,
    test_clock_workflow_id,
)
from workflows.search_attributes import search_attributes
from workflows.timeouts import checkout_priority

_OUT_OF_REACH: Final = frozenset(
    {
        RPCStatusCode.ABORTED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.UNKNOWN,
    }
)
_REFUSALS: Final[dict[object, type[PerennialError]]] = {
    "Conflict": Conflict,
    "InvalidInput": InvalidInput,
    "NotFound": NotFound,
}
_LOOK_AGAIN_SECONDS: Final = 0.05
_MOST_STARTS: Final = 5
_TARGET: Final = "target_at"
_CLOSED_MEANWHILE: Final = "AcceptedUpdateCompletedWorkflow"

log = structlog.get_logger(__name__)


class NotRunning(NotFound):
    """No workflow of that id runs: it never did, or it is over."""


class SubscriptionWorkflows:
    """Every method raises `Unavailable` (`temporarily_unavailable`) after bounded waiting."""

    def __init__(self, client: Client, *, task_queue: str, patience: timedelta) -> None:
        self._client = client
        self._task_queue = task_queue
        self._patience = patience

    @classmethod
    def of(cls, deps: Dependencies) -> Self:
        """Those that the application was created for."""
        return cls(deps.temporal, task_queue=deps.task_queue, patience=deps.caller_patience)

    async def start_recorded(self, state: SubscriptionState, *, update_id: str) -> None:
        """Starts the subscription; returns once the database knows it."""
        await self._start(state, update="wait_until_recorded", update_id=update_id)

    async def start_activated(self, state: SubscriptionState, *, update_id: str) -> None:
        """Starts the subscription; returns once it is known whether it goes live."""
        await self._start(state, update="wait_for_activation", update_id=update_id)

    async def command(self, subscription_id: str, command: AnyCommand) -> CommandReceipt:
        """Has the command applied, once per command id; the same id with other content is refused.

        Raises what the rules refuse (`Conflict`, `InvalidInput`) and `NotRunning`.
        """
        handle: WorkflowHandle[object, object] = self._client.get_workflow_handle(
            subscription_workflow_id(subscription_id)
        )
        async with bounded(self._patience):
            receipt: CommandReceipt = await handle.execute_update(
                UPDATES[type(command)],
                command,
                id=f"{command.command_id}:{command.content}",
                result_type=CommandReceipt,
            )
        return receipt

    async def move_clock(self, move: TestClockMove) -> None:
        """Starts moving a test clock, or finds that it is on its way there.

        The move before may have arrived and its workflow still be closing: that one is waited for.
        """
        async with bounded(self._patience):
            while not await self._is_moving(move):  # noqa: ASYNC110 - another process closes it
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _is_moving(self, move: TestClockMove) -> bool:
        target = move.target_at.isoformat()
        try:
            await self._client.start_workflow(
                TEST_CLOCK_WORKFLOW,
                move,
                id=test_clock_workflow_id(move.test_clock_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={_TARGET: target},
                static_summary=f"move a test clock to {move.target_at:%Y-%m-%d %H:%M:%S}Z",
            )
        except WorkflowAlreadyStartedError:
            running: WorkflowHandle[object, object] = self._client.get_workflow_handle(
                test_clock_workflow_id(move.test_clock_id)
            )
            described = await running.describe()
            is_open = described.close_time is None
            return is_open and await described.memo_value(_TARGET, default=None) == target
        return True

    async def _start(self, state: SubscriptionState, *, update: str, update_id: str) -> None:
        """Asks again where the server has lost the update of a workflow that runs."""
        for _ in range(_MOST_STARTS):
            try:
                await self._start_once(state, update=update, update_id=update_id)
            except NotRunning:
                if not await self._is_running(state.subscription_id):
                    # A repeated start of one that is over: the database knows how it ended.
                    log.info("subscription.over_already", subscription_id=state.subscription_id)
                    return
            else:
                return
        raise _unavailable()

    async def _is_running(self, subscription_id: str) -> bool:
        handle: WorkflowHandle[object, object] = self._client.get_workflow_handle(
            subscription_workflow_id(subscription_id)
        )
        try:
            async with bounded(self._patience):
                return (await handle.describe()).close_time is None
        except NotRunning:
            return False

    async def _start_once(self, state: SubscriptionState, *, update: str, update_id: str) -> None:
        summary = name_of(state)
        start: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
            SUBSCRIPTION_WORKFLOW,
            SubscriptionStart.of(state),
            id=subscription_workflow_id(state.subscription_id),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=search_attributes(state),
            static_summary=summary,
            memo={"name": summary},
            priority=checkout_priority(state.customer_id),
        )
        try:
            async with bounded(self._patience):
                await self._client.execute_update_with_start_workflow(
                    update,
                    id=update_id,
                    start_workflow_operation=start,
                    result_type=ActivationReport,
                )
        finally:
            await _retrieve(start)


async def _retrieve(start: WithStartWorkflowOperation[object, object]) -> None:
    """Takes note of the start's own error: asyncio reports errors that nobody looked at."""
    handle = asyncio.ensure_future(start.workflow_handle())
    await asyncio.wait([handle], timeout=1)
    if handle.done() and not handle.cancelled() and handle.exception() is not None:
        log.info("workflow.not_started", error=type(handle.exception()).__name__)
    handle.cancel()


@asynccontextmanager
async def bounded(patience: timedelta) -> AsyncIterator[None]:
    """Turns what Temporal says, or does not say in time, into errors with codes."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            yield
    except WorkflowUpdateFailedError as error:
        raise _refusal(error) from error
    except WorkflowAlreadyStartedError as error:
        raise NotRunning("subscription_over", "the subscription is over") from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise _unavailable() from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NotRunning("subscription_not_running", "no such running subscription") from error
        if error.status in _OUT_OF_REACH:
            log.warning("temporal.unavailable", status=error.status.name)
            raise _unavailable() from error
        raise


def _refusal(error: WorkflowUpdateFailedError) -> PerennialError:
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type is None:
        raise error
    if cause.type == _CLOSED_MEANWHILE:
        return NotRunning("subscription_over", "the subscription ended meanwhile")
    kind = _REFUSALS.get(cause.details[0] if cause.details else None, Conflict)
    return kind(cause.type, cause.message)


def _unavailable() -> Unavailable:
    return Unavailable(
        "temporarily_unavailable", "the request was not answered in time: try it again"
    )
