"""Writing off what was carried and will never be invoiced, with the state that gives it up (P5).

Owns the entry and the event, which every transaction writes that may be the first to store such a
state. Does not own what is written off (`billing.write_off`).
"""

from billing import ledger
from billing.ports.storage import Transaction
from billing.subscription import SubscriptionState
from billing.write_off import written_off_event


async def write_off(tx: Transaction, state: SubscriptionState, *, stored_revision: int) -> None:
    """Once per source key, where the transaction has stored `state` itself and no other one."""
    if stored_revision != state.revision:
        return
    for each in state.written_off:
        await tx.ledger.post(ledger.written_off(each, customer_id=state.customer_id))
        await tx.events.append(
            written_off_event(
                each, customer_id=state.customer_id, subscription_id=state.subscription_id
            )
        )
