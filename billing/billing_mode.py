"""When a period is billed: before it, or once it is over.

Owns the two words. Does not own what is billed when (`billing.lifecycle`, `billing.accrual`).
"""

from enum import StrEnum


class BillingMode(StrEnum):
    """When what a price costs for a period is invoiced; Kill Bill's word for it."""

    IN_ADVANCE = "in_advance"
    """At the period's beginning, for all of it."""
    IN_ARREARS = "in_arrears"
    """At the period's end, for what was had in it."""
