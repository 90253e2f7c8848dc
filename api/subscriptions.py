"""Subscriptions: what was sold, what will happen to it, and what did.

Owns the operations on subscriptions. Commands go to the subscription's workflow; everything that
is shown is read from the database.
"""

from datetime import datetime
from typing import Annotated, Final, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from adapters.db.engine import reading
from adapters.db.queries import subscriptions
from adapters.db.queries.subscriptions import Subscription, SubscriptionFilter, TimelineEntry
from api.authentication import CallerOf
from api.dependencies import Dependencies, Deps
from api.fields import (
    Body,
    CustomerId,
    Flag,
    PaymentMethodId,
    PriceId,
    ProductId,
    Quantity,
    Reason,
    SubscriptionId,
    TestClockId,
    Timestamp,
    example,
)
from api.idempotency import Ids
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.payment_methods import make_default, require_method
from api.present import present_on
from api.problems import Unavailable
from api.route import ApiRoute
from api.subscription_start import Order, Purchase, check_order, clock_standing
from api.subscription_view import SubscriptionView
from api.workflow_calls import NotRunning, SubscriptionWorkflows
from billing.errors import Conflict, NotFound
from billing.subscription import SubscriptionStatus
from workflows.messages import Cancel, CancelMode, ExtendTrial, UndoCancel

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"], route_class=ApiRoute)

_TIMELINE_LIMIT: Final = 100


class SubscriptionInput(Body):
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
    payment_method: PaymentMethodId | None = Field(
        default=None, description="One of the customer's; becomes the default"
    )
    trial: Flag | None = Field(
        default=None, description="null: if the product has one that the customer did not use yet"
    )


class CancelInput(Body):
    """When the subscription ends, and why."""

    model_config = example({"mode": "at_period_end", "reason": "The customer asked for it"})

    mode: CancelMode = CancelMode.AT_PERIOD_END
    reason: Reason | None = None


class ReasonInput(Body):
    """Why."""

    model_config = example({"reason": "The customer stays"})

    reason: Reason | None = None


class ExtendTrialInput(Body):
    """A later end of the trial."""

    model_config = example({"trial_end": "2026-02-28T09:30:00Z", "reason": "More time to decide"})

    trial_end: Timestamp
    reason: Reason | None = None


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
    )
    async with reading(deps.engine) as connection:
        purchase = await check_order(connection, order)
        if body.payment_method is not None:
            await require_method(connection, body.customer, body.payment_method)
    await _choose_method(deps, purchase, body.payment_method)
    state = purchase.state
    ready = state.model_copy(update={"checkout_completed_at": state.created_at})
    workflows = SubscriptionWorkflows.of(deps)
    try:
        async with clock_standing(deps.engine, purchase):
            await workflows.start_activated(ready, update_id=ids.new("upd"))
    except Unavailable:
        if await _find(deps, order.subscription_id) is None:
            raise
    return _view(await _require(deps, order.subscription_id))


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
    return Page[SubscriptionView].of(page, _view)


@router.get("/{subscription_id}", operation_id="read_subscription", summary="Read a subscription")
async def read_subscription(subscription_id: SubscriptionId, deps: Deps) -> SubscriptionView:
    """One subscription, and in `next_actions` what will happen to it, when and why."""
    return _view(await _require(deps, subscription_id))


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
    await _require(deps, subscription_id)
    async with reading(deps.engine) as connection:
        page = await subscriptions.timeline(connection, subscription_id, cursor=cursor, limit=limit)
    return Page[TimelineEntryView].of(page, TimelineEntryView.of)


@router.post(
    "/{subscription_id}/cancel", operation_id="cancel_subscription", summary="Cancel a subscription"
)
async def cancel_subscription(
    subscription_id: SubscriptionId, body: CancelInput, deps: Deps, caller: CallerOf, ids: Ids
) -> SubscriptionView:
    """At the period's end, undoable until then, or now. While past due: always now."""
    command = Cancel(
        command_id=ids.new("cmd"), actor=caller.actor, reason=body.reason, mode=body.mode
    )
    return await _command(deps, subscription_id, command)


@router.post(
    "/{subscription_id}/undo_cancel", operation_id="undo_cancel", summary="Undo a cancellation"
)
async def undo_cancel(
    subscription_id: SubscriptionId, body: ReasonInput, deps: Deps, caller: CallerOf, ids: Ids
) -> SubscriptionView:
    """The subscription goes on."""
    command = UndoCancel(command_id=ids.new("cmd"), actor=caller.actor, reason=body.reason)
    return await _command(deps, subscription_id, command)


@router.post(
    "/{subscription_id}/extend_trial", operation_id="extend_trial", summary="Extend the trial"
)
async def extend_trial(
    subscription_id: SubscriptionId, body: ExtendTrialInput, deps: Deps, caller: CallerOf, ids: Ids
) -> SubscriptionView:
    """Moves the trial's end, and with it the first charge."""
    command = ExtendTrial(
        command_id=ids.new("cmd"),
        actor=caller.actor,
        reason=body.reason,
        trial_end=body.trial_end,
    )
    return await _command(deps, subscription_id, command)


async def _command(
    deps: Dependencies, subscription_id: str, command: Cancel | UndoCancel | ExtendTrial
) -> SubscriptionView:
    before = await _require(deps, subscription_id)
    async with reading(deps.engine) as connection:
        await present_on(connection, before.test_clock_id)
    try:
        workflows = SubscriptionWorkflows.of(deps)
        await workflows.command(subscription_id, command)
    except NotRunning:
        await _after_the_end(deps, subscription_id, command.command_id)
    return _view(await _require(deps, subscription_id))


async def _after_the_end(deps: Dependencies, subscription_id: str, command_id: str) -> None:
    """The command that ended it is answered again; any other comes too late."""
    state = (await _require(deps, subscription_id)).state
    if state.applied_command(command_id) is not None:
        return
    if state.has_ended:
        raise Conflict("subscription_ended", f"the subscription is {state.status}")
    raise Unavailable("temporarily_unavailable", "the subscription's workflow does not run")


async def _choose_method(
    deps: Dependencies, purchase: Purchase, payment_method_id: str | None
) -> None:
    if payment_method_id is not None:
        await make_default(deps, purchase.customer, payment_method_id)
        return
    terms = purchase.state.terms
    owes_now = terms.trial is None and terms.period_amount.amount_minor > 0
    if owes_now and purchase.customer.default_payment_method_id is None:
        raise Conflict(
            "payment_method_required", "the customer has no payment method to charge: save one"
        )


async def _find(deps: Dependencies, subscription_id: str) -> Subscription | None:
    async with reading(deps.engine) as connection:
        return await subscriptions.get(connection, subscription_id)


async def _require(deps: Dependencies, subscription_id: str) -> Subscription:
    found = await _find(deps, subscription_id)
    if found is None:
        raise NotFound("subscription_not_found", f"no subscription {subscription_id}")
    return found


def _view(subscription: Subscription) -> SubscriptionView:
    return SubscriptionView.of(subscription.state, test_clock_id=subscription.test_clock_id)
