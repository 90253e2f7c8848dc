"""What starting and changing a subscription leads to: invoices that may never be made.

Owns what the first period of a subscription that starts now would cost, and the first renewal after
a change, by the rules of the invoices themselves. Does not own the invoice that comes next
(`billing.upcoming`) nor what a change costs at once (`billing.change`).
"""

from datetime import datetime

from billing import changing
from billing.change import PlannedChange
from billing.discount import RedeemedDiscount
from billing.invoice import InvoiceDraft
from billing.lifecycle import NextPeriod, next_billing
from billing.money import Money
from billing.offer import price_as_sold
from billing.price import Price
from billing.requested_change import ChangeBasis
from billing.subscription import AccruedPart, SubscriptionState, Terms
from billing.tax import Taxation
from billing.upcoming import drafted, is_free


def first_invoice(
    state: SubscriptionState, price: Price, taxation: Taxation, now: datetime
) -> InvoiceDraft:
    """Of a subscription that starts at `now`, with what is bought with it.

    All of its discounts are unused. In arrears there may be nothing on it.
    """
    fresh = _fresh(state)
    return drafted(fresh, next_billing(fresh, now), price=price, taxation=taxation, now=now)


def is_free_at_start(state: SubscriptionState, now: datetime) -> bool:
    """Whether neither the first period, whenever it is billed, nor what is bought with it costs."""
    fresh = _fresh(state)
    return is_free(fresh, _whenever_billed(fresh, now))


def first_period(
    state: SubscriptionState, price: Price, taxation: Taxation, now: datetime
) -> InvoiceDraft:
    """What the first period comes to, whenever it is billed, with what is bought with it."""
    fresh = _fresh(state)
    begins = _whenever_billed(fresh, now)
    return drafted(fresh, begins, price=price, taxation=taxation, now=now)


def _whenever_billed(fresh: SubscriptionState, now: datetime) -> NextPeriod:
    """In arrears the first period is charged as well, only later; a purchase has none."""
    following = next_billing(fresh, now)
    if fresh.purchase is not None:
        return following
    return following.model_copy(update={"in_advance": True})


def _fresh(state: SubscriptionState) -> SubscriptionState:
    return SubscriptionState(
        subscription_id=state.subscription_id,
        customer_id=state.customer_id,
        terms=state.terms,
        created_at=state.created_at,
        checkout_expires_at=state.checkout_expires_at,
        purchase=state.purchase,
        first_items=state.first_items,
        discounts=tuple(
            RedeemedDiscount(coupon=discount.coupon, redeemed_at=discount.redeemed_at)
            for discount in state.discounts
        ),
    )


def renewal_after(state: SubscriptionState, plan: PlannedChange, basis: ChangeBasis) -> Money:
    """What the first renewal after a change charges, if nothing else happens before it.

    With what is carried to it and what waits for it, and at the price that a migration moves to
    then; at today's rates of tax.
    """
    after = _after(state, plan)
    following = next_billing(after, plan.period.end)
    draft = drafted(
        after,
        following,
        price=_price_of(following.terms, basis),
        accrued_prices=tuple(_price_of_part(part, state, basis) for part in following.accrued),
        items=tuple(basis.items),
        taxation=basis.taxation,
        now=following.billed.start,
    )
    return draft.total


def _after(state: SubscriptionState, plan: PlannedChange) -> SubscriptionState:
    if plan.is_deferred:
        return changing.change_scheduled(state, plan, "estimated", plan.at)
    return changing.change_in_force(state, plan, "estimated", plan.at)


def _price_of(terms: Terms, basis: ChangeBasis) -> Price:
    """Of the prices that can be sold at the renewal, the one that is."""
    offered = None if basis.offer is None else basis.offer.price
    for price in (basis.migration_price, offered):
        if price is not None and (price.id, price.version) == (terms.price_id, terms.price_version):
            return price_as_sold(price, terms)
    return price_as_sold(basis.current_price, terms)


def _price_of_part(part: AccruedPart, state: SubscriptionState, basis: ChangeBasis) -> Price:
    """What was had before is at the prices of then; the rest at those of now and after."""
    before = zip(state.accrued, basis.accrued_prices, strict=True)
    # Whole parts are compared last: two hundred with two hundred of them took a tenth of a second.
    begun = ((known, price) for known, price in before if known.used.start == part.used.start)
    found = (price for known, price in begun if known == part)
    return next(found, None) or _price_of(part.terms, basis)
