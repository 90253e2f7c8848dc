"""What starting and changing a subscription leads to: invoices that may never be made.

Owns what the first period of a subscription that starts now would cost, and the first renewal after
a change, by the rules of the invoices themselves. Does not own the invoice that comes next
(`billing.upcoming`) nor what a change costs at once (`billing.change`).
"""

from datetime import datetime

from billing.catalog import Price
from billing.change import PlannedChange
from billing.discount import RedeemedDiscount, after_uses
from billing.invoice import InvoiceDraft, draft_for_period
from billing.lifecycle import next_billing
from billing.money import Money
from billing.offer import price_as_sold
from billing.requested_change import ChangeBasis
from billing.subscription import SubscriptionState
from billing.tax import Taxation
from billing.upcoming import drafted


def first_invoice(
    state: SubscriptionState, price: Price, taxation: Taxation, now: datetime
) -> InvoiceDraft:
    """Of a subscription that starts at `now`, with what is bought with it.

    All of its discounts are unused.
    """
    fresh = SubscriptionState(
        subscription_id=state.subscription_id,
        customer_id=state.customer_id,
        terms=state.terms,
        created_at=state.created_at,
        checkout_expires_at=state.checkout_expires_at,
        first_items=state.first_items,
        discounts=tuple(
            RedeemedDiscount(coupon=discount.coupon, redeemed_at=discount.redeemed_at)
            for discount in state.discounts
        ),
    )
    return drafted(fresh, next_billing(fresh, now), price=price, taxation=taxation, now=now)


def renewal_after(state: SubscriptionState, plan: PlannedChange, basis: ChangeBasis) -> Money:
    """What the first renewal after a change charges, with what was carried until then."""
    number = -1 if state.period_number is None else state.period_number
    number += 1 if plan.starts_period else 0
    terms, offer = plan.target, basis.offer
    price = basis.current_price
    if offer is not None and offer.price.id == terms.price_id:
        price = price_as_sold(offer.price, terms)
    draft = draft_for_period(
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        price=price,
        product_name=terms.product_name,
        quantity=terms.quantity,
        period=plan.period,
        period_number=number + 1,
        carried=(*state.carried, *plan.carried),
        discounts=after_uses(state.discounts, plan.uses, period_number=number),
        treatment=basis.taxation.of(terms.tax_category),
        now=plan.at,
    )
    return draft.total
