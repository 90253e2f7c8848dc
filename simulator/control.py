"""The control API, client side.

Owns one typed method for each order a test or a demo can give to a running simulator. Does not talk
to Stripe's API.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self, TypeVar

import httpx
from pydantic import BaseModel

from simulator.control_messages import (
    DecideDispute,
    DisputeReason,
    ForgetKeys,
    Made,
    OpenDispute,
    Owed,
    PendingFaults,
    RefundByHand,
    Requests,
    ScheduleOutcomes,
    Settle,
    SettleRefund,
    Total,
    Totals,
    Violations,
)
from simulator.errors import ControlRefused
from simulator.faults import Fault, WebhookFault
from simulator.request_log import RecordedRequest
from simulator.tls import tls_context

M = TypeVar("M", bound=BaseModel)

_SECONDS_BETWEEN_LOOKS = 0.02


class SimulatorControl:
    """Orders to the simulator at `base_url`; an async context manager.

    Every method raises ControlRefused when the order is impossible.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{base_url.rstrip('/')}/_control",
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
            verify=tls_context(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def inject(self, fault: Fault) -> None:
        """Make the next matching requests go wrong."""
        await self._order("POST", "/faults", fault)

    async def inject_webhook(self, fault: WebhookFault) -> None:
        """Make the next matching webhook deliveries go wrong."""
        await self._order("POST", "/webhook_faults", fault)

    async def pending_faults(self) -> PendingFaults:
        """The faults that were ordered and have not happened yet."""
        return await self._ask("/faults", PendingFaults)

    async def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        await self._order("DELETE", "/faults")

    async def schedule_outcomes(self, subject: str, *outcomes: str) -> None:
        """Decide the next charges of a card number, `pm_card_…`, payment method or customer.

        An outcome is `succeed` or a decline code such as `insufficient_funds`. Afterwards the card
        behaves as documented again.
        """
        await self._order("POST", "/outcomes", ScheduleOutcomes(subject=subject, outcomes=outcomes))

    async def forget_idempotency_keys(self, key: str | None = None) -> None:
        """Forget one key or all, as Stripe does after a day."""
        await self._order("POST", "/idempotency_keys/forget", ForgetKeys(key=key))

    async def settle(self, payment_intent: str, *, failure: str | None = None) -> None:
        """End a `processing` payment: it succeeds, or fails for the reason given."""
        await self._order(
            "POST", f"/payment_intents/{payment_intent}/settle", Settle(failure=failure)
        )

    async def refund(self, payment: str, amount_minor: int | None = None) -> str:
        """Refund a PaymentIntent or charge as somebody in the dashboard does; the refund's id."""
        order = RefundByHand(amount_minor=amount_minor)
        return await self._make(f"/payments/{payment}/refund", order)

    async def settle_refund(self, refund: str, *, failure: str | None = None) -> None:
        """End a pending refund; with a failure, return one even after its success."""
        await self._order("POST", f"/refunds/{refund}/settle", SettleRefund(failure=failure))

    async def cancel_refund(self, refund: str) -> None:
        """Stop a pending refund as somebody in the dashboard does."""
        await self._order("POST", f"/refunds/{refund}/cancel")

    async def dispute(
        self, payment: str, *, is_inquiry: bool = False, reason: DisputeReason | None = None
    ) -> str:
        """Let the bank dispute what is left of a PaymentIntent or charge; the dispute's id.

        An inquiry only asks: no money moves, and refunds are still possible.
        """
        order = OpenDispute(is_inquiry=is_inquiry, reason=reason)
        return await self._make(f"/payments/{payment}/dispute", order)

    async def decide_dispute(self, dispute: str, *, won: bool) -> None:
        """Let the bank decide a dispute; an inquiry is closed, whatever the decision."""
        await self._order("POST", f"/disputes/{dispute}/decide", DecideDispute(won=won))

    async def escalate_dispute(self, dispute: str) -> None:
        """Let an inquiry become a dispute; what was refunded since it began fails."""
        await self._order("POST", f"/disputes/{dispute}/escalate")

    async def requests(
        self, *, method: str | None = None, path: str | None = None
    ) -> list[RecordedRequest]:
        """The requests received, oldest first, optionally of one method and exact path."""
        found = (await self._ask("/requests", Requests)).requests
        return [
            entry
            for entry in found
            if method in (None, entry.method) and path in (None, entry.path)
        ]

    async def clear_requests(self) -> None:
        """Forget the requests received."""
        await self._order("DELETE", "/requests")

    async def totals(self) -> Mapping[str, Total]:
        """What was captured, refunded and is left, in minor units, by lower-case currency."""
        return (await self._ask("/totals", Totals)).currencies

    async def violations(self) -> list[str]:
        """What strict mode found: empty means that all traffic conformed to Stripe's types."""
        return (await self._ask("/violations", Violations)).violations

    async def webhooks_owed(self) -> int:
        """How many webhook deliveries are still outstanding."""
        return (await self._ask("/deliveries", Owed)).owed

    async def webhooks_delivered(self, *, timeout_seconds: float = 10.0) -> None:
        """Wait until no webhook is outstanding. Raises TimeoutError if that takes too long."""
        async with asyncio.timeout(timeout_seconds):
            while await self.webhooks_owed():  # noqa: ASYNC110 - the state is remote
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def flush(self) -> None:
        """Fold the write-ahead log into the database file."""
        await self._order("POST", "/flush")

    async def reset(self) -> None:
        """Forget everything: objects, keys, faults, requests and findings."""
        await self._order("POST", "/reset")

    async def _order(self, method: str, path: str, message: BaseModel | None = None) -> None:
        content = None if message is None else message.model_dump_json()
        _checked(await self._client.request(method, path, content=content))

    async def _make(self, path: str, message: BaseModel) -> str:
        answer = await self._client.request("POST", path, content=message.model_dump_json())
        return Made.model_validate_json(_checked(answer).content).id

    async def _ask(self, path: str, model: type[M]) -> M:
        return model.model_validate_json(_checked(await self._client.get(path)).content)


def _checked(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise ControlRefused(f"{response.status_code} {response.text}")
    return response
