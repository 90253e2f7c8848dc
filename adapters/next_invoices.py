"""What the next invoice of a running subscription comes to, at its price and at another one.

Owns reading what such an invoice is made of besides the price: each subscription by itself, so that
few are. Does not own the invoice (`billing.upcoming`).
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import subscriptions
from adapters.db.repositories.customers import SqlCustomers
from adapters.db.repositories.invoice_items import pending_items
from billing.catalog_change import Published
from billing.catalog_plan import NextInvoice
from billing.lifecycle import NextPeriod
from billing.money import Money
from billing.offer import Offer
from billing.price import Price
from billing.subscription import Terms
from billing.upcoming import drafted, upcoming_period


async def next_invoice(
    connection: AsyncConnection,
    subscription_id: str,
    *,
    published: Published,
    moved_to: Offer | None,
) -> NextInvoice | None:
    """With discounts, what was carried and what waits for it, before tax; None where none comes.

    `moved_to` is None where it cannot be moved. Who has decided for another price keeps that.
    """
    state = await subscriptions.state_of(connection, subscription_id)
    if state is None:
        return None
    customer = await SqlCustomers(connection).get(state.customer_id)
    following = upcoming_period(state, has_method=customer.can_be_billed)
    if following is None:
        return None
    items = await pending_items(connection, subscription_id)
    accrued = tuple(published.price_of(part.terms) for part in following.accrued)

    def total(of: NextPeriod, price: Price) -> Money:
        draft = drafted(
            state, of, price=price, accrued_prices=accrued, items=items, now=of.billed.start
        )
        return draft.total

    sold = published.price_of(following.terms)
    now = total(following, sold)
    if moved_to is None or following.terms.price_id != state.terms.price_id:
        return NextInvoice(total=now, if_moved=now)
    terms, price = _moved(following.terms, moved_to)
    moved = following.model_copy(update={"terms": terms})
    return NextInvoice(total=now, if_moved=total(moved, price))


def _moved(terms: Terms, to: Offer) -> tuple[Terms, Price]:
    price = to.price.in_currency(terms.currency).keeping(terms.configuration)
    sold = {
        "product_id": to.product.id,
        "product_name": to.product.name,
        "price_id": price.id,
        "price_version": price.version,
        "configuration": price.configuration,
    }
    return terms.model_copy(update=sold), price
