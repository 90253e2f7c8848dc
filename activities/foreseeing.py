"""What a subscription will be charged next: for the API's preview, and for messages that say it.

Owns reading what the next invoice is made of. Does not own its amounts (`billing.upcoming`).
"""

from datetime import datetime

from activities.period_billing import prices_of
from activities.tax_question import asked
from billing.balance import applicable
from billing.errors import NotFound
from billing.invoice_item import InvoiceItem
from billing.one_off_charge import check_chargeable_now, drafted
from billing.ports.storage import UnitOfWork
from billing.ports.tax import TaxRates
from billing.pricing import check_not_too_large
from billing.subscription import SubscriptionState
from billing.tax import UNTAXED
from billing.upcoming import UpcomingInvoice, is_free, upcoming_invoice, upcoming_period


async def foreseen(
    open_transaction: UnitOfWork,
    taxes: TaxRates,
    subscription_id: str,
    *,
    added: tuple[InvoiceItem, ...] = (),
) -> UpcomingInvoice | None:
    """The next invoice, as it would be made of what is recorded now; None where none will come.

    With what is `added` to the items that wait for it.

    Raises `NotFound` (`subscription_not_found`), and `InvalidInput` (`tax_location_invalid`) where
    the tax cannot be known.
    """
    async with open_transaction() as tx:
        state = await tx.subscriptions.recorded(subscription_id)
        if state is None:
            raise NotFound("subscription_not_found", f"no subscription {subscription_id}")
        customer = await tx.customers.get(state.customer_id)
        following = upcoming_period(state, has_method=customer.can_be_billed)
        if following is None:
            return None
        price = await tx.prices.of(following.terms)
        accrued_prices = await prices_of(tx, following.accrued)
        balance = await tx.balances.of(state.customer_id, price.currency)
        items = (*await tx.items.pending(subscription_id), *added)
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


async def foreseen_charge(
    open_transaction: UnitOfWork,
    taxes: TaxRates,
    state: SubscriptionState,
    item: InvoiceItem,
    *,
    now: datetime,
) -> UpcomingInvoice:
    """The invoice that the item would get of its own now.

    Raises as charging it does: `Conflict` and `InvalidInput`, for what cannot be charged now and
    where the tax cannot be known.
    """
    check_chargeable_now(state, item.amount)
    tax = await asked(taxes, state.customer_id, now)
    if tax.refusal is not None:
        raise tax.refusal
    async with open_transaction() as tx:
        price = await tx.prices.of(state.terms)
        balance = await tx.balances.of(state.customer_id, item.amount.currency)
    draft = drafted(state, item, price=price, taxation=tax.taxation, now=now)
    check_not_too_large(draft.total, what="with tax it")
    return UpcomingInvoice(draft=draft, from_balance=applicable(balance, draft.total))
