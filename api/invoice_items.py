"""Invoice items: one-off charges, on a subscription's next invoice or on one of their own.

Owns their operations. An item that waits does so in the database, and the transaction that
finalises the next period's invoice takes it. One for now is a command to the subscription's
workflow, which collects its invoice.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from activities.foreseeing import foreseen, foreseen_charge
from adapters.db.engine import reading, snapshots, transactions
from adapters.db.queries import invoice_items
from adapters.db.transaction import SqlTransaction
from api.authentication import Caller, CallerOf
from api.commanding import give
from api.configured import Configured
from api.customers import require_customer
from api.dependencies import Deps
from api.fields import (
    AmountMinor,
    Body,
    Currency,
    CustomerId,
    InvoiceItemId,
    PriceId,
    Quantity,
    Reason,
    SubscriptionId,
    Timestamp,
    example,
)
from api.idempotency import Ids, RequestIds
from api.money_view import MoneyView
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.period_view import PeriodView
from api.present import present_on
from api.route import ApiRoute
from api.sale import PurchaseOf, SubscriptionOf, WantedSale, sale_of
from api.upcoming_invoice import UpcomingInvoiceView
from billing.errors import Conflict, InvalidInput
from billing.invoice_item import (
    InvoiceItem,
    InvoiceItemStatus,
    amount_of,
    moment,
)
from billing.one_off_charge import check_addable, sold_once
from billing.period import Period
from billing.subscription import SubscriptionState
from workflows.messages import ChargeOnce

router = APIRouter(
    prefix="/v1/customers/{customer_id}/invoice_items",
    tags=["invoice_items"],
    route_class=ApiRoute,
)

_ID = "ii_4a1b9c0d2e3f4a1b9c0d2e3f"


Description = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]


class PeriodInput(Body):
    """When a service is or was rendered: from `start` up to, and without, `end`."""

    start: Timestamp
    end: Timestamp

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.end <= self.start:
            raise PydanticCustomError("period_empty", "a period ends after it starts")
        return self


class ItemTime(StrEnum):
    """When something is charged."""

    NEXT_INVOICE = "next_invoice"
    NOW = "now"


class InvoiceItemInput(Configured):
    """What is charged once, and on which subscription's next invoice."""

    model_config = example(
        {
            "subscription": "sub_4a1b9c0d2e3f4a1b9c0d2e3f",
            "description": "Migration of the registry",
            "unit_amount_minor": 25000,
            "currency": "USD",
            "quantity": 2,
        }
    )

    subscription: SubscriptionId
    price: PriceId | None = Field(
        default=None,
        description="A one-off price of the catalog (`interval: null`), in the subscription's"
        " currency; null: `description`, `unit_amount_minor` and `currency` say what it is",
    )
    description: Description | None = Field(
        default=None, description="What the invoice says; of a price its product's name"
    )
    unit_amount_minor: AmountMinor | None = Field(
        default=None, description="In minor units, for one"
    )
    currency: Currency | None = Field(default=None, description="The subscription's")
    quantity: Quantity = 1
    when: ItemTime = Field(
        default=ItemTime.NEXT_INVOICE,
        description="`next_invoice`: with the subscription's next period; `now`: an invoice of its"
        " own, collected at once and dunned as any other",
    )
    period: PeriodInput | None = Field(
        default=None, description="When the service is or was rendered; null: now"
    )
    discountable: bool = Field(
        default=True,
        description="Whether the subscription's coupons are for it; those that are for some"
        " products are not for an amount that you name",
    )
    reason: Reason | None = Field(default=None, description="For the audit log")

    @model_validator(mode="after")
    def _either(self) -> Self:
        named = (self.description, self.unit_amount_minor, self.currency)
        if self.price is None and None in named:
            raise PydanticCustomError(
                "item_incomplete",
                "give a price of the catalog, or description, unit_amount_minor and currency",
            )
        if self.price is not None and named[1:] != (None, None):
            raise PydanticCustomError(
                "amount_given_with_price", "a price says what it costs: give no amount beside it"
            )
        if self.price is None and self.configuration_wanted is not None:
            raise PydanticCustomError(
                "configuration_without_price", "dimensions and base_amount_minor are of a price"
            )
        return self


class CancelItemInput(Body):
    """Why an item is not charged."""

    model_config = example({"reason": "The work was not done"})

    reason: Reason | None = None


class InvoiceItemView(BaseModel):
    """Something charged once."""

    id: str = Field(examples=[_ID])
    customer: str
    subscription: SubscriptionOf
    purchase: PurchaseOf
    description: str = Field(examples=["Migration of the registry"])
    price: str | None = Field(description="The one-off price that it was sold at")
    price_version: int | None
    quantity: int
    amount: MoneyView = Field(description="Of all units together, before discounts and tax")
    discountable: bool
    period: PeriodView
    status: InvoiceItemStatus
    invoice: str | None = Field(description="The invoice that took it")
    created_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, item: InvoiceItem) -> Self:
        """The item."""
        return cls(
            id=item.id,
            customer=item.customer_id,
            **sale_of(item.subscription_id),
            description=item.description,
            price=item.line.price_id,
            price_version=item.line.price_version,
            quantity=item.quantity,
            amount=MoneyView.of(item.amount),
            discountable=item.discountable,
            period=PeriodView.of(item.period),
            status=item.status,
            invoice=item.invoice_id,
            created_at=item.created_at,
            closed_at=item.closed_at,
        )


@router.post(
    "", status_code=201, operation_id="create_invoice_item", summary="Charge something once"
)
async def create_invoice_item(
    customer_id: CustomerId, body: InvoiceItemInput, deps: Deps, caller: CallerOf, ids: Ids
) -> InvoiceItemView:
    """A line with its own period, on the next period's invoice or on one of its own.

    The subscription's coupons discount it unless you say that it is not `discountable`: on the
    next invoice together with the period, on an invoice of its own as one more invoice that they
    are for. An amount that you name is taxed as what is subscribed, and a price of the catalog by
    its own product. Refused where no invoice comes any more (`subscription_ended`,
    `no_next_invoice`), and `now` while the subscription is not `active` (`command_not_allowed`) or
    a change of it is being paid for (`change_in_progress`). `now` answers before the money is in:
    `invoice` says how it goes.
    """
    async with transactions(deps.engine)() as tx:
        state, item = await _asked_for(tx, customer_id, body, ids)
        if body.when is ItemTime.NEXT_INVOICE:
            return await _wait(tx, item, state, body, caller, ids)
    await give(
        deps,
        item.subscription_id,
        ChargeOnce(command_id=ids.new("cmd"), actor=caller.actor, reason=body.reason, item=item),
    )
    async with transactions(deps.engine)() as tx:
        return InvoiceItemView.of(await tx.items.get(customer_id, item.id))


@router.post(
    "/preview",
    operation_id="preview_invoice_item",
    summary="Preview what charging something once costs",
)
async def preview_invoice_item(
    customer_id: CustomerId, body: InvoiceItemInput, deps: Deps, ids: Ids
) -> UpcomingInvoiceView:
    """The invoice that would have it, to the cent: the subscription's next one, or one of its own.

    Refused as charging it would be. Nothing is charged, and nothing waits for an invoice.
    """
    async with transactions(deps.engine)() as tx:
        state, item = await _asked_for(tx, customer_id, body, ids)
        if body.when is ItemTime.NEXT_INVOICE:
            waiting = await tx.items.pending(state.subscription_id)
            check_addable(state, item.amount, waiting=waiting)
    snapshot = snapshots(deps.engine)
    if body.when is ItemTime.NOW:
        now = item.created_at
        return UpcomingInvoiceView.of(
            await foreseen_charge(snapshot, deps.tax_rates, state, item, now=now)
        )
    upcoming = await foreseen(snapshot, deps.tax_rates, state.subscription_id, added=(item,))
    if upcoming is None:
        raise Conflict("no_next_invoice", "no invoice comes by itself as things are")
    return UpcomingInvoiceView.of(upcoming)


@router.get("", operation_id="list_invoice_items", summary="List what is charged once")
async def list_invoice_items(
    customer_id: CustomerId,
    deps: Deps,
    sale: WantedSale,
    status: Annotated[InvoiceItemStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[InvoiceItemView]:
    """Newest first."""
    async with reading(deps.engine) as connection:
        await require_customer(connection, customer_id)
        page = await invoice_items.page_of(
            connection,
            customer_id,
            subscription_id=sale,
            status=status,
            cursor=cursor,
            limit=limit,
        )
    return Page[InvoiceItemView].of(page, InvoiceItemView.of)


@router.post(
    "/{invoice_item_id}/cancel",
    operation_id="cancel_invoice_item",
    summary="Cancel what would be charged once",
)
async def cancel_invoice_item(
    customer_id: CustomerId,
    invoice_item_id: InvoiceItemId,
    body: CancelItemInput,
    deps: Deps,
    caller: CallerOf,
    ids: Ids,
) -> InvoiceItemView:
    """No invoice takes it. Refused once one has (`invoice_item_not_pending`): refund that line."""
    async with transactions(deps.engine)() as tx:
        customer = await require_customer(tx.connection, customer_id)
        now = (await present_on(tx.connection, customer.test_clock_id)).now
        is_first = await tx.audit.append_first(
            command_id=ids.new("cmd"),
            command="cancel_invoice_item",
            subject=invoice_item_id,
            actor=caller.actor,
            reason=body.reason,
            at=now,
        )
        if is_first:
            await tx.items.cancel(customer_id, invoice_item_id, at=now)
        return InvoiceItemView.of(await tx.items.get(customer_id, invoice_item_id))


async def _asked_for(
    tx: SqlTransaction, customer_id: str, body: InvoiceItemInput, ids: RequestIds
) -> tuple[SubscriptionState, InvoiceItem]:
    """The subscription, which does not change until the transaction ends, and the item."""
    customer = await require_customer(tx.connection, customer_id)
    now = (await present_on(tx.connection, customer.test_clock_id)).now
    state = await tx.items.lock_subscription(body.subscription)
    if state is None or state.customer_id != customer_id:
        raise InvalidInput("subscription_not_found", "the customer has no such subscription")
    return state, await _item(tx, body, state, ids.new("ii"), now)


async def _item(
    tx: SqlTransaction,
    body: InvoiceItemInput,
    state: SubscriptionState,
    item_id: str,
    now: datetime,
) -> InvoiceItem:
    """What the body describes: at a price that is on sale, or for the amount that it names."""
    period = None if body.period is None else Period(start=body.period.start, end=body.period.end)
    if body.price is not None:
        return sold_once(
            await tx.prices.offer(body.price, now=now),
            item_id=item_id,
            customer_id=state.customer_id,
            subscription_id=state.subscription_id,
            quantity=body.quantity,
            currency=state.terms.currency,
            configuration=body.configuration,
            now=now,
            period=period,
            description=body.description,
            discountable=body.discountable,
        )
    return InvoiceItem(
        id=item_id,
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        description=body.description or "",
        quantity=body.quantity,
        amount=amount_of(
            unit_amount_minor=body.unit_amount_minor or 0,
            quantity=body.quantity,
            currency=body.currency or "",
        ),
        period=period or moment(now),
        created_at=now,
        discountable=body.discountable,
    )


async def _wait(
    tx: SqlTransaction,
    item: InvoiceItem,
    state: SubscriptionState,
    body: InvoiceItemInput,
    caller: Caller,
    ids: RequestIds,
) -> InvoiceItemView:
    """The item waits for the next invoice."""
    is_first = await tx.audit.append_first(
        command_id=ids.new("cmd"),
        command="create_invoice_item",
        subject=item.id,
        actor=caller.actor,
        reason=body.reason,
        at=item.created_at,
    )
    if is_first:
        waiting = await tx.items.pending(state.subscription_id)
        check_addable(state, item.amount, waiting=waiting)
        await tx.items.add(item)
    return InvoiceItemView.of(await tx.items.get(item.customer_id, item.id))
