"""Checkout sessions: hosted pages that start a subscription, or sell one-off prices.

Owns the making of a page together with the subscription or purchase that it completes. Does not own
the page (the gateway's) nor the customer's return from it (`api.hosted`).
"""

from dataclasses import replace
from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.engine import reading, transactions
from adapters.db.queries import catalog, checkout_sessions, customers, subscriptions
from adapters.db.queries.checkout_sessions import CheckoutSession
from adapters.db.queries.customers import Customer
from adapters.db.tables.checkout_session import CheckoutSessionStatus
from adapters.hosted_link import HostedLinks
from api.configured import Configured
from api.dependencies import Dependencies, Deps
from api.discounts import Coupons, take_redemptions
from api.fields import (
    CheckoutSessionId,
    CustomerId,
    Flag,
    PriceCurrency,
    PriceId,
    Quantity,
    WebAddress,
    example,
)
from api.first_items import AddedItem, AddInvoiceItems
from api.gateway_customer import ensure_gateway_customer, with_fresh_keys
from api.idempotency import Ids, RequestIds
from api.money_view import MoneyView
from api.purchase_start import PurchaseOrder, check_purchase, is_begun
from api.route import ApiRoute
from api.sale import PurchaseOf, SubscriptionOf, sale_of
from api.subscription_start import (
    CheckedOrder,
    Order,
    check_order,
    clock_standing,
    due_at_start,
    join_parent,
)
from api.workflow_calls import SubscriptionWorkflows
from billing.errors import GatewayRefused, InvalidInput, NotFound
from billing.money import Money
from billing.ports.gateway import CheckoutRequest
from billing.purchase import PURCHASE
from billing.subscription import PurchaseKind, SubscriptionState
from billing.trial import trial_period

router = APIRouter(prefix="/v1/checkout", tags=["checkout"], route_class=ApiRoute)


class CheckoutInput(Configured):
    """A checkout to open."""

    model_config = example(
        {
            "customer": "cus_4a1b9c0d2e3f4a1b9c0d2e3f",
            "price": "team_monthly",
            "quantity": 5,
            "success_url": "https://example.com/welcome",
            "cancel_url": "https://example.com/pricing",
        }
    )

    customer: CustomerId
    price: PriceId
    quantity: Quantity = 1
    currency: PriceCurrency = None
    success_url: WebAddress
    cancel_url: WebAddress
    trial: Flag | None = Field(
        default=None, description="null: if the product has one that the customer did not use yet"
    )
    coupons: Coupons = ()
    add_invoice_items: AddInvoiceItems = ()


class CheckoutSessionView(BaseModel):
    """A page on which the customer completes one subscription or purchase."""

    id: str = Field(examples=["cs_4a1b9c0d2e3f4a1b9c0d2e3f"])
    url: str | None = Field(description="Send the customer's browser here")
    status: CheckoutSessionStatus
    customer: str
    subscription: SubscriptionOf
    purchase: PurchaseOf
    success_url: str
    cancel_url: str
    amount_due_now: MoneyView | None = Field(
        description="What completing the checkout charges; null once it is not open any more"
    )
    trial_end: datetime | None = Field(description="If it is completed now")
    expires_at: datetime
    created_at: datetime

    @classmethod
    def of(
        cls, session: CheckoutSession, state: SubscriptionState | None, *, due_now: Money | None
    ) -> Self:
        """The session and what completing it means."""
        trial = state.terms.trial if state is not None else None
        return cls(
            id=session.id,
            url=session.url if session.is_open else None,
            status=session.status,
            customer=session.customer_id,
            **sale_of(session.subscription_id),
            success_url=session.success_url,
            cancel_url=session.cancel_url,
            amount_due_now=None if due_now is None else MoneyView.of(due_now),
            trial_end=None
            if state is None or trial is None
            else (state.trial or trial_period(state.created_at, trial.days)).end,
            expires_at=session.expires_at,
            created_at=session.created_at,
        )


@router.post(
    "/sessions", status_code=201, operation_id="create_checkout_session", summary="Open a checkout"
)
async def create_checkout_session(body: CheckoutInput, deps: Deps, ids: Ids) -> CheckoutSessionView:
    """A hosted page for one subscription; nothing is charged before the customer completes it.

    With a price that is sold once, for a purchase: of that and of `add_invoice_items`.
    """
    async with reading(deps.engine) as connection:
        checked = await _checked(connection, body, ids)
    due_now = _charged(await checked.due_now(deps), checked.customer)
    if not checked.is_started:
        await join_parent(deps, checked.state)
        state = await take_redemptions(deps, checked.state)
        checked = replace(checked, state=state)
    async with transactions(deps.engine)() as tx:
        session = await tx.checkout_sessions.create(_new_session(ids.new("cs"), checked, body))
    session = await _with_page(deps, session, checked)
    workflows = SubscriptionWorkflows.of(deps)
    async with clock_standing(deps.engine, checked):
        await workflows.start_recorded(checked.state, update_id=ids.new("upd"))
    return CheckoutSessionView.of(session, checked.state, due_now=due_now)


@router.get(
    "/sessions/{checkout_session_id}",
    operation_id="read_checkout_session",
    summary="Read a checkout",
)
async def read_checkout_session(
    checkout_session_id: CheckoutSessionId, deps: Deps
) -> CheckoutSessionView:
    """One checkout session."""
    async with reading(deps.engine) as connection:
        session = await checkout_sessions.get(connection, checkout_session_id)
        if session is None:
            raise NotFound(
                "checkout_session_not_found", f"no checkout session {checkout_session_id}"
            )
        state = await subscriptions.state_of(connection, session.subscription_id)
        price = None if state is None else await catalog.price_of(connection, state.terms)
        customer = await customers.get(connection, session.customer_id)
    due_now = None
    if session.is_open and state is not None and price is not None:
        due_now = _charged(await due_at_start(deps, state, price), customer)
    return CheckoutSessionView.of(session, state, due_now=due_now)


def _charged(due_now: Money, customer: Customer | None) -> Money:
    """Whoever has net terms is sent an invoice instead (policy P22)."""
    is_sent = customer is not None and customer.net_days is not None
    return Money.zero(due_now.currency) if is_sent else due_now


async def _checked(
    connection: AsyncConnection, body: CheckoutInput, ids: RequestIds
) -> CheckedOrder:
    """A subscription, or what is sold once.

    Also where the same request has begun a purchase and its price is not sold any more.
    """
    try:
        return await check_order(connection, _order(body, ids))
    except InvalidInput as refused:
        purchase = _purchase(body, ids)
        is_once = refused.code == "price_not_recurring"
        if not is_once and not await is_begun(connection, purchase):
            raise
        return await check_purchase(connection, purchase)


def _order(body: CheckoutInput, ids: RequestIds) -> Order:
    return Order(
        subscription_id=ids.new("sub"),
        customer_id=body.customer,
        price_id=body.price,
        quantity=body.quantity,
        trial=body.trial,
        currency=body.currency,
        configuration=body.configuration,
        coupon_ids=body.coupons,
        added=body.add_invoice_items,
    )


def _purchase(body: CheckoutInput, ids: RequestIds) -> PurchaseOrder:
    """The same, where the price is sold once."""
    first = AddedItem(
        price=body.price,
        quantity=body.quantity,
        dimensions=body.dimensions,
        base_amount_minor=body.base_amount_minor,
    )
    return PurchaseOrder(
        purchase_id=ids.new(PURCHASE),
        customer_id=body.customer,
        items=(first, *body.add_invoice_items),
        kind=PurchaseKind.CHECKOUT,
        currency=body.currency,
        coupon_ids=body.coupons,
        trial=bool(body.trial),
    )


def _new_session(session_id: str, checked: CheckedOrder, body: CheckoutInput) -> CheckoutSession:
    return CheckoutSession(
        id=session_id,
        subscription_id=checked.state.subscription_id,
        customer_id=checked.customer.id,
        stripe_session_id=None,
        url=None,
        success_url=body.success_url,
        cancel_url=body.cancel_url,
        status=CheckoutSessionStatus.OPEN,
        expires_at=checked.state.checkout_expires_at,
        created_at=checked.state.created_at,
    )


async def _with_page(
    deps: Dependencies, session: CheckoutSession, checked: CheckedOrder
) -> CheckoutSession:
    """The session with its page at the gateway, made now unless an earlier try made it."""
    if session.stripe_session_id is not None:
        return session
    request = CheckoutRequest(
        checkout_session_id=session.id,
        subscription_id=session.subscription_id,
        gateway_customer_id=await ensure_gateway_customer(deps, checked.customer),
        currency=checked.state.terms.currency,
        success_url=HostedLinks.of(deps.settings).checkout_return(session.id),
        cancel_url=session.cancel_url,
    )
    hosted = await with_fresh_keys(
        lambda key: deps.gateway.create_checkout(request, key=key), "checkout.create", session.id
    )
    if hosted.url is None:
        raise GatewayRefused("page_closed", "the gateway made a page that cannot be visited")
    page = {"stripe_session_id": hosted.id, "url": hosted.url}
    async with transactions(deps.engine)() as tx:
        await tx.checkout_sessions.set_page(session.id, expires_at=session.expires_at, **page)
    return session.model_copy(update=page)
