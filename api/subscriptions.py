"""Subscriptions: what was sold, what will happen to it, and what did.

Owns their start and their reading; everything that is shown is read from the database. Does not own
commands (`api.subscription_commands`) nor changes of what is sold (`api.subscription_changes`).
"""

from datetime import datetime
from typing import Annotated, Final, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from adapters.db.engine import reading
from adapters.db.queries import subscriptions
from adapters.db.queries.subscriptions import SubscriptionFilter, TimelineEntry
from api.commanding import require, view
from api.configured import Configured
from api.dependencies import Deps
from api.discounts import Coupons
from api.fields import (
    CustomerId,
    Flag,
    PaymentMethodId,
    PriceCurrency,
    PriceId,
    ProductId,
    Quantity,
    SubscriptionId,
    TestClockId,
    Timestamp,
    example,
)
from api.first_items import AddInvoiceItems
from api.idempotency import Ids
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.payment_methods import require_method
from api.route import ApiRoute
from api.subscription_start import Order, check_order, start_at_once
from api.subscription_view import SubscriptionView
from billing.subscription import SubscriptionStatus

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"], route_class=ApiRoute)

_TIMELINE_LIMIT: Final = 100


class SubscriptionInput(Configured):
    """A subscription to start with a saved payment method."""

    model_config = example(
        {
            "customer": "cus_4a1b9c0d2e3f4a1b9c0d2e3f",
            "price": "team_monthly",
            "quantity": 5,
        }
    )

    customer: CustomerId
    price: PriceId
    quantity: Quantity = 1
    currency: PriceCurrency = None
    payment_method: PaymentMethodId | None = Field(
        default=None, description="One of the customer's; becomes the default"
    )
    trial: Flag | None = Field(
        default=None, description="null: if the product has one that the customer did not use yet"
    )
    contract_until: Timestamp | None = Field(
        default=None, description="Until then no price migration moves it; null: no contract"
    )
    coupons: Coupons = ()
    add_invoice_items: AddInvoiceItems = ()


class TimelineEntryView(BaseModel):
    """One thing that happened."""

    type: str = Field(examples=["subscription.renewed"])
    at: datetime
    details: dict[str, str | int | None]

    @classmethod
    def of(cls, entry: TimelineEntry) -> Self:
        """The entry, without its internal key."""
        return cls(type=entry.type, at=entry.at, details=entry.details)


@router.post(
    "", status_code=201, operation_id="create_subscription", summary="Start a subscription"
)
async def create_subscription(body: SubscriptionInput, deps: Deps, ids: Ids) -> SubscriptionView:
    """Starts a subscription with a saved method and answers what became of it.

    `incomplete` with `activation_refused` where the first payment was refused.
    """
    order = Order(
        subscription_id=ids.new("sub"),
        customer_id=body.customer,
        price_id=body.price,
        quantity=body.quantity,
        trial=body.trial,
        currency=body.currency,
        configuration=body.configuration,
        contract_until=body.contract_until,
        coupon_ids=body.coupons,
        added=body.add_invoice_items,
    )
    async with reading(deps.engine) as connection:
        checked = await check_order(connection, order)
        if body.payment_method is not None:
            await require_method(connection, body.customer, body.payment_method)
    await start_at_once(deps, checked, ids, payment_method_id=body.payment_method)
    return view(await require(deps, order.subscription_id))


@router.get("", operation_id="list_subscriptions", summary="List subscriptions")
async def list_subscriptions(  # noqa: PLR0913 - one argument per filter
    *,
    deps: Deps,
    customer: Annotated[CustomerId | None, Query()] = None,
    status: Annotated[SubscriptionStatus | None, Query()] = None,
    product: Annotated[ProductId | None, Query()] = None,
    price: Annotated[PriceId | None, Query()] = None,
    test_clock: Annotated[TestClockId | None, Query()] = None,
    created_from: Annotated[Timestamp | None, Query()] = None,
    created_before: Annotated[Timestamp | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[SubscriptionView]:
    """Newest first; every filter given must hold."""
    where = SubscriptionFilter(
        customer_id=customer,
        status=status,
        product_id=product,
        price_id=price,
        test_clock_id=test_clock,
        created_from=created_from,
        created_before=created_before,
    )
    async with reading(deps.engine) as connection:
        page = await subscriptions.page_of(connection, where, cursor=cursor, limit=limit)
    return Page[SubscriptionView].of(page, view)


@router.get("/{subscription_id}", operation_id="read_subscription", summary="Read a subscription")
async def read_subscription(subscription_id: SubscriptionId, deps: Deps) -> SubscriptionView:
    """One subscription, and in `next_actions` what will happen to it, when and why."""
    return view(await require(deps, subscription_id))


@router.get(
    "/{subscription_id}/timeline", operation_id="read_timeline", summary="Read what happened"
)
async def read_timeline(
    subscription_id: SubscriptionId,
    deps: Deps,
    cursor: Cursor = None,
    limit: Limit = _TIMELINE_LIMIT,
) -> Page[TimelineEntryView]:
    """Latest first."""
    await require(deps, subscription_id)
    async with reading(deps.engine) as connection:
        page = await subscriptions.timeline(connection, subscription_id, cursor=cursor, limit=limit)
    return Page[TimelineEntryView].of(page, TimelineEntryView.of)
