"""Telling refunds' workflows that the gateway has news, once per fact."""

from typing import Final

from temporalio.client import Client

from adapters.temporal.signal_once import signal_once
from workflows.messages import refund_workflow_id

_REFUND_NEWS: Final = "refund_news"


class RefundSignals:
    """Raises `temporalio.service.RPCError` where Temporal is out of reach: tell it again."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def refund_news(self, refund_id: str, *, fact: str) -> bool:
        """Whether a running workflow was told; False where none runs, as nothing waits then."""
        workflow_id = refund_workflow_id(refund_id)
        return await signal_once(self._client, workflow_id, _REFUND_NEWS, None, fact=fact)
