"""How long workflows wait for their effects, and how they try again.

Owns every timeout and retry policy. An outage is retried without an end and is never a decline
(policy P19); what can never succeed is not retried and is shown to an operator.
"""

from datetime import timedelta
from typing import Final, Required, TypedDict

from temporalio.common import Priority, RetryPolicy

from workflows.messages import CHECKOUT_PRIORITY, RENEWAL_PRIORITY


class ActivityLimits(TypedDict, total=False):
    """What `execute_activity_method` is told besides its argument."""

    start_to_close_timeout: Required[timedelta]
    heartbeat_timeout: timedelta
    """How soon the death of a worker is noticed; longer than one call to the gateway may take."""
    retry_policy: Required[RetryPolicy]


class LocalLimits(TypedDict):
    """What `execute_local_activity_method` is told besides its argument."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    """With the wait for one of the worker's places: where all are taken, a task is better."""
    retry_policy: RetryPolicy


_NEVER_RETRIED: Final = (
    "BooksBroken",
    "Conflict",
    "GatewayRefused",
    "InvalidInput",
    "NotFound",
    "Overtaken",
)
"""Exact class names: Temporal does not look at base classes."""

DATABASE: Final = ActivityLimits(
    start_to_close_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        maximum_interval=timedelta(seconds=30),
        non_retryable_error_types=_NEVER_RETRIED,
    ),
)
RECEIVING: Final = ActivityLimits(
    start_to_close_timeout=timedelta(minutes=2), retry_policy=DATABASE["retry_policy"]
)
"""With the stopping of a card's payment, where one waits for its customer."""
AT_ONCE: Final = LocalLimits(
    start_to_close_timeout=timedelta(seconds=3),
    schedule_to_close_timeout=timedelta(seconds=4),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""Within a workflow task, which the server gives up after ten seconds."""
CHARGE_AT_ONCE: Final = LocalLimits(
    start_to_close_timeout=timedelta(seconds=6),
    schedule_to_close_timeout=timedelta(seconds=7),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""Two calls to the gateway take less where it is well, and a decline's four."""
GATEWAY: Final = ActivityLimits(
    start_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=timedelta(seconds=45),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=timedelta(minutes=5),
        non_retryable_error_types=_NEVER_RETRIED,
    ),
)
MAIL: Final = ActivityLimits(
    start_to_close_timeout=timedelta(minutes=1),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=5),
        maximum_interval=timedelta(minutes=30),
        non_retryable_error_types=_NEVER_RETRIED,
    ),
)
CLOCK_MOVE: Final = ActivityLimits(
    start_to_close_timeout=timedelta(hours=1),
    heartbeat_timeout=timedelta(seconds=15),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=timedelta(seconds=10),
        non_retryable_error_types=_NEVER_RETRIED,
    ),
)
RECONCILIATION: Final = ActivityLimits(
    start_to_close_timeout=timedelta(hours=2),
    heartbeat_timeout=timedelta(minutes=1),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=10), maximum_interval=timedelta(minutes=5)
    ),
)

TELLING: Final = ActivityLimits(
    start_to_close_timeout=timedelta(minutes=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=5),
        maximum_interval=timedelta(minutes=1),
        non_retryable_error_types=_NEVER_RETRIED,
    ),
)

OPERATOR_PATIENCE: Final = timedelta(days=1)
"""After this long without an operator, what failed is tried again by itself."""

BANK_PATIENCE: Final = timedelta(days=1)
"""After this long without news, a refund that a bank has not decided on is looked at again."""

RENEWAL_SPREAD: Final = timedelta(seconds=60)
"""Renewals due at one instant are spread over this long after it, never before it (P9)."""


def checkout_priority(customer_id: str) -> Priority:
    """Somebody is waiting in front of a screen."""
    return Priority(priority_key=CHECKOUT_PRIORITY, fairness_key=customer_id[:64])


def renewal_priority(customer_id: str) -> Priority:
    """Nobody is waiting; one large customer must not starve the rest."""
    return Priority(priority_key=RENEWAL_PRIORITY, fairness_key=customer_id[:64])
