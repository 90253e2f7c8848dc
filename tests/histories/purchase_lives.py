"""A life of what is bought without a subscription, told from its start.

Owns the story; `tests.histories.lives` lists it with all others.
"""

from tests.histories.settling import BROKE, started
from tests.workflows.company import Company, Subscription


async def bought_and_paid_late(company: Company) -> Subscription:
    """A refused payment, a rung of the ladder, another card, and nothing after it."""
    customer = await company.customer(card=BROKE)
    purchase = await company.buy(customer)
    await started(purchase)
    await company.advance("2026-01-21T00:00")
    await company.save_card(customer, "pm_card_visa")
    await purchase.handle.signal("payment_method_changed")
    await company.settle()
    await purchase.handle.result()
    return purchase
