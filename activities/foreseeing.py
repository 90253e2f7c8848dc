"""What a subscription will be charged next: for the API's preview, and for messages that say it.

Owns reading what the next invoice is made of. Does not own its amounts (`billing.upcoming`).
"""

from activities.period_billing import prices_of
from billing.errors import NotFound
from billing.ports.storage import UnitOfWork
from billing.ports.tax import TaxRates
from billing.tax import UNTAXED
from billing.upcoming import UpcomingInvoice, is_free, upcoming_invoice, upcoming_period


async def foreseen(
    open_transaction: UnitOfWork, taxes: TaxRates, subscription_id: str
) -> UpcomingInvoice | None:
    """The next invoice, as it would be made of what is recorded now; None where none will come.

    Raises `NotFound` (`subscription_not_found`), and `InvalidInput` (`tax_location_invalid`) where
    the tax cannot be known.
    """
    async with open_transaction() as tx:
        state = await tx.subscriptions.recorded(subscription_id)
        if state is None:
            raise NotFound("subscription_not_found", f"no subscription {subscription_id}")
        customer = await tx.customers.get(state.customer_id)
        has_method = customer.default_payment_method_id is not None
        following = upcoming_period(state, has_method=has_method)
        if following is None:
            return None
        price = await tx.prices.of(following.terms)
        accrued_prices = await prices_of(tx, following.accrued)
        balance = await tx.balances.of(state.customer_id, price.currency)
        items = await tx.items.pending(subscription_id)
    taxation = UNTAXED
    if not is_free(state, following, items):
        taxation = await taxes.taxation(state.customer_id, following.billed.start)
    upcoming = upcoming_invoice(
        state,
        following,
        price=price,
        accrued_prices=accrued_prices,
        balance=balance,
        taxation=taxation,
        items=items,
    )
    return upcoming if upcoming.draft.lines else None
