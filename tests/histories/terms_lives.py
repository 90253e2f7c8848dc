"""A life on net terms, told from its start (policy P22).

Owns the story; `tests.histories.lives` lists it with all others.
"""

from adapters.db.engine import transactions
from tests.histories.settling import started
from tests.workflows.company import Company, Subscription
from workflows.messages import PayNow


async def suspended_on_net_terms(company: Company) -> Subscription:
    """An invoice that is sent, reminded of, overdue, suspended for, and paid by card in the end."""
    customer = await company.customer()
    async with transactions(company.engine)() as tx:
        await tx.customers.set_net_terms(customer, 15)
    subscription = await company.subscribe(customer, price_id="pro_y")
    await started(subscription)
    await company.advance("2026-03-05T00:00")
    await subscription.give(PayNow, command_id="pay_1")
    await company.settle()
    return subscription
