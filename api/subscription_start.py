"""What is sold when a subscription begins.

Owns the checks before a subscription starts, its first state, and asking its workflow to start. The
start itself is the workflow's, and so are the final checks: two starts at once are told apart there
(policy P10, P16).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.db.engine import reading, transactions
from adapters.db.queries import catalog, customers, subscriptions
from adapters.db.queries.customers import Customer
from adapters.db.repositories.balances import SqlBalances
from adapters.temporal.subscription_signals import SubscriptionSignals
from api.dependencies import Dependencies
from api.discounts import discounts_of, take_redemptions
from api.first_items import AddedItem, first_items_of
from api.idempotency import RequestIds
from api.payment_methods import make_default
from api.present import Present, present_on
from api.problems import Unavailable
from api.workflow_calls import SubscriptionWorkflows, bounded
from billing.addon import anchored_at, check_parent
from billing.balance import applicable
from billing.catalog import Trial
from billing.configuration import PLAIN, Configuration
from billing.errors import Conflict, InvalidInput
from billing.estimate import first_invoice, first_period, is_free_at_start
from billing.invoice import InvoiceDraft
from billing.money import Money
from billing.offer import Offer, terms_of
from billing.price import Price
from billing.pricing import check_not_too_large, check_quantity
from billing.purchase import check_collectable
from billing.subscription import SubscriptionState

CHECKOUT_OPEN_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a caller asks for; `trial` None is: if there is one for this customer."""

    subscription_id: str
    customer_id: str
    price_id: str
    quantity: int
    trial: bool | None
    currency: str | None = None
    """One of the price's; None is an add-on's parent's, else the price's first. The subscription
    keeps it for life."""
    configuration: Configuration = PLAIN
    """Where the price depends on more than the quantity."""
    contract_until: datetime | None = None
    """Until then no migration changes its price."""
    coupon_ids: tuple[str, ...] = ()
    """In the order in which they discount."""
    added: tuple[AddedItem, ...] = ()
    """What is bought once with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOrder:
    """An order that may start, and the state that it starts in."""

    customer: Customer
    state: SubscriptionState
    price: Price
    """In the version that the state names."""
    is_started: bool
    """A request that died after starting it came before."""

    async def due_now(self, deps: Dependencies) -> Money:
        """What starting it charges: as its first invoice will, nothing for a trial.

        Raises `InvalidInput` (`amount_too_large`).
        """
        return await due_at_start(deps, self.state, self.price)


async def check_order(connection: AsyncConnection, order: Order) -> CheckedOrder:
    """The first state of what is ordered.

    Raises `InvalidInput` (`customer_not_found`, `price_not_found`, `price_retired`,
    `currency_not_sold`, `price_not_recurring`, `price_recurring`, `quantity_out_of_range`,
    `amount_too_large`, `amount_not_chargeable`, `no_trial`, `coupon_not_found`,
    `coupon_not_applicable`) and `Conflict` (`family_taken`, `trial_used`, `parent_required`,
    `parent_not_active`, `parent_ends`, `test_clock_advancing`,
    `coupon_expired`, `coupon_exhausted`, `coupon_redeemed_already`).
    """
    customer = await customers.get(connection, order.customer_id)
    if customer is None:
        raise InvalidInput("customer_not_found", f"no customer {order.customer_id}")
    started = await subscriptions.state_of(connection, order.subscription_id)
    if started is not None:
        price = await catalog.price_of(connection, started.terms)
        return CheckedOrder(customer=customer, state=started, price=price, is_started=True)
    present = await present_on(connection, customer.test_clock_id)
    sold = await catalog.offer(connection, order.price_id, now=present.now)
    if sold is None:
        raise await catalog.not_offered(connection, order.price_id, now=present.now)
    beside = await _parent(connection, order, sold)
    offer = _in_currency(sold, order, beside).configured(order.configuration)
    offer.price.require_interval()
    check_quantity(offer.price, order.quantity)
    taken = await subscriptions.live_in_family(
        connection, customer_id=customer.id, family=offer.product.family
    )
    if taken is not None:
        raise Conflict(
            "family_taken",
            f"the customer has a subscription of the family {offer.product.family}: {taken}",
            subscription=taken,
        )
    parent = None if offer.product.addon_to is None else check_parent(offer.product, beside)
    trial = await _trial(connection, order, offer)
    state = _first_state(present, order, offer, customer, trial, parent)
    items = await first_items_of(connection, state, order.added)
    state = state.model_copy(update={"first_items": items})
    discounts = await discounts_of(connection, state, order.coupon_ids)
    return CheckedOrder(
        customer=customer,
        state=state.model_copy(update={"discounts": discounts}),
        price=offer.price,
        is_started=False,
    )


async def due_at_start(deps: Dependencies, state: SubscriptionState, price: Price) -> Money:
    """What the first invoice of a subscription comes to; nothing where it begins with a trial.

    Of a purchase, what the customer's balance leaves of it: nothing comes after it that would need
    a payment method. Raises `InvalidInput` (`amount_too_large`, and for a purchase
    `amount_too_small`).
    """
    if is_free_at_start(state, state.created_at):
        return Money.zero(state.terms.currency)
    taxation = await deps.tax_rates.taxation(state.customer_id, state.created_at)
    whole = first_period(state, price, taxation, state.created_at).total
    check_not_too_large(whole, what="with tax and what is added it")
    draft = first_invoice(state, price, taxation, state.created_at)
    total = draft.total
    if state.purchase is not None:
        check_collectable(draft)
        return total - await from_balance(deps, draft)
    return total if state.terms.trial is None else Money.zero(total.currency)


async def from_balance(deps: Dependencies, draft: InvoiceDraft) -> Money:
    """What the customer's balance would pay of it now."""
    async with reading(deps.engine) as connection:
        balance = await SqlBalances(connection).of(draft.customer_id, draft.currency)
    return applicable(balance, draft.total)


async def start_at_once(
    deps: Dependencies, checked: CheckedOrder, ids: RequestIds, *, payment_method_id: str | None
) -> None:
    """Starts what was ordered with a saved method; returns once it is known what became of it.

    Raises `Conflict` (`payment_method_required`, `coupon_exhausted`, `test_clock_advancing`), and
    `Unavailable` where it was not even recorded.
    """
    await _choose_method(deps, checked, payment_method_id)
    state = checked.state
    if not checked.is_started:
        await join_parent(deps, state)
        state = await take_redemptions(deps, state)
    ready = state.model_copy(update={"checkout_completed_at": state.created_at})
    workflows = SubscriptionWorkflows.of(deps)
    try:
        async with clock_standing(deps.engine, checked):
            await workflows.start_activated(ready, update_id=ids.new("upd"))
    except Unavailable:
        async with reading(deps.engine) as connection:
            if await subscriptions.state_of(connection, state.subscription_id) is None:
                raise


async def _choose_method(
    deps: Dependencies, checked: CheckedOrder, payment_method_id: str | None
) -> None:
    """Whatever method is named: what starting it comes to is worked out before, and can be."""
    owes_now = not checked.is_started and (await checked.due_now(deps)).amount_minor > 0
    terms = checked.state.terms
    owes_later = terms.is_in_arrears and terms.costs and terms.trial is None
    if payment_method_id is not None:
        await make_default(deps, checked.customer, payment_method_id)
    elif (owes_now or owes_later) and not checked.customer.can_be_billed:
        raise Conflict(
            "payment_method_required", "the customer has no payment method to charge: save one"
        )


async def join_parent(deps: Dependencies, state: SubscriptionState) -> None:
    """An add-on's parent knows of it before it begins, so that it is told of the parent's end.

    Raises `Unavailable` where the parent cannot be told now: the same request may succeed later.
    """
    if state.parent_id is None:
        return
    signals = SubscriptionSignals(deps.temporal)
    async with bounded(deps.caller_patience):
        if not await signals.addon_started(state.parent_id, addon_id=state.subscription_id):
            raise Unavailable(
                "temporarily_unavailable", "the subscription that it belongs to does not answer"
            )


@asynccontextmanager
async def clock_standing(engine: AsyncEngine, checked: CheckedOrder) -> AsyncIterator[None]:
    """Keeps the customer's test clock where it is while the subscription is started.

    A move looks for the subscriptions that are recorded: one that began in the same instant would
    be left behind. Raises `Conflict` (`test_clock_advancing`) where it has moved since the order
    was checked. Live customers have no clock, and nothing is locked for them.
    """
    test_clock_id, at = checked.customer.test_clock_id, checked.state.clock.frozen_at
    if test_clock_id is None or at is None or checked.is_started:
        yield
        return
    async with transactions(engine)() as tx:
        await tx.test_clocks.hold(test_clock_id, at=at)
        yield


async def _parent(
    connection: AsyncConnection, order: Order, offer: Offer
) -> SubscriptionState | None:
    """What an add-on is to be sold beside, if the customer has that."""
    family = offer.product.addon_to
    if family is None:
        return None
    found = await subscriptions.live_in_family(
        connection, customer_id=order.customer_id, family=family
    )
    return None if found is None else await subscriptions.state_of(connection, found)


def _in_currency(sold: Offer, order: Order, parent: SubscriptionState | None) -> Offer:
    """What is bought beside another subscription is paid in the same currency, unless one is said.

    Raises `InvalidInput` (`currency_not_sold`).
    """
    if order.currency is not None or parent is None:
        return sold.in_currency(order.currency or sold.price.currency)
    currency = parent.terms.currency
    try:
        return sold.in_currency(currency)
    except InvalidInput as refused:
        raise InvalidInput(
            refused.code,
            f"{refused.message}, as the subscription that it belongs to is:"
            " say in which currency it is to be paid",
            **refused.details,
        ) from refused


async def _trial(connection: AsyncConnection, order: Order, offer: Offer) -> Trial | None:
    trial = offer.product.trial
    if order.trial is False or (trial is None and order.trial is None):
        return None
    if trial is None:
        raise InvalidInput("no_trial", f"{offer.product.id} has no trial")
    used = await subscriptions.trial_is_used(
        connection, customer_id=order.customer_id, family=offer.product.family
    )
    if used and order.trial:
        raise Conflict("trial_used", "the customer has used the trial of this product family")
    return None if used else trial


def _first_state(
    present: Present,
    order: Order,
    offer: Offer,
    customer: Customer,
    trial: Trial | None,
    parent: SubscriptionState | None,
) -> SubscriptionState:
    sold = terms_of(
        offer,
        quantity=order.quantity,
        trial=trial,
        segment=customer.segment,
        anchored_at=None if parent is None else anchored_at(parent),
    )
    return SubscriptionState(
        subscription_id=order.subscription_id,
        customer_id=customer.id,
        terms=sold.model_copy(update={"contract_until": order.contract_until}),
        clock=present.clock,
        created_at=present.now,
        checkout_expires_at=present.now + CHECKOUT_OPEN_FOR,
        parent_id=None if parent is None else parent.subscription_id,
    )
