"""Changes that wait for their customer at a bank's challenge, and what makes them give way.

Owns since when they do. Does not own how one is set aside (`billing.changing`).
"""

from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from billing import changing
    from billing.subscription import SubscriptionState

_MAKES_WAY: Final = "a-challenge-makes-way"


def makes_way(state: SubscriptionState) -> bool:
    """Whether a change at a challenge makes way for a command, as it did not in earlier histories.

    Asked in the command's turn, where its rule is: it may have waited for that.
    """
    return not changing.waits_for_customer(state) or workflow.patched(_MAKES_WAY)
