"""Changes of what a subscription buys: previewed, made, looked at and undone (policy P11-P16).

Owns their operations. Does not own how a preview and a change come about (`api.changing`), amounts
(`billing.change`) nor shapes (`api.change_view`).
"""

from typing import Self

from fastapi import APIRouter
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.quote_token import QuoteTokens
from api import changing
from api.answer import SHOWN_VERSION
from api.change_view import ChangePreviewView, ChangeView
from api.commanding import Commanded, CommandedSubscription, require
from api.configured import Configured
from api.dependencies import Deps
from api.fields import (
    ChangeId,
    PriceId,
    Quantity,
    QuantityChange,
    QuoteToken,
    Reason,
    SubscriptionId,
    example,
)
from api.problems import PaymentDeclined
from api.route import ApiRoute, problem_responses
from api.subscription_commands import ReasonInput
from api.subscription_view import SubscriptionView
from billing.change import ChangeRequest
from billing.errors import Conflict, InvalidInput
from billing.quote import Quote
from billing.subscription import ChangeResult
from workflows.messages import ChangeSubscription, UndoChange

router = APIRouter(
    prefix="/v1/subscriptions/{subscription_id}", tags=["subscriptions"], route_class=ApiRoute
)


class ChangePreviewInput(Configured):
    """What is wanted: another price, a quantity, or so many more or fewer than now."""

    model_config = example({"price": "business_monthly", "quantity": 10})

    price: PriceId | None = Field(default=None, description="null: the one that it has")
    quantity: Quantity | None = Field(default=None, description="In all")
    quantity_change: QuantityChange | None = Field(
        default=None, description="More, or fewer where it is negative, than when it is executed"
    )

    @property
    def request(self) -> ChangeRequest:
        """As the rules know it."""
        return ChangeRequest(
            price_id=self.price,
            quantity=self.quantity,
            quantity_change=self.quantity_change,
            configuration=self.configuration_wanted,
        )


class ChangeInput(ChangePreviewInput):
    """What is wanted, or the quote of a preview instead."""

    model_config = example({"quantity_change": 2, "reason": "Two more developers"})

    quote: QuoteToken | None = Field(
        default=None, description="Of a preview, made at most ten minutes ago"
    )
    reason: Reason | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.quote is not None and self.request != ChangeRequest():
            raise PydanticCustomError(
                "quote_given_with_change", "a quote says what is wanted: give nothing beside it"
            )
        return self


@router.post(
    "/change/preview", operation_id="preview_change", summary="Preview a change and its price"
)
async def preview_change(
    subscription_id: SubscriptionId, body: ChangePreviewInput, deps: Deps
) -> ChangePreviewView:
    """To the cent what the change would charge now, and a quote that holds for ten minutes."""
    return await changing.preview(deps, subscription_id, body.request)


@router.post(
    "/change",
    operation_id="change_subscription",
    summary="Change what a subscription buys",
    responses={
        202: {
            "model": ChangeView,
            "description": "Accepted: in force once it is paid",
            **SHOWN_VERSION,
        },
        **problem_responses(402),
    },
)
async def change_subscription(body: ChangeInput, subscription: CommandedSubscription) -> ChangeView:
    """More is paid first and in force then; less waits for the period's end, without credit.

    A refused payment is a problem (402, `payment_declined`), and leaves everything as it was. The
    change's id follows from the `Idempotency-Key`. 202 where the customer has to authenticate the
    payment (`action_url`) or the gateway takes its time: read the change again, or the
    subscription.
    """
    command = ChangeSubscription(
        **subscription.signature(body.reason, prefix="chg"),
        request=body.request,
        quote=None if body.quote is None else _quote(subscription, body.quote),
    )
    change = await changing.make(subscription.deps, subscription.id, command)
    return _unless_it_came_to_nothing(change)


@router.get("/changes/{change_id}", operation_id="read_change", summary="Read a change")
async def read_change(
    subscription_id: SubscriptionId, change_id: ChangeId, deps: Deps
) -> ChangeView:
    """What became of a change by now. Only the latest changes are remembered."""
    return ChangeView.of(change_id, await require(deps, subscription_id))


@router.post("/undo_change", operation_id="undo_change", summary="Undo a pending change")
async def undo_change(body: ReasonInput, subscription: CommandedSubscription) -> SubscriptionView:
    """Forgets the decrease that waits for the period's end, or gives up a change that is not paid.

    Where that waits at the bank's challenge, its payment is stopped and the change `abandoned`.
    """
    return await subscription.obey(UndoChange(**subscription.signature(body.reason)))


def _quote(subscription: Commanded, token: str) -> Quote:
    quote = QuoteTokens.of(subscription.deps.settings).read(token)
    if quote.subscription_id != subscription.id:
        raise InvalidInput("quote_invalid", "the quote is for another subscription")
    return quote


def _unless_it_came_to_nothing(change: ChangeView) -> ChangeView:
    if change.result is ChangeResult.DECLINED:
        raise PaymentDeclined(
            "payment_declined",
            "the payment was refused: nothing has changed",
            decline=change.decline,
            change=change.id,
            invoice=change.invoice,
        )
    if change.result is ChangeResult.ABANDONED:
        raise Conflict(
            "change_abandoned", "the change was not paid and nothing has changed", change=change.id
        )
    return change
