"""The messages of the control API.

Owns their shape, for server and client alike.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from simulator.faults import Fault, WebhookFault
from simulator.request_log import RecordedRequest

DisputeReason = Literal[
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
]
"""Why a cardholder disputes, as Stripe documents `reason`."""


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


class RefundByHand(Message):
    """How much somebody refunds in the dashboard, in minor units; None is all that is left."""

    amount_minor: int | None = Field(default=None, ge=1)


class SettleRefund(Message):
    """How a refund ends; None is success."""

    failure: str | None = None


class OpenDispute(Message):
    """How a charge is disputed; None is the documented reason of a test card."""

    is_inquiry: bool = False
    reason: DisputeReason | None = None


class DecideDispute(Message):
    """What the bank decides; an inquiry ends without a decision."""

    won: bool


class Made(Message):
    """The id of what an order made."""

    id: str


class PendingFaults(Message):
    """The faults still to come."""

    requests: list[Fault]
    webhooks: list[WebhookFault]


class Requests(Message):
    """The requests received."""

    requests: list[RecordedRequest]


class Total(Message):
    """Money in one currency, in minor units.

    `balance_minor` is what is left on the account of all payments, refunds and disputes, fees
    aside.
    """

    captured_minor: int
    refunded_minor: int
    balance_minor: int


class Totals(Message):
    """Money per currency, by lower-case ISO code."""

    currencies: dict[str, Total]


class Violations(Message):
    """What strict mode found."""

    violations: list[str]


class Owed(Message):
    """How many webhook deliveries are outstanding."""

    owed: int
