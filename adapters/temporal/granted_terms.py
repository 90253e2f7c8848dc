"""Net terms that were granted, told to what waited for a payment method (policy P10, P22).

Owns which subscriptions those are: trials that ended without one and rest. Does not own what they
do then: they go on, as once a method is saved (`billing.settlement`).
"""

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import transactions
from adapters.db.queries import subscriptions
from adapters.temporal.subscription_signals import SubscriptionSignals


async def resting_trials(engine: AsyncEngine, customer_id: str) -> tuple[str, ...]:
    """The customer's trials that rest until there is something to charge."""
    async with transactions(engine)() as tx:
        charged = await tx.subscriptions.charged_to(customer_id)
        states = [await subscriptions.state_of(tx.connection, each) for each in charged]
    return tuple(state.subscription_id for state in states if state and state.rests_for_a_method)


async def tell_of_terms(
    signals: SubscriptionSignals, subscription_ids: tuple[str, ...], *, fact: str
) -> None:
    """Once per `fact`, the command that granted them. Raises `temporalio.service.RPCError`."""
    for subscription_id in subscription_ids:
        await signals.net_terms_granted(subscription_id, fact=fact)
