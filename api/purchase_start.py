"""What is sold when somebody buys one-off prices without a subscription.

Owns the checks before a purchase starts, its first state and what it will charge. Does not own its
start, which is that of a subscription (`api.subscription_start`), nor its operations
(`api.purchases`).
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import catalog, customers, subscriptions
from api.dependencies import Dependencies
from api.discounts import discounts_of
from api.first_items import AddedItem, items_of
from api.present import present_on
from api.subscription_start import CHECKOUT_OPEN_FOR, CheckedOrder, from_balance
from billing.errors import InvalidInput
from billing.estimate import first_invoice, is_free_at_start
from billing.pricing import check_not_too_large
from billing.purchase import check_collectable, terms_of_purchase
from billing.subscription import PurchaseKind, SubscriptionState
from billing.tax import UNTAXED
from billing.upcoming import UpcomingInvoice


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOrder:
    """What a caller asks for: at least one item."""

    purchase_id: str
    customer_id: str
    items: tuple[AddedItem, ...]
    kind: PurchaseKind
    currency: str | None = None
    """One that all of the prices are sold in; None is the first one's first."""
    coupon_ids: tuple[str, ...] = ()
    """In the order in which they discount."""
    buyer_present: bool = False
    """Whether the first payment of one by invoice is made in front of the customer."""
    trial: bool = False
    """Whether one is asked for: there is none."""


async def check_purchase(connection: AsyncConnection, order: PurchaseOrder) -> CheckedOrder:
    """The first state of what is bought.

    Raises `InvalidInput` (`customer_not_found`, `price_not_found`, `price_retired`,
    `currency_not_sold`, `price_recurring`, `quantity_out_of_range`, `quantity_not_a_multiple`,
    `amount_too_large`, `amount_not_chargeable`, what a configuration lacks, `no_trial`,
    `coupon_not_found`, `coupon_not_applicable`) and `Conflict` (`test_clock_advancing`,
    `coupon_expired`, `coupon_redeemed_already`).
    """
    customer = await customers.get(connection, order.customer_id)
    if customer is None:
        raise InvalidInput("customer_not_found", f"no customer {order.customer_id}")
    started = await subscriptions.state_of(connection, order.purchase_id)
    if started is not None:
        price = await catalog.price_of(connection, started.terms)
        return CheckedOrder(customer=customer, state=started, price=price, is_started=True)
    if order.trial:
        raise InvalidInput("no_trial", "what is sold once has no trial")
    present = await present_on(connection, customer.test_clock_id)
    first = order.items[0]
    sold = await catalog.offer(connection, first.price, now=present.now)
    if sold is None:
        raise await catalog.not_offered(connection, first.price, now=present.now)
    currency = order.currency or sold.price.currency
    items = await items_of(
        connection,
        order.items,
        customer_id=customer.id,
        subscription_id=order.purchase_id,
        currency=currency,
        now=present.now,
    )
    offer = sold.in_currency(currency).configured(first.configuration)
    terms = terms_of_purchase(offer, items, segment=customer.segment)
    check_not_too_large(terms.period_amount, what="all of it together")
    state = SubscriptionState(
        subscription_id=order.purchase_id,
        customer_id=customer.id,
        terms=terms,
        clock=present.clock,
        created_at=present.now,
        checkout_expires_at=present.now + CHECKOUT_OPEN_FOR,
        purchase=order.kind,
        buyer_present=order.buyer_present,
        first_items=items,
    )
    discounts = await discounts_of(connection, state, order.coupon_ids)
    return CheckedOrder(
        customer=customer,
        state=state.model_copy(update={"discounts": discounts}),
        price=offer.price,
        is_started=False,
    )


async def is_begun(connection: AsyncConnection, order: PurchaseOrder) -> bool:
    """Whether the same request came before."""
    return await subscriptions.state_of(connection, order.purchase_id) is not None


async def foreseen_purchase(deps: Dependencies, checked: CheckedOrder) -> UpcomingInvoice:
    """The invoice that it will get, by the rules that will make it.

    Raises `InvalidInput` (`amount_too_large`, `amount_too_small`; `tax_location_invalid` where the
    tax cannot be known).
    """
    state = checked.state
    taxation = UNTAXED
    if not is_free_at_start(state, state.created_at):
        taxation = await deps.tax_rates.taxation(state.customer_id, state.created_at)
    draft = first_invoice(state, checked.price, taxation, state.created_at)
    check_not_too_large(draft.total, what="with tax it")
    check_collectable(draft)
    return UpcomingInvoice(draft=draft, from_balance=await from_balance(deps, draft))
