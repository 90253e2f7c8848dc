"""A life that is billed once it was had, told from its start.

Owns the story; `tests.histories.lives` lists it with all others.
"""

from tests.histories.settling import BROKE, settled, started
from tests.workflows.company import Company, Subscription


async def billed_in_arrears(company: Company) -> Subscription:
    """A seat more, a month that is paid, and a last one that another card pays after the end."""
    customer = await company.customer()
    subscription = await company.subscribe(customer, price_id="cloud_m")
    await started(subscription)
    await company.advance("2026-01-25T00:00")
    await subscription.change(seats=6, command_id="chg_1")
    await settled(subscription)
    await company.advance("2026-02-18T00:00")
    await subscription.cancel(command_id="cancel_1")
    await company.settle()
    await company.save_card(customer, BROKE)
    await company.advance("2026-03-21T00:00")
    await company.save_card(customer, "pm_card_visa")
    await subscription.handle.signal("payment_method_changed")
    await company.settle()
    await subscription.handle.result()
    return subscription
