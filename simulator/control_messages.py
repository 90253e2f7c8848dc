"""The messages of the control API.

Owns their shape, for server and client alike.
"""

from pydantic import BaseModel, ConfigDict, Field

from simulator.faults import Fault, WebhookFault
from simulator.request_log import RecordedRequest


class Message(BaseModel):
    """A message: frozen, and closed to fields that nobody declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScheduleOutcomes(Message):
    """Outcomes of the next charges of one subject, first to last."""

    subject: str
    outcomes: tuple[str, ...] = Field(min_length=1)


class ForgetKeys(Message):
    """Which idempotency key to forget; None forgets all."""

    key: str | None = None


class Settle(Message):
    """How a slow payment ends; None is success."""

    failure: str | None = None


class PendingFaults(Message):
    """The faults still to come."""

    requests: list[Fault]
    webhooks: list[WebhookFault]


class Requests(Message):
    """The requests received."""

    requests: list[RecordedRequest]


class Total(Message):
    """Money in one currency, in minor units."""

    captured_minor: int
    refunded_minor: int


class Totals(Message):
    """Money per currency, by lower-case ISO code."""

    currencies: dict[str, Total]


class Violations(Message):
    """What strict mode found."""

    violations: list[str]


class Owed(Message):
    """How many webhook deliveries are outstanding."""

    owed: int
