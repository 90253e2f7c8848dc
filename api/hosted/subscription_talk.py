"""Asking a subscription's workflow how it is doing, with a customer waiting.

Owns the bounds on waiting. Does not own what is made of the answers (`api.hosted.outcome`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from temporalio.client import (
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from api.dependencies import Dependencies
from workflows.messages import ActivationReport, SubscriptionReport, subscription_workflow_id

_LONGEST_QUERY: Final = timedelta(seconds=3)
_PAUSE_SECONDS: Final = 0.2


def hurried(deps: Dependencies) -> Dependencies:
    """The same, for commands that a browser waits for."""
    return replace(deps, caller_patience=deps.browser_patience)


class SubscriptionTalk:
    """One subscription's workflow, as far as pages need it."""

    def __init__(self, deps: Dependencies, subscription_id: str) -> None:
        workflow_id = subscription_workflow_id(subscription_id)
        self._handle = deps.temporal.get_workflow_handle(workflow_id)
        self._patience = deps.browser_patience

    async def wait_for_activation(self, *, fact: str) -> None:
        """Returns once it is known whether the subscription goes live, or patience ends.

        The update's id follows from the `fact` that was told before, so that a page that is
        reloaded waits for the same answer and adds nothing to the workflow's history.
        """
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await self._handle.execute_update(
                    "wait_for_activation", id=f"activation:{fact}", result_type=ActivationReport
                )
        except (
            TimeoutError,
            RPCError,
            WorkflowUpdateFailedError,
            WorkflowUpdateRPCTimeoutOrCancelledError,
        ):
            return

    async def report(self) -> SubscriptionReport | None:
        """What the subscription says of itself; None where no workflow is kept (any more).

        Raises `TimeoutError` where nobody answers in time.
        """
        try:
            report: SubscriptionReport = await self._handle.query(
                "status",
                result_type=SubscriptionReport,
                rpc_timeout=min(_LONGEST_QUERY, self._patience),
            )
        except (WorkflowQueryFailedError, WorkflowQueryRejectedError) as error:
            raise TimeoutError from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise TimeoutError from error
        return report

    async def settled(
        self, is_settled: Callable[[SubscriptionReport], bool]
    ) -> SubscriptionReport | None:
        """The first report that is settled, or the one at hand when patience ends."""
        until = asyncio.get_running_loop().time() + self._patience.total_seconds()
        while True:
            report = await self.report()
            if report is None or is_settled(report):
                return report
            if asyncio.get_running_loop().time() >= until:
                return report
            await asyncio.sleep(_PAUSE_SECONDS)
