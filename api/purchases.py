"""Purchases: one-off prices bought without a subscription, and paying for them.

Owns their operations. What is bought at a hosted checkout begins there (`api.checkout`). A purchase
lives by a workflow like a subscription's, which collects its one invoice; what is shown is read
from the database. Does not own what is checked before it starts (`api.purchase_start`).
"""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field

from adapters.db.engine import reading
from adapters.db.queries import subscriptions
from adapters.db.queries.subscriptions import Subscription, SubscriptionFilter
from api.commanding import require
from api.dependencies import Deps
from api.discounts import Coupons
from api.fields import (
    Body,
    Currency,
    CustomerId,
    Flag,
    PaymentMethodId,
    PurchaseId,
    example,
)
from api.first_items import PurchasedItems
from api.idempotency import Ids
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.payment_methods import require_method
from api.purchase_start import PurchaseOrder, check_purchase, foreseen_purchase
from api.purchase_view import PurchaseView
from api.route import ApiRoute
from api.subscription_start import start_at_once
from api.subscriptions import TimelineEntryView
from api.upcoming_invoice import UpcomingInvoiceView
from billing.purchase import PURCHASE
from billing.subscription import PurchaseKind, SubscriptionStatus

router = APIRouter(prefix="/v1/purchases", tags=["purchases"], route_class=ApiRoute)

_TIMELINE_LIMIT: Final = 100


class BasketInput(Body):
    """What is bought, by whom."""

    model_config = example(
        {
            "customer": "cus_4a1b9c0d2e3f4a1b9c0d2e3f",
            "items": [{"price": "onboarding_session", "quantity": 2}],
        }
    )

    customer: CustomerId
    items: PurchasedItems
    currency: Currency | None = Field(
        default=None, description="One that all prices are sold in; null: the first one's first"
    )
    coupons: Coupons = ()


class PurchaseInput(BasketInput):
    """What is bought, and charged at once to a saved payment method."""

    payment_method: PaymentMethodId | None = Field(
        default=None, description="One of the customer's; becomes the default"
    )
    customer_present: Flag = Field(
        default=False,
        description="The customer is in front of a screen and can authenticate the payment:"
        " follow `open_invoices[].action_url` of the answer",
    )


@router.post("", status_code=201, operation_id="create_purchase", summary="Sell one-off prices")
async def create_purchase(body: PurchaseInput, deps: Deps, ids: Ids) -> PurchaseView:
    """Sells them with one invoice, and charges it at once; answers what became of it.

    A payment that is refused is tried again as the first item's product says: see `next_actions`.
    A customer who is not present and has to authenticate is sent a link to the invoice's page.
    """
    order = replace(_order(body, ids.new(PURCHASE)), buyer_present=body.customer_present)
    async with reading(deps.engine) as connection:
        checked = await check_purchase(connection, order)
        if body.payment_method is not None:
            await require_method(connection, body.customer, body.payment_method)
    await start_at_once(deps, checked, ids, payment_method_id=body.payment_method)
    return _view(await require(deps, order.purchase_id))


@router.post("/preview", operation_id="preview_purchase", summary="Preview a purchase")
async def preview_purchase(body: BasketInput, deps: Deps, ids: Ids) -> UpcomingInvoiceView:
    """The invoice that it would get, to the cent. Nothing is sold, and no coupon is used."""
    async with reading(deps.engine) as connection:
        checked = await check_purchase(connection, _order(body, ids.new(PURCHASE)))
    return UpcomingInvoiceView.of(await foreseen_purchase(deps, checked))


@router.get("", operation_id="list_purchases", summary="List purchases")
async def list_purchases(
    deps: Deps,
    customer: Annotated[CustomerId | None, Query()] = None,
    status: Annotated[SubscriptionStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[PurchaseView]:
    """Newest first; every filter given must hold."""
    where = SubscriptionFilter(customer_id=customer, status=status, purchases=True)
    async with reading(deps.engine) as connection:
        page = await subscriptions.page_of(connection, where, cursor=cursor, limit=limit)
    return Page[PurchaseView].of(page, _view)


@router.get("/{purchase_id}", operation_id="read_purchase", summary="Read a purchase")
async def read_purchase(purchase_id: PurchaseId, deps: Deps) -> PurchaseView:
    """One purchase, and in `next_actions` what will happen to it, when and why."""
    return _view(await require(deps, purchase_id))


@router.get(
    "/{purchase_id}/timeline",
    operation_id="read_purchase_timeline",
    summary="Read what happened to a purchase",
)
async def read_purchase_timeline(
    purchase_id: PurchaseId, deps: Deps, cursor: Cursor = None, limit: Limit = _TIMELINE_LIMIT
) -> Page[TimelineEntryView]:
    """Latest first."""
    await require(deps, purchase_id)
    async with reading(deps.engine) as connection:
        page = await subscriptions.timeline(connection, purchase_id, cursor=cursor, limit=limit)
    return Page[TimelineEntryView].of(page, TimelineEntryView.of)


def _order(body: BasketInput, purchase_id: str) -> PurchaseOrder:
    return PurchaseOrder(
        purchase_id=purchase_id,
        customer_id=body.customer,
        items=body.items,
        kind=PurchaseKind.INVOICE,
        currency=body.currency,
        coupon_ids=body.coupons,
    )


def _view(found: Subscription) -> PurchaseView:
    return PurchaseView.of(found.state, test_clock_id=found.test_clock_id)
