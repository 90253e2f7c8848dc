"""What time it is for a subscription, asked from outside of its workflow.

Owns the answer as far as storage knows it. Inside the workflow it is `billing.subscription.Clock`.
"""

from datetime import datetime

from billing.ports.storage import Transaction


async def recorded_present(
    tx: Transaction, subscription_id: str, *, otherwise: datetime
) -> datetime:
    """Where the subscription's test clock stands; `otherwise` for live customers.

    While the clock moves, the stored state may be further than the clock has arrived.
    """
    state = await tx.subscriptions.recorded(subscription_id)
    if state is None or state.clock.frozen_at is None:
        return otherwise
    arrived_at = await tx.subscriptions.clock_stands_at(subscription_id)
    return state.clock.frozen_at if arrived_at is None else max(state.clock.frozen_at, arrived_at)
