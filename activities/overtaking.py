"""Refusing what a run asks for that does not know what was recorded after it was reset.

Owns the look before an effect. Does not own the rule (`billing.lineage`) nor how the run catches up
(`workflows.state_keeper`).
"""

from billing.errors import Overtaken
from billing.lineage import is_overtaken
from billing.ports.storage import Transaction
from billing.subscription import SubscriptionState


async def recorded_before(tx: Transaction, state: SubscriptionState) -> SubscriptionState | None:
    """What is recorded of the subscription, which the state's run knows.

    Raises `Overtaken` where a run before a reset has gone on: its plans and invoices are not this
    one's to repeat otherwise (policy P34).
    """
    recorded = await tx.subscriptions.recorded(state.subscription_id)
    if recorded is not None and is_ahead(recorded, of=state):
        raise Overtaken("overtaken", f"revision {recorded.revision} was recorded before a reset")
    return recorded


def is_ahead(recorded: SubscriptionState, *, of: SubscriptionState) -> bool:
    """Whether the recorded state counts, and not the one that its run made without knowing it."""
    return is_overtaken(of.lineage, recorded=recorded.lineage, recorded_revision=recorded.revision)
