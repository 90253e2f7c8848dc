"""Everything that is said to and by a subscription's workflow.

Owns the contract of its start, signals, updates and query, and the workflow's id. Callers need
nothing else of this package, and nothing of the workflow's code is loaded with it.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import StringConstraints

from billing.actor import Actor
from billing.agenda import NextAction
from billing.subscription import SubscriptionState, SubscriptionStatus
from billing.value import Instant, Value

SUBSCRIPTION_WORKFLOW: Final = "SubscriptionWorkflow"
SUBSCRIPTION_TASK_QUEUE: Final = "subscriptions"
TEST_CLOCK_WORKFLOW: Final = "TestClockWorkflow"
RECONCILIATION_WORKFLOW: Final = "ReconciliationWorkflow"

CHECKOUT_PRIORITY: Final = 1
RENEWAL_PRIORITY: Final = 5

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
CommandId = Annotated[str, StringConstraints(min_length=1, max_length=120)]


def subscription_workflow_id(subscription_id: str) -> str:
    """The id to find a subscription's workflow by."""
    return f"subscription/{subscription_id}"


def test_clock_workflow_id(test_clock_id: str) -> str:
    """The id of the workflow that moves a test clock; one move at a time by its uniqueness."""
    return f"test-clock/{test_clock_id}"


class SubscriptionStart(Value):
    """Where a run begins: a new subscription, or one carried on from an earlier run."""

    state: SubscriptionState


class CheckoutCompleted(Value):
    """Signal `checkout_completed`: the customer's payment method is saved as their default."""

    checkout_session_id: str


class PaymentNews(Value):
    """Signal `payment_news`: the gateway knows more about the payment of an invoice."""

    invoice_id: str


class ClockMoved(Value):
    """Signal `clock_moved`: the customer's test clock may run up to `frozen_at`."""

    frozen_at: Instant


class CancelMode(StrEnum):
    """When a cancellation takes effect (policy P17)."""

    AT_PERIOD_END = "at_period_end"
    NOW = "now"


class Command(Value):
    """What every command says: an id that makes it take effect once, who asks, and why."""

    command_id: CommandId
    actor: Actor
    reason: Reason | None = None


class Cancel(Command):
    """Update `cancel`."""

    mode: CancelMode = CancelMode.AT_PERIOD_END


class UndoCancel(Command):
    """Update `undo_cancel`."""


class ExtendTrial(Command):
    """Update `extend_trial`."""

    trial_end: Instant


class CommandReceipt(Value):
    """The answer to a command; a repetition gets the same one."""

    command_id: str
    subscription_id: str
    applied_at: Instant
    revision: int


class ActivationReport(Value):
    """Answer of the update `wait_for_activation`: what became of the attempt to go live."""

    status: SubscriptionStatus
    refused: bool
    revision: int


class SubscriptionReport(Value):
    """Answer of the query `status`."""

    state: SubscriptionState
    is_idle: bool
    """Whether everything due on the subscription's clock is done."""
    next_actions: tuple[NextAction, ...]
    problem: str | None
    """What an operator must look at, if anything."""


class TestClockMove(Value):
    """Start of `TestClockWorkflow`: move every subscription on the clock up to `target_at`."""

    __test__ = False
    """Not a test class, whatever its name looks like to a test collector."""

    test_clock_id: str
    target_at: Instant
