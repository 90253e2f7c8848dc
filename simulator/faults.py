"""Faults: what goes wrong with the next requests and webhooks, on order.

Owns what was ordered and how often it still applies. Does not carry anything out (`api`,
`deliveries`).
"""

from fnmatch import fnmatchcase
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

FaultKind = Literal["timeout", "reset", "server_error", "rate_limited", "conflict", "slow"]
Moment = Literal["before_commit", "after_commit"]
WebhookFaultKind = Literal["delay", "duplicate", "reorder", "drop"]


class Fault(BaseModel):
    """What goes wrong with the next `times` requests that match.

    `timeout` answers nothing for `seconds`, then resets; `reset` cuts the connection; `slow` takes
    `seconds` longer. `moment` decides whether the effect happened. `path` is a shell pattern.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    times: int = Field(default=1, ge=1)
    moment: Moment = "before_commit"
    seconds: float = Field(default=120.0, ge=0)

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault is meant for that request."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path)


class WebhookFault(BaseModel):
    """What happens to the next `times` first deliveries of events that match.

    `delay` holds each for `seconds`; `duplicate` sends each twice; `drop` never sends; `reorder`
    collects `times` of them and sends them last to first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: WebhookFaultKind
    event: str = "*"
    times: int = Field(default=1, ge=1)
    seconds: float = Field(default=1.0, ge=0)


F = TypeVar("F", Fault, WebhookFault)


class Faults:
    """The faults still to come, in the order of their injection."""

    def __init__(self) -> None:
        self._requests: list[Fault] = []
        self._webhooks: list[WebhookFault] = []

    def inject(self, fault: Fault) -> None:
        """Order a fault for requests."""
        self._requests.append(fault)

    def inject_webhook(self, fault: WebhookFault) -> None:
        """Order a fault for webhooks."""
        self._webhooks.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._requests.clear()
        self._webhooks.clear()

    def pending(self) -> tuple[list[Fault], list[WebhookFault]]:
        """What was ordered and has not happened yet."""
        return list(self._requests), list(self._webhooks)

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault meant for this request, used up once."""
        for index, fault in enumerate(self._requests):
            if fault.matches(method, path):
                _use_up(self._requests, index, fault)
                return fault
        return None

    def take_webhook(self, event_type: str) -> WebhookFault | None:
        """The first fault meant for a delivery of this event, with `times` as it stood before."""
        for index, fault in enumerate(self._webhooks):
            if fnmatchcase(event_type, fault.event):
                _use_up(self._webhooks, index, fault)
                return fault
        return None


def _use_up(faults: list[F], index: int, fault: F) -> None:
    if fault.times == 1:
        del faults[index]
    else:
        faults[index] = fault.model_copy(update={"times": fault.times - 1})
