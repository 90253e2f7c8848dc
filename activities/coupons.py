"""Redeeming a coupon for a running subscription (policy P3).

Owns the one transaction that takes a redemption. Does not own whether the subscription may redeem
it (`billing.commands`) nor what it takes off (`billing.discount`).
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field
from temporalio import activity

from activities.overtaking import recorded_before
from billing.discount import Coupon
from billing.errors import Conflict, InvalidInput
from billing.invoice_item import InvoiceItem
from billing.ports.storage import UnitOfWork
from billing.subscription import SubscriptionState
from billing.value import Instant, Value


class TakeRedemption(Value):
    """Redeem `coupon_id` for `state`; `now` is the subscription's present."""

    state: SubscriptionState
    coupon_id: str
    now: Instant


class RedemptionTaken(Value):
    """The coupon is the subscription's, at these terms."""

    kind: Literal["taken"] = "taken"
    coupon: Coupon


class RedemptionRefused(Value):
    """Nothing was written."""

    kind: Literal["refused"] = "refused"
    error: Literal["Conflict", "InvalidInput"]
    code: str
    message: str


RedemptionOutcome = Annotated[RedemptionTaken | RedemptionRefused, Field(discriminator="kind")]


class Coupons:
    """Activities that redeem coupons, one database transaction each."""

    def __init__(self, *, open_transaction: UnitOfWork) -> None:
        self._open_transaction = open_transaction

    @activity.defn
    async def take_redemption(self, request: TakeRedemption) -> RedemptionOutcome:
        """Once per subscription and coupon, however often it is asked to (policy P32).

        It has to be for something on the next invoice: what is subscribed, or what waits for it.
        Raises `Overtaken`.
        """
        state = request.state
        try:
            async with self._open_transaction() as tx:
                await recorded_before(tx, state)
                waiting = await tx.items.pending(state.subscription_id)
                coupon = await tx.coupons.redeem(
                    request.coupon_id,
                    subscription_id=state.subscription_id,
                    product_ids=(*state.product_ids, *_products_of(waiting)),
                    currency=state.terms.currency,
                    at=request.now,
                )
        except Conflict as error:
            return RedemptionRefused(error="Conflict", code=error.code, message=error.message)
        except InvalidInput as error:
            return RedemptionRefused(error="InvalidInput", code=error.code, message=error.message)
        return RedemptionTaken(coupon=coupon)


def _products_of(items: Sequence[InvoiceItem]) -> Iterator[str]:
    return (item.sold.product_id for item in items if item.sold is not None and item.discountable)
