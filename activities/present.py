"""What time it is for a subscription, asked from outside of its workflow.

Owns the answer as far as storage knows it. Inside the workflow it is `billing.subscription.Clock`.
"""

from datetime import datetime

from billing.ports.storage import Transaction


async def recorded_present(
    tx: Transaction, subscription_id: str, *, otherwise: datetime
) -> datetime:
    """Where the subscription's test clock stood when its state was stored; else `otherwise`."""
    state = await tx.subscriptions.recorded(subscription_id)
    frozen_at = None if state is None else state.clock.frozen_at
    return otherwise if frozen_at is None else frozen_at
