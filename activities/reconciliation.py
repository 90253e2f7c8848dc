"""Bringing back subscriptions that nobody looks after any more (policy P34).

Owns the comparison. Whatever an operator terminated or cancelled by mistake goes on from what was
last recorded; every effect is keyed by business ids, so nothing is charged or told twice.
"""

import structlog
from temporalio import activity

from billing.ports.reconciliation import RecordedSubscriptions, RunningSubscriptions
from billing.value import Value

_log = structlog.get_logger(__name__)


class ReconciliationReport(Value):
    """How many subscriptions were looked at, and which had to be restarted."""

    checked: int
    restarted_subscription_ids: tuple[str, ...]


class Reconciliation:
    """Activities that compare what is recorded with what runs."""

    def __init__(self, *, recorded: RecordedSubscriptions, running: RunningSubscriptions) -> None:
        self._recorded = recorded
        self._running = running

    @activity.defn
    async def restart_missing_subscriptions(self) -> ReconciliationReport:
        """Restarts every unfinished subscription without a workflow; repeating it is harmless."""
        checked = 0
        restarted: list[str] = []
        async for page in self._recorded.unfinished():
            for state in page:
                activity.heartbeat()
                checked += 1
                if await self._running.is_running(state.subscription_id):
                    continue
                if await self._running.restart(state):
                    restarted.append(state.subscription_id)
                    _log.warning("subscription.restarted", subscription_id=state.subscription_id)
        return ReconciliationReport(
            checked=checked, restarted_subscription_ids=tuple(restarted[:1000])
        )
