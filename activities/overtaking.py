"""Refusing what a run asks for that does not know what was recorded after it was reset.

Owns the look before an effect. Does not own the rule (`billing.lineage`) nor how the run catches up
(`workflows.state_keeper`).
"""

from billing.errors import Overtaken
from billing.lineage import Lineage, is_overtaken
from billing.ports.storage import Transaction
from billing.subscription import SubscriptionState


async def recorded_before(tx: Transaction, state: SubscriptionState) -> SubscriptionState | None:
    """What is recorded of the subscription, which the state's run knows.

    Raises `Overtaken` where a run before a reset has gone on: its plans and invoices are not this
    one's to repeat otherwise (policy P34).
    """
    recorded = await tx.subscriptions.recorded(state.subscription_id)
    if recorded is not None:
        refuse_overtaken(state, by=recorded.lineage, revision=recorded.revision)
    return recorded


def refuse_overtaken(state: SubscriptionState, *, by: Lineage | None, revision: int) -> None:
    """Raises `Overtaken`, as `recorded_before` does, where what is recorded is known already."""
    if is_overtaken(state.lineage, recorded=by, recorded_revision=revision):
        raise Overtaken("overtaken", f"revision {revision} was recorded before a reset")


def is_ahead(recorded: SubscriptionState, *, of: SubscriptionState) -> bool:
    """Whether the recorded state counts, and not the one that its run made without knowing it."""
    return is_overtaken(of.lineage, recorded=recorded.lineage, recorded_revision=recorded.revision)
